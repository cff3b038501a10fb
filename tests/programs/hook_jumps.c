/* SPDX-License-Identifier: MIT */
/*
 * Needs hook_jumper preloaded. Handlers jump out of the middle of malloc, and allocate in it and return; on
 * either stack. Blocks of 77 bytes are made after jumps, above where malloc was left; blocks of 78 below;
 * blocks of 79 in handlers that return, and blocks of 80 after those.
 */
#include "program.h"

#include <setjmp.h>
#include <signal.h>
#include <string.h>

#define NOINLINE __attribute__((noinline, noclone))

static sigjmp_buf landing;

static void jump(int number)
{
	siglongjmp(landing, number);
}

static void allocate(int number)
{
	(void)number;
	for (int i = 0; i < 5; i++)
		allocate_and_free(79);
}

/* malloc at some depth; the frames are written to, as those of most functions are. */
static NOINLINE void at_depth(int depth, size_t n_bytes)
{
	char room[200];
	char *p = room;

	memset(room, depth, sizeof(room));
	KEEP(p);
	if (depth)
		at_depth(depth - 1, n_bytes);
	else
		allocate_and_free(n_bytes);
	KEEP(p);
}

static void set(int number, void (*handler)(int), int flags)
{
	struct sigaction action = { .sa_handler = handler, .sa_flags = flags };

	CHECK(sigaction(number, &action, NULL) == 0);
}

int main(void)
{
	static char stack[65536];
	const stack_t alt = { .ss_sp = stack, .ss_size = sizeof(stack) };

	CHECK(sigaltstack(&alt, NULL) == 0);
	for (volatile int flags = 0; flags <= SA_ONSTACK; flags += SA_ONSTACK) {
		set(SIGUSR1, jump, flags);
		set(SIGUSR2, allocate, flags);
		for (volatile int i = 0; i < 10; i++) {
			if (sigsetjmp(landing, 1) == 0)
				at_depth(12, 54321);
			at_depth(3, 77);
			if (sigsetjmp(landing, 1) == 0)
				at_depth(3, 54321);
			at_depth(20, 78);
			at_depth(10, 54322);
			at_depth(15, 80);
		}
	}
	puts("done");
	return 0;
}
