/* SPDX-License-Identifier: MIT */
/*
 * Threads that make the same events over and over, from many stacks, so that after a while a tracer
 * has seen everything once. What it does from then on is watched:
 *
 * steady_state mark N               N events between two calls, of steady_begin() and steady_end()
 * steady_state syscalls N THREADS   the kernel reports every system call of N events in each thread
 * steady_state turns N              two threads make N events in turn; each turn begins and ends with a
 *                                   store to one of the addresses that are printed first
 */
#include "program.h"

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

/*
 * Everything repeats after N_STEPS. In every mode the warm-up is made in one loop with what follows, so
 * that both have the very same stacks.
 */
#define NOINLINE    __attribute__((noinline, noclone))
#define N_SLOTS     32u
#define N_STEPS     256u
#define WARM_STEPS  (4u * N_STEPS)
#define GROW_STEPS  (64u * N_STEPS) /* what grows with use is grown then */
#define MAX_DEPTH   24u
#define MAX_THREADS 8u
#define N_TURNS     4u
#define LINE_WORDS  16u /* two lines apart, for prefetchers */

struct mill {
	void *slots[N_SLOTS];
	uint64_t n_events;
};

static size_t n_steps;

/* One step makes one to three events. */
static NOINLINE void step(struct mill *m, unsigned k)
{
	void **slot = &m->slots[k % N_SLOTS];
	size_t n_bytes = opaque(16 + k * 40503u % 400);

	switch (k * 2654435761u >> 16 & 7) {
	case 0:
		free(*slot);
		*slot = calloc(1, n_bytes);
		m->n_events += 2;
		break;
	case 1:
		free(*slot);
		CHECK(posix_memalign(slot, 64, n_bytes) == 0);
		m->n_events += 2;
		break;
	case 2:
		free(*slot);
		*slot = aligned_alloc(32, n_bytes & ~(size_t)31);
		m->n_events += 2;
		break;
	case 3:
	case 4:
		*slot = realloc(*slot, n_bytes);
		m->n_events++;
		break;
	default:
		allocate_and_free(n_bytes);
		m->n_events += 2;
		break;
	}
	KEEP(*slot);
}

static void right(struct mill *m, unsigned k, unsigned depth);

/* Two functions that call each other by the bits of k, from two places each. */
static NOINLINE void left(struct mill *m, unsigned k, unsigned depth)
{
	volatile char room[40];

	room[0] = 1;
	if (depth == 0)
		step(m, k);
	else if (k >> depth % 9 & 1)
		left(m, k, depth - 1);
	else
		right(m, k, depth - 1);
	(void)room[0];
}

static NOINLINE void right(struct mill *m, unsigned k, unsigned depth)
{
	volatile char room[200];

	room[0] = 1;
	if (depth == 0)
		step(m, k);
	else if (k >> depth % 9 & 1)
		right(m, k, depth - 1);
	else
		left(m, k, depth - 1);
	(void)room[0];
}

static NOINLINE void make_events(struct mill *m, size_t n)
{
	for (size_t i = 0; i < n; i++)
		left(m, (unsigned)(i % N_STEPS), (unsigned)(i % N_STEPS) * 7 % MAX_DEPTH);
}

void steady_begin(void);
void steady_end(void);
NOINLINE void steady_begin(void)
{
	__asm__ volatile("" : : : "memory");
}
NOINLINE void steady_end(void)
{
	__asm__ volatile("" : : : "memory");
}

static int run_marked(void)
{
	struct mill m = { .n_events = 0 };

	for (volatile int is_warm = 0; is_warm < 2; is_warm++) {
		m.n_events = 0;
		if (is_warm)
			steady_begin();
		make_events(&m, is_warm ? n_steps : WARM_STEPS);
	}
	steady_end();
	printf("%llu events\n", (unsigned long long)m.n_events);
	return 0;
}

static _Atomic unsigned n_done;
static _Atomic uint64_t n_all_events;
static _Atomic unsigned n_calls;
static volatile long first_call[8];

static void see_call(int number, siginfo_t *info, void *context)
{
	unsigned i = atomic_fetch_add(&n_calls, 1);

	(void)number;
	if (i < 8)
		first_call[i] = info->si_syscall;
#if defined(__x86_64__)
	((ucontext_t *)context)->uc_mcontext.gregs[REG_RAX] = -ENOSYS;
#else
	(void)context;
#endif
}

