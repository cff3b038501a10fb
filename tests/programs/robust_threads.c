/* SPDX-License-Identifier: MIT */
/* robust_threads CASE: threads, odd stacks, signals, and the order of events between threads. */
#include "cases.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <sys/time.h>
#include <unistd.h>

/* many N: all alive at once, each with a block. */
static pthread_barrier_t barrier;

static void *one_block(void *unused)
{
	void *p = kept(malloc(opaque(30011)));

	pthread_barrier_wait(&barrier);
	free(p);
	return unused;
}

static void many(char **args)
{
	size_t n = strtoul(args[0], NULL, 10), n_started = 0;
	pthread_t *threads = malloc(n * sizeof(*threads));
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 65536);
	pthread_barrier_init(&barrier, NULL, (unsigned)n + 1);
	while (n_started < n) {
		if (pthread_create(&threads[n_started], &attr, one_block, NULL) != 0) {
			puts("the system refuses that many threads");
			exit(77);
		}
		n_started++;
	}
	pthread_barrier_wait(&barrier);
	for (size_t i = 0; i < n; i++)
		pthread_join(threads[i], NULL);
	free(threads);
	promise(30011, n, 0);
}

/* Asynchronous cancellation between allocations: the thread goes away at any instruction. */
static void *spin(void *ready)
{
	pthread_setcanceltype(PTHREAD_CANCEL_ASYNCHRONOUS, NULL);
	*(atomic_bool *)ready = true;
	for (volatile unsigned i = 0;; i++)
		;
	return NULL;
}

static void async_cancel(char **args)
{
	(void)args;
	for (int i = 0; i < 200; i++) {
		pthread_t thread;
		atomic_bool is_ready = false;
		void *result;

		CHECK(pthread_create(&thread, NULL, spin, &is_ready) == 0);
		while (!is_ready)
			sched_yield();
		pthread_cancel(thread);
		CHECK(pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED);
		free(kept(malloc(opaque(30013))));
	}
	promise(30013, 200, 0);
}

/* A real-time thread and an ordinary one allocate on one processor. */
static void *allocate_much(void *unused)
{
	for (int i = 0; i < 100000; i++)
		free(kept(malloc(opaque(30029))));
	return unused;
}

static void real_time(char **args)
{
	const struct sched_param high = { .sched_priority = 50 };
	cpu_set_t one;
	pthread_t threads[2];
	pthread_attr_t attr;

	(void)args;
	CPU_ZERO(&one);
	CHECK(sched_getaffinity(0, sizeof(one), &one) == 0);
	for (int i = 0, n = 0; i < CPU_SETSIZE; i++)
		if (CPU_ISSET(i, &one) && n++)
			CPU_CLR(i, &one);
	CHECK(sched_setaffinity(0, sizeof(one), &one) == 0);
	CHECK(pthread_create(&threads[0], NULL, allocate_much, NULL) == 0);
	pthread_attr_init(&attr);
	pthread_attr_setinheritsched(&attr, PTHREAD_EXPLICIT_SCHED);
	pthread_attr_setschedpolicy(&attr, SCHED_FIFO);
	pthread_attr_setschedparam(&attr, &high);
	if (pthread_create(&threads[1], &attr, allocate_much, NULL) != 0) {
		puts("no right to real-time threads");
		exit(77);
	}
	pthread_join(threads[1], NULL);
	pthread_join(threads[0], NULL);
	promise(30029, 200000, 0);
}

/* The program's own handler gets its stack overflow, also where the overflow is inside a hook. */
static sigjmp_buf out;

static void on_overflow(int number)
{
	(void)number;
	siglongjmp(out, 1);
}

__attribute__((noinline)) static size_t recurse(size_t depth)
{
	volatile char room[200];

	room[0] = (char)depth;
	free(kept(malloc(opaque(30047))));
	return opaque(depth) == SIZE_MAX ? 0 : recurse(depth + 1) + (size_t)room[0];
}

static void *overflow(void *unused)
{
	static char stack[65536];
	const stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };
	struct sigaction action = { .sa_handler = on_overflow, .sa_flags = SA_ONSTACK };

	CHECK(sigaltstack(&alt, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0);
	if (sigsetjmp(out, 1) == 0)
		recurse(opaque(0));
	puts("overflow handled");
	return unused;
}

/* In a thread: main's stack may be without limit. */
static void stack_overflow(char **args)
{
	pthread_t thread;
	pthread_attr_t attr;

	(void)args;
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	CHECK(pthread_create(&thread, &attr, overflow, NULL) == 0);
	pthread_join(thread, NULL);
	leak(30059, 10);
	promise(30059, 10, 10);
}

