/* SPDX-License-Identifier: MIT */
/* Threads on the smallest stacks there are, and a stack overflow that the program handles itself. */
#include "program.h"

#include <limits.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>

static void *run(void *unused)
{
	void *blocks[20];

	(void)unused;
	for (int i = 0; i < 20; i++)
		blocks[i] = malloc(opaque(100));
	for (int i = 0; i < 20; i++)
		free(blocks[i]);
	return NULL;
}

static sigjmp_buf landing;

static void on_overflow(int number)
{
	siglongjmp(landing, number);
}

static __attribute__((noinline)) size_t overflow(size_t depth)
{
	volatile char room[1000];

	/* Not to the end: an overflow inside malloc would leave glibc's lock behind. */
	if (depth < 1000)
		allocate_and_free(10);
	room[depth % 1000] = 1;
	if (depth == opaque(SIZE_MAX))
		return 0;
	return overflow(depth + 1) + (size_t)room[3];
}

int main(void)
{
	pthread_attr_t attr;

	pthread_attr_init(&attr);
	CHECK(pthread_attr_setstacksize(&attr, (size_t)PTHREAD_STACK_MIN) == 0);
	for (int i = 0; i < 50; i++) {
		pthread_t thread;

		CHECK(pthread_create(&thread, &attr, run, NULL) == 0);
		pthread_join(thread, NULL);
	}

	static char stack[65536];
	const stack_t alt = {.ss_sp = stack, .ss_size = sizeof(stack)};
	struct sigaction action = {.sa_handler = on_overflow, .sa_flags = SA_ONSTACK};

	CHECK(sigaltstack(&alt, NULL) == 0 && sigaction(SIGSEGV, &action, NULL) == 0);
	if (sigsetjmp(landing, 1) == 0)
		overflow(opaque(0));
	else
		puts("overflow handled");
	return 0;
}
