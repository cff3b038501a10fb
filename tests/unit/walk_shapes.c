/* SPDX-License-Identifier: MIT */
/* The shapes that C can express, and the random caller. Tests only. */
#include "walk_shapes.h"

#include <alloca.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>

#include "walk_oracle.h"

#define NOINLINE     __attribute__((noinline, noclone))
#define KEEP_FRAME() __asm__ volatile("") /* no tail call before this */

#define FIBER_BYTES (4u << 20)

uint32_t walk_plan_random(struct walk_plan *plan, uint32_t below)
{
	plan->random = plan->random * 6364136223846793005ull + 1442695040888963407ull;
	return (uint32_t)((plan->random >> 33) % below);
}

NOINLINE void walk_plan_go_on(struct walk_plan *plan)
{
	walk_oracle_look((enum walk_oracle_judgement)plan->judgement);
	plan->depth++;
	while (plan->depth < plan->max_depth && plan->n_left > 0 &&
	       walk_plan_random(plan, 8) != 0) {
		uint32_t i = walk_plan_random(plan, n_walk_shapes);

		if (plan->shapes_mask != 0 && !(plan->shapes_mask >> i & 1))
			continue;
		plan->n_left--;
		walk_shapes[i].shape(plan);
		walk_oracle_look((enum walk_oracle_judgement)plan->judgement);
	}
	plan->depth--;
	walk_oracle_look((enum walk_oracle_judgement)plan->judgement);
	KEEP_FRAME();
}

static NOINLINE void shape_plain(struct walk_plan *plan)
{
	walk_plan_go_on(plan);
	KEEP_FRAME();
}

static NOINLINE void shape_alloca(struct walk_plan *plan)
{
	char *bytes = alloca(walk_plan_random(plan, 3000) + 1);

	bytes[0] = 1;
	__asm__ volatile("" : : "r"(bytes) : "memory");
	walk_plan_go_on(plan);
	KEEP_FRAME();
}

static NOINLINE void shape_realigned(struct walk_plan *plan)
{
	char aligned[128] __attribute__((aligned(64)));

	__asm__ volatile("" : : "r"(aligned) : "memory");
	walk_plan_go_on(plan);
	KEEP_FRAME();
}

static NOINLINE void shape_realigned_alloca(struct walk_plan *plan)
{
	char aligned[128] __attribute__((aligned(64)));
	char *bytes = alloca(walk_plan_random(plan, 500) + 1);

	__asm__ volatile("" : : "r"(aligned), "r"(bytes) : "memory");
	walk_plan_go_on(plan);
	__asm__ volatile("" : : "r"(aligned), "r"(bytes) : "memory");
}

static NOINLINE __attribute__((force_align_arg_pointer)) void
shape_force_align(struct walk_plan *plan)
{
	walk_plan_go_on(plan);
	KEEP_FRAME();
}

static NOINLINE __attribute__((optimize("no-omit-frame-pointer"))) void
shape_frame_pointer(struct walk_plan *plan)
{
	walk_plan_go_on(plan);
	KEEP_FRAME();
}

static NOINLINE void shape_large_frame(struct walk_plan *plan)
{
	char bytes[100000];

	__asm__ volatile("" : : "r"(bytes) : "memory");
	walk_plan_go_on(plan);
	KEEP_FRAME();
}

static NOINLINE void shape_tail_call(struct walk_plan *plan)
{
	walk_plan_go_on(plan);
}

/* Values that live across calls, so that all callee-saved registers are in use, rbp too. */
static NOINLINE void shape_registers(struct walk_plan *plan)
{
	uint64_t a = walk_plan_random(plan, 100);
	uint64_t b = walk_plan_random(plan, 100);
	uint64_t c = walk_plan_random(plan, 100);
	uint64_t d = walk_plan_random(plan, 100);
	uint64_t e = walk_plan_random(plan, 100);

	for (uint64_t i = 0; i < 2; i++) {
		walk_plan_go_on(plan);
		a += b ^ i;
		b += c;
		c += d;
		d += e;
		e += a;
	}
	__asm__ volatile("" : : "r"(a), "r"(b), "r"(c), "r"(d), "r"(e));
}

static NOINLINE void look_only(struct walk_plan *plan)
{
	walk_oracle_look((enum walk_oracle_judgement)plan->judgement);
	KEEP_FRAME();
}

/* Stacks of which only the middle differs, one after another. */
static NOINLINE void shape_two_callers(struct walk_plan *plan)
{
	look_only(plan);
	__asm__ volatile("nop");
	look_only(plan);
	walk_plan_go_on(plan);
	look_only(plan);
	__asm__ volatile("nop");
	look_only(plan);
}

static NOINLINE void shape_recursive_to(struct walk_plan *plan, uint32_t n)
{
	if (n == 0)
		walk_plan_go_on(plan);
	else
		shape_recursive_to(plan, n - 1);
	KEEP_FRAME();
}

static NOINLINE void shape_recursive(struct walk_plan *plan)
{
	shape_recursive_to(plan, walk_plan_random(plan, 30));
	KEEP_FRAME();
}

static __thread struct walk_plan *callback_plan;

static int compare_once(const void *a, const void *b)
{
	struct walk_plan *plan = callback_plan;

	if (plan != NULL) {
		callback_plan = NULL;
		walk_plan_go_on(plan);
	}
	return *(const int *)a - *(const int *)b;
}

static NOINLINE void shape_qsort(struct walk_plan *plan)
{
	int numbers[5] = { 5, 4, 3, 2, 1 };

	callback_plan = plan;
	qsort(numbers, 5, sizeof numbers[0], compare_once);
	callback_plan = NULL;
}

