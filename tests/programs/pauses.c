/* SPDX-License-Identifier: MIT */
/*
 * Recording paused and resumed, nested, in a thread and in a forked child; C and C++98. The sizes tell what tests/e2e/pauses.sh
 * must find of each; "kill" dies while paused.
 */
#include <heaptide/heaptide.h>

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void *volatile recorded[100];
static void *volatile skipped[60];
static void *volatile others[30];
static void *volatile one;

static void make(void *volatile *blocks, int n, size_t size)
{
	int i;

	for (i = 0; i < n; i++)
		blocks[i] = malloc(size);
}

static void drop(void *volatile *blocks, int n)
{
	int i;

	for (i = 0; i < n; i++)
		free(blocks[i]);
}

/* Another thread is recorded while this one is paused; its own pause lasts as long as it. */
static void *in_thread(void *unused)
{
	(void)unused;
	make(others, 30, 777);
	heaptide_pause();
	drop(others, 10);
	make(others, 10, 787);
	return NULL;
}

/* Of a process that forked while it was paused. */
static void child(void)
{
	make(skipped, 5, 601);
	heaptide_resume();
	heaptide_resume();
	make(skipped, 7, 607);
	_exit(0);
}

int main(int argc, char **argv)
{
	pthread_t thread;
	int status;
	pid_t pid;

	heaptide_resume();
	make(recorded, 100, 501);
	errno = 77;
	heaptide_pause();
	if (errno != 77)
		return 1;
	heaptide_pause();
	make(skipped, 50, 1009);
	heaptide_resume();
	if (errno != 77)
		return 2;
	drop(recorded, 40);
	make(skipped + 50, 10, 2003);
	recorded[40] = realloc(recorded[40], 3001);
	if (argc > 1 && strcmp(argv[1], "kill") == 0)
		raise(SIGKILL);
	/* What libc allocates for a thread is nobody's business here. */
	heaptide_resume();
	if (pthread_create(&thread, NULL, in_thread, NULL) != 0)
		return 3;
	heaptide_pause();
	pthread_join(thread, NULL);
	pid = fork();
	if (pid == 0)
		child();
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return 4;
	heaptide_resume();

	/* What comes to the address of a freed block while paused is no freed block any more. */
	one = malloc(4001);
	free(one);
	heaptide_pause();
	one = malloc(4001);
	heaptide_resume();
	free(one);

	/* Resized now, it is an allocation; its old self was never one. */
	skipped[59] = realloc(skipped[59], 5003);
	drop(skipped, 59);
	free(recorded[40]);
	puts("done");
	return 0;
}