/* A handler that allocates, at any instruction of a thread that does not: glibc allows no more. */
static volatile sig_atomic_t n_ticks;

static void allocate_on_tick(int number)
{
	int saved = errno;

	(void)number;
	if (n_ticks < 500) {
		free(kept(malloc(opaque(30071))));
		n_ticks++;
	}
	errno = saved;
}

static void timer_allocates(char **args)
{
	struct sigaction action = { .sa_handler = allocate_on_tick, .sa_flags = SA_RESTART };
	const struct itimerval fast = { { 0, 200 }, { 0, 200 } }, off = { { 0, 0 }, { 0, 0 } };

	(void)args;
	CHECK(sigaction(SIGALRM, &action, NULL) == 0);
	setitimer(ITIMER_REAL, &fast, NULL);
	while (n_ticks < 500)
		;
	setitimer(ITIMER_REAL, &off, NULL);
	promise(30071, 500, 0);
}

/* Stopped and continued, as a shell does with jobs. */
static void stop_and_go(char **args)
{
	pid_t pid = fork();

	(void)args;
	if (pid == 0) {
		for (;;) {
			kill(getppid(), SIGCONT);
			usleep(1000);
			if (getppid() == 1)
				_exit(0);
		}
	}
	for (int i = 0; i < 20; i++) {
		leak(30089, 10);
		raise(SIGSTOP);
	}
	kill(pid, SIGKILL);
	promise(30089, 200, 200);
}

/* Blocks handed from thread to thread through one slot, so that addresses come back at once. */
#define N_EXCHANGING 8
static _Atomic(void *) slots[64];
static unsigned long n_exchanges;

static void *exchange(void *number)
{
	uint64_t x = (uintptr_t)number * 2654435761u + 1;

	for (unsigned long i = 0; i < n_exchanges; i++) {
		x = x * 6364136223846793005u + 1442695040888963407u;
		free(atomic_exchange(&slots[x >> 58], kept(malloc(opaque(16)))));
	}
	return NULL;
}

static void exchange_all(char **args)
{
	pthread_t threads[N_EXCHANGING];

	n_exchanges = strtoul(args[0], NULL, 10);
	for (uintptr_t i = 0; i < N_EXCHANGING; i++)
		CHECK(pthread_create(&threads[i], NULL, exchange, (void *)i) == 0);
	for (int i = 0; i < N_EXCHANGING; i++)
		pthread_join(threads[i], NULL);
	for (size_t i = 0; i < sizeof(slots) / sizeof(slots[0]); i++)
		free(slots[i]);
}

/* Frame pointers in a circle, and every other value that is none. Callers have no unwind data. */
__attribute__((noinline, optimize("omit-frame-pointer"))) static void call_with(uintptr_t rbp)
{
#ifdef __x86_64__
	__asm__ volatile("push %%rbp\n\tmov %0, %%rbp\n\tmov $77, %%edi\n\tsub $8, %%rsp\n\tcall "
	                 "malloc@PLT\n\t"
	                 "add $8, %%rsp\n\tpop %%rbp"
	                 :
	                 : "r"(rbp)
	                 : "rax", "rcx", "rdx", "rsi", "rdi", "r8", "r9", "r10", "r11", "memory",
	                   "cc");
#else
	(void)rbp;
	free(kept(malloc(77)));
#endif
}

static void frame_chains(char **args)
{
	uintptr_t circle[8];

	(void)args;
	for (int i = 0; i < 4; i++) {
		circle[2 * i] = (uintptr_t)&circle[2 * ((i + 1) % 4)];
		circle[2 * i + 1] = (uintptr_t)&frame_chains;
	}
	call_with((uintptr_t)circle);
	circle[0] = (uintptr_t)circle;
	call_with((uintptr_t)circle);
	call_with((uintptr_t)circle + 1);
	call_with((uintptr_t)&frame_chains);
	call_with((uintptr_t)-8);
	call_with(1);
	leak(30091, 3);
	promise(30091, 3, 3);
}

int main(int argc, char **argv)
{
	static const struct named_case cases[] = {
		{ "many", many },
		{ "async_cancel", async_cancel },
		{ "real_time", real_time },
		{ "stack_overflow", stack_overflow },
		{ "timer_allocates", timer_allocates },
		{ "stop_and_go", stop_and_go },
		{ "exchange", exchange_all },
		{ "frame_chains", frame_chains },
	};

	(void)argc;
	return RUN_CASE(cases, argv);
}
