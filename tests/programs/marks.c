/* SPDX-License-Identifier: MIT */
/*
 * Marks between phases, in a thread and in a signal handler, with errno kept. C and C++. At "filled" 600 blocks of 211
 * bytes are live, at "half" 300 and one of 7001 bytes, at the second "filled" one of 7001 bytes, in the thread 50 of 307 more.
 */
#include <heaptide/heaptide.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

static void *volatile kept;
static void *blocks[600];

static void on_signal(int signal)
{
	(void)signal;
	heaptide_mark("in a handler");
}

static void *in_thread(void *unused)
{
	void *mine[50];

	(void)unused;
	for (int i = 0; i < 50; i++)
		mine[i] = malloc(307);
	heaptide_mark("thread");
	for (int i = 0; i < 50; i++)
		free(mine[i]);
	return NULL;
}

int main(void)
{
	pthread_t thread;

	signal(SIGUSR1, on_signal);
	for (int i = 0; i < 600; i++)
		blocks[i] = malloc(211);
	errno = 77;
	heaptide_mark("filled");
	if (errno != 77)
		return 1;
	for (int i = 0; i < 300; i++)
		free(blocks[i]);
	kept = malloc(7001);
	heaptide_mark("half");
	for (int i = 300; i < 600; i++)
		free(blocks[i]);
	heaptide_mark("filled");
	raise(SIGUSR1);
	heaptide_mark("");
	heaptide_mark("0123456789012345678901234567890123456789012345678901234567890123 and more");
	if (pthread_create(&thread, NULL, in_thread, NULL) != 0)
		return 2;
	pthread_join(thread, NULL);
	puts("done");
	return 0;
}
