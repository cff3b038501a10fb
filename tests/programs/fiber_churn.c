/* SPDX-License-Identifier: MIT */
/*
 * 5000 fibers, each made and destroyed on its own, one or a few alive at a time: their stacks come to lie
 * where others lay before, with other functions on them, and are gone or hold data in between.
 */
#include "program.h"

#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>

#define NOINLINE    __attribute__((noinline, noclone))
#define N_FIBERS    5000u
#define N_ALIVE     7u
#define STACK_BYTES 32768u

struct fiber {
	ucontext_t context;
	void *stack;
	bool is_mapped;
	bool is_over;
};

static ucontext_t scheduler;
static struct fiber fibers[N_ALIVE];
static unsigned n_finished;

static void yield(struct fiber *f)
{
	swapcontext(&f->context, &scheduler);
}

/* Two functions whose frames look alike but for the return address. */
static NOINLINE void odd(struct fiber *f, unsigned path, unsigned depth);

/* The body of both, each with its own size of block. */
#define STEP(name, n_bytes)                                                       \
	static NOINLINE void name(struct fiber *f, unsigned path, unsigned depth) \
	{                                                                         \
		void *p = malloc(opaque(n_bytes));                                \
                                                                                  \
		KEEP(p);                                                          \
		if (depth == 0)                                                   \
			yield(f);                                                 \
		else if (path & 1)                                                \
			odd(f, path >> 1, depth - 1);                             \
		else                                                              \
			even(f, path >> 1, depth - 1);                            \
		free(p);                                                          \
		__asm__ volatile("");                                             \
	}

STEP(even, 40)
STEP(odd, 50)

static void run(unsigned slot, unsigned number)
{
	struct fiber *f = &fibers[slot];

	for (unsigned i = 0; i < 2; i++)
		even(f, number * 2654435761u >> 13, number % 9);
	f->is_over = true;
	n_finished++;
}

static void make(unsigned slot, unsigned number)
{
	struct fiber *f = &fibers[slot];

	f->is_mapped = number % 3 == 0;
	f->is_over = false;
	f->stack = f->is_mapped ? mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
	                               MAP_PRIVATE | MAP_ANONYMOUS, -1, 0)
	                        : malloc(STACK_BYTES);
	CHECK(f->stack && f->stack != MAP_FAILED && getcontext(&f->context) == 0);
	f->context.uc_stack.ss_sp = f->stack;
	f->context.uc_stack.ss_size = STACK_BYTES;
	f->context.uc_link = &scheduler;
	makecontext(&f->context, (void (*)(void))run, 2, slot, number);
}

static void destroy(struct fiber *f)
{
	if (f->is_mapped) {
		CHECK(munmap(f->stack, STACK_BYTES) == 0);
	} else {
		memset(f->stack, 0x41, STACK_BYTES);
		free(f->stack);
	}
	f->stack = NULL;
}

int main(void)
{
	unsigned number = 0;

	for (unsigned i = 0; n_finished < N_FIBERS; i++) {
		/* At first each lies exactly where the one before it lay. */
		unsigned slot = number < N_FIBERS / 2 ? 0 : i % N_ALIVE;
		struct fiber *f = &fibers[slot];

		if (!f->stack && number == N_FIBERS)
			continue;
		if (!f->stack)
			make(slot, number++);
		swapcontext(&scheduler, &f->context);
		if (f->is_over)
			destroy(f);
	}
	printf("%u fibers finished\n", n_finished);
	return 0;
}