static NOINLINE void shape_bsearch(struct walk_plan *plan)
{
	int numbers[5] = { 1, 2, 3, 4, 5 };
	int key = 3;

	callback_plan = plan;
	if (bsearch(&key, numbers, 5, sizeof numbers[0], compare_once) == NULL)
		abort();
	callback_plan = NULL;
}

static void on_signal(int signal_number)
{
	struct walk_plan *plan = callback_plan;

	(void)signal_number;
	callback_plan = NULL;
	if (plan != NULL)
		walk_plan_go_on(plan);
	KEEP_FRAME();
}

static void raise_with(struct walk_plan *plan, int flags)
{
	struct sigaction action;
	struct sigaction before;

	memset(&action, 0, sizeof action);
	action.sa_handler = on_signal;
	action.sa_flags = flags | SA_NODEFER;
	sigaction(SIGUSR1, &action, &before);
	callback_plan = plan;
	raise(SIGUSR1);
	sigaction(SIGUSR1, &before, NULL);
}

static NOINLINE void shape_signal(struct walk_plan *plan)
{
	raise_with(plan, 0);
}

/* A fault in the middle of a function whose registers hold what the compiler likes. */
static void on_fault(int signal_number, siginfo_t *info, void *context)
{
	ucontext_t *uc = context;

	(void)info;
	uc->uc_mcontext.gregs[REG_RIP] += 2; /* over ud2 */
	on_signal(signal_number);
}

static NOINLINE void shape_fault(struct walk_plan *plan)
{
	struct sigaction action;
	struct sigaction before;

	memset(&action, 0, sizeof action);
	action.sa_sigaction = on_fault;
	action.sa_flags = SA_SIGINFO | SA_NODEFER;
	sigaction(SIGILL, &action, &before);
	callback_plan = plan;
	__asm__ volatile("ud2" : : : "memory");
	sigaction(SIGILL, &before, NULL);
}

static NOINLINE void shape_signal_stack(struct walk_plan *plan)
{
	stack_t fresh = { .ss_sp = malloc(FIBER_BYTES), .ss_size = FIBER_BYTES };
	stack_t before;

	if (fresh.ss_sp == NULL || sigaltstack(NULL, &before) != 0)
		abort();
	/* One is enough: the kernel refuses another while running on it. */
	if (!(before.ss_flags & SS_ONSTACK) && sigaltstack(&fresh, &before) == 0) {
		raise_with(plan, SA_ONSTACK);
		sigaltstack(&before, NULL);
	}
	free(fresh.ss_sp);
}

static NOINLINE void jump_back(struct walk_plan *plan, jmp_buf *where)
{
	walk_plan_go_on(plan);
	longjmp(*where, 1);
}

static NOINLINE void shape_longjmp(struct walk_plan *plan)
{
	jmp_buf where;

	if (setjmp(where) == 0)
		jump_back(plan, &where);
	else
		walk_oracle_look((enum walk_oracle_judgement)plan->judgement);
}

static void fiber_main(unsigned low, unsigned high)
{
	walk_oracle_set_fiber_bottom((uint64_t)__builtin_return_address(0));
	walk_plan_go_on((struct walk_plan *)((uint64_t)high << 32 | low));
	KEEP_FRAME();
}

static NOINLINE void shape_fiber(struct walk_plan *plan)
{
	ucontext_t here;
	ucontext_t there;
	char *stack =
	        mmap(NULL, FIBER_BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (stack == MAP_FAILED || getcontext(&there) != 0)
		abort();
	there.uc_stack.ss_sp = stack;
	there.uc_stack.ss_size = FIBER_BYTES;
	there.uc_link = &here;
	makecontext(&there, (void (*)(void))fiber_main, 2, (unsigned)(uint64_t)plan,
	            (unsigned)((uint64_t)plan >> 32));
	swapcontext(&here, &there);
	munmap(stack, FIBER_BYTES);
}

static void *thread_main(void *arg)
{
	walk_plan_go_on(arg);
	return NULL;
}

static NOINLINE void shape_thread(struct walk_plan *plan)
{
	pthread_t thread;

	if (plan->depth > 12)
		return; /* every thread has a stack of its own */
	if (pthread_create(&thread, NULL, thread_main, plan) != 0)
		abort();
	pthread_join(thread, NULL);
}

const struct walk_shape_entry walk_shapes[] = {
	{ "plain", shape_plain },
	{ "alloca", shape_alloca },
	{ "realigned", shape_realigned },
	{ "realigned_alloca", shape_realigned_alloca },
	{ "force_align", shape_force_align },
	{ "frame_pointer", shape_frame_pointer },
	{ "large_frame", shape_large_frame },
	{ "tail_call", shape_tail_call },
	{ "registers", shape_registers },
	{ "two_callers", shape_two_callers },
	{ "recursive", shape_recursive },
	{ "qsort", shape_qsort },
	{ "bsearch", shape_bsearch },
	{ "signal", shape_signal },
	{ "fault", shape_fault },
	{ "signal_stack", shape_signal_stack },
	{ "longjmp", shape_longjmp },
	{ "fiber", shape_fiber },
	{ "thread", shape_thread },
	{ "exception", walk_shape_exception },
	{ "unwinding", walk_shape_unwinding },
	{ "cfa_in_rbx", walk_shape_cfa_in_rbx },
	{ "cfa_in_r12_rbp_in_r13", walk_shape_cfa_in_r12_rbp_in_r13 },
	{ "expression_cfa", walk_shape_expression_cfa },
	{ "large_offset", walk_shape_large_offset },
	{ "garbage_rbp", walk_shape_garbage_rbp },
};
const uint32_t n_walk_shapes = sizeof walk_shapes / sizeof walk_shapes[0];
