/* SPDX-License-Identifier: MIT */
/*
 * Pools of its own, told of with heaptide.h; C and C++98. tests/e2e/pools.sh knows the numbers. "kill" dies with 100 objects;
 * "race" has threads pass the same addresses on as fast as they can.
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

#define N_SLOTS  8
#define N_ROUNDS 20000

static char slab[64 * 512];
static int slab_pool; /* its address is the pool's */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static char slots[N_SLOTS][16];
static int unused[N_SLOTS];
static int n_unused;

static void fill(void *pool, char *base, int n, size_t size)
{
	int i;

	for (i = 0; i < n; i++)
		heaptide_pool_alloc(pool, base + (size_t)i * size, size);
}

static void *fill_slab(void *unused_argument)
{
	(void)unused_argument;
	fill(&slab_pool, slab, 40, 307);
	return NULL;
}

/* What is on top of the stack of unused slots is what the next one gets, whichever thread that is. */
static void *race(void *unused_argument)
{
	int i, slot;

	(void)unused_argument;
	for (i = 0; i < N_ROUNDS; i++) {
		pthread_mutex_lock(&lock);
		slot = unused[--n_unused];
		pthread_mutex_unlock(&lock);
		heaptide_pool_alloc(slots, slots[slot], 16);
		heaptide_pool_free(slots, slots[slot]);
		pthread_mutex_lock(&lock);
		unused[n_unused++] = slot;
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static int run_race(void)
{
	pthread_t threads[4];
	int i;

	heaptide_pool_name(slots, "slots");
	for (i = 0; i < N_SLOTS; i++)
		unused[n_unused++] = i;
	for (i = 0; i < 4; i++) {
		if (pthread_create(&threads[i], NULL, race, NULL) != 0)
			return 5;
	}
	for (i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	return 0;
}

int main(int argc, char **argv)
{
	char *arena;
	pthread_t thread;
	int i, status;
	pid_t pid;

	if (argc > 1 && strcmp(argv[1], "race") == 0)
		return run_race();
	arena = (char *)malloc(65536);
	errno = 77;
	heaptide_pool_name(arena, "requests");
	fill(arena, arena, 100, 101);
	if (argc > 1 && strcmp(argv[1], "kill") == 0)
		raise(SIGKILL);
	heaptide_pool_resize(arena, arena, 1001);
	heaptide_pool_clear(arena);
	heaptide_mark("cleared");
	heaptide_pause();
	fill(arena, arena, 50, 203);
	heaptide_resume();
	heaptide_pool_destroy(arena);
	if (errno != 77)
		return 1;

	/* Another pool at the same address, of a program that does not tell all. */
	heaptide_pool_alloc(arena, arena, 11);
	heaptide_pool_alloc(arena, arena, 13);
	heaptide_pool_free(arena, arena);
	heaptide_pool_free(arena, arena);

	if (pthread_create(&thread, NULL, fill_slab, NULL) != 0)
		return 2;
	pthread_join(thread, NULL);
	for (i = 0; i < 30; i++)
		heaptide_pool_free(&slab_pool, slab + i * 307);
	pid = fork();
	if (pid == 0) {
		for (i = 30; i < 35; i++)
			heaptide_pool_free(&slab_pool, slab + i * 307);
		fill(&slab_pool, slab, 7, 409);
		_exit(0);
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid || status != 0)
		return 3;
	free(arena);
	puts("done");
	return 0;
}