/* From here on every system call of this thread raises SIGSYS, but for that handler's return. */
static void watch_calls(void)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_rt_sigreturn, 2, 0),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_exit_group, 1, 0),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRAP),
		BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
	};
	struct sock_fprog program = { sizeof(code) / sizeof(code[0]), code };

	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) ||
	    prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program)) {
		printf("no seccomp: %s\n", strerror(errno));
		_exit(77);
	}
}

static void *run_watched(void *unused)
{
	struct mill m = { .n_events = 0 };

	for (volatile int is_warm = 0; is_warm < 2; is_warm++) {
		m.n_events = 0;
		if (is_warm)
			watch_calls();
		make_events(&m, is_warm ? n_steps : GROW_STEPS);
	}
	atomic_fetch_add(&n_all_events, m.n_events);
	atomic_fetch_add(&n_done, 1);
	for (;;) /* even ending would be a system call */
		;
	return unused;
}

static int run_syscalls(unsigned n_threads)
{
	struct sigaction action = { .sa_sigaction = see_call, .sa_flags = SA_SIGINFO };

	CHECK(sigaction(SIGSYS, &action, NULL) == 0);
	for (unsigned i = 0; i < n_threads; i++) {
		pthread_t thread;

		CHECK(pthread_create(&thread, NULL, run_watched, NULL) == 0);
	}
	while (atomic_load(&n_done) < n_threads)
		usleep(1000);
	printf("%llu events, %u system calls", (unsigned long long)n_all_events, n_calls);
	for (unsigned i = 0; i < n_calls && i < 8; i++)
		printf(" %ld", first_call[i]);
	printf("\n");
	fflush(stdout);
	_exit(0);
}

/* What the watching script looks for: [turn's thread][begin or end]. */
static volatile uint64_t marks[4][LINE_WORDS] __attribute__((aligned(128)));
static _Atomic unsigned turn __attribute__((aligned(128)));

/* Without a store: it would look like one of the thread whose turn it is. */
static inline __attribute__((always_inline)) void await_turn(unsigned mine)
{
	while (atomic_load(&turn) != mine) {
#if defined(__x86_64__)
		long number = SYS_sched_yield;

		__asm__ volatile("syscall" : "+a"(number) : : "rcx", "r11", "memory");
#endif
	}
}

static void *run_turns(void *arg)
{
	unsigned me = *(unsigned *)arg;
	struct mill m = { .n_events = 0 };

	/* The first turn is to get warm. */
	for (volatile unsigned i = 0; i <= N_TURNS; i++) {
		await_turn(2 * i + me);
		if (i)
			marks[2 * me][0] = i;
		make_events(&m, i ? n_steps : WARM_STEPS);
		if (i)
			marks[2 * me + 1][0] = i;
		atomic_fetch_add(&turn, 1);
	}
	return NULL;
}

static int run_in_turns(void)
{
	static unsigned numbers[2] __attribute__((aligned(128))) = { 0, 1 };
	pthread_t threads[2];

	printf("%llx %llx %llx %llx\n", (unsigned long long)&marks[0],
	       (unsigned long long)&marks[1], (unsigned long long)&marks[2],
	       (unsigned long long)&marks[3]);
	fflush(stdout);
	for (unsigned i = 0; i < 2; i++)
		CHECK(pthread_create(&threads[i], NULL, run_turns, &numbers[i]) == 0);
	for (unsigned i = 0; i < 2; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

int main(int argc, char **argv)
{
	/* The allocator itself asks the kernel for nothing more once it has this. */
	mallopt(M_TOP_PAD, 512 << 10);
	mallopt(M_TRIM_THRESHOLD, 64 << 20);
	n_steps = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;
	CHECK(n_steps > 0);
	if (strcmp(argv[1], "mark") == 0)
		return run_marked();
	if (strcmp(argv[1], "turns") == 0)
		return run_in_turns();
	CHECK(strcmp(argv[1], "syscalls") == 0 && argc > 3);

	unsigned n_threads = (unsigned)atoi(argv[3]);

	CHECK(n_threads > 0 && n_threads <= MAX_THREADS);
	return run_syscalls(n_threads);
}
