/* SPDX-License-Identifier: MIT */
/* 300 fibers on stacks from malloc and mmap, each allocating on every switch. */
#include "program.h"

#include <sys/mman.h>
#include <ucontext.h>

#define N_FIBERS 300
#define STACK_BYTES 16384

static ucontext_t main_context, contexts[N_FIBERS];
static void *stacks[N_FIBERS];
static int n_finished;

static __attribute__((noinline)) void allocate(int i)
{
	void *p = malloc(opaque(50));

	KEEP(p);
	swapcontext(&contexts[i], &main_context);
	free(p);
	__asm__ volatile("");
}

static void fiber(int i)
{
	for (int k = 0; k < 3; k++)
		allocate(i);
	n_finished++;
}

int main(void)
{
	for (int i = 0; i < N_FIBERS; i++) {
		stacks[i] = i % 2 ? malloc(STACK_BYTES)
				  : mmap(NULL, STACK_BYTES, PROT_READ | PROT_WRITE,
					 MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
		CHECK(stacks[i] && stacks[i] != MAP_FAILED && getcontext(&contexts[i]) == 0);
		contexts[i].uc_stack.ss_sp = stacks[i];
		contexts[i].uc_stack.ss_size = STACK_BYTES;
		contexts[i].uc_link = &main_context;
		makecontext(&contexts[i], (void (*)(void))fiber, 1, i);
	}
	for (int k = 0; k < 4; k++)
		for (int i = 0; i < N_FIBERS; i++)
			swapcontext(&main_context, &contexts[i]);
	for (int i = 1; i < N_FIBERS; i += 2)
		free(stacks[i]);
	printf("%d fibers finished\n", n_finished);
	return 0;
}
