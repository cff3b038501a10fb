/* SPDX-License-Identifier: MIT */
/*
 * Live blocks of one size, or idle threads that once allocated: what do they cost in memory? A
 * program that tools/bench measures; says from inside what it takes.
 *
 * Usage: bench_memory live N_BLOCKS BLOCK_BYTES FILE
 *        bench_memory idle N_THREADS N_PAIRS FILE
 */
#include <malloc.h>
#include <pthread.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static pthread_barrier_t barrier;
static unsigned n_pairs;

/* Resident memory from smaps_rollup, which is exact; VmRSS is counted in batches. */
static uint64_t resident_bytes(void)
{
	FILE *f = fopen("/proc/self/smaps_rollup", "r");
	unsigned long long kib = 0;
	char line[256];

	while (f && fgets(line, sizeof(line), f)) {
		if (sscanf(line, "Rss: %llu kB", &kib) == 1)
			break;
	}
	if (f)
		fclose(f);
	return kib * 1024;
}

/* Every block keeps the one before it reachable, so that nothing can be optimised away. */
static uint64_t hold_blocks(size_t n_blocks, size_t block_bytes)
{
	struct mallinfo2 before = mallinfo2();
	void **chain = NULL;

	for (size_t i = 0; i < n_blocks; i++) {
		void **block = malloc(block_bytes);

		memset(block, 1, block_bytes);
		*block = chain;
		chain = block;
	}
	__asm__ volatile("" : : "r"(chain) : "memory");
	struct mallinfo2 after = mallinfo2();

	return after.uordblks + after.hblkhd - before.uordblks - before.hblkhd;
}

__attribute__((noinline)) static void pairs_below(unsigned n_frames)
{
	if (n_frames) {
		pairs_below(n_frames - 1);
	} else {
		for (unsigned i = 0; i < n_pairs; i++) {
			void *block = malloc(64);

			__asm__ volatile("" : "+r"(block) : : "memory");
			free(block);
		}
	}
	__asm__ volatile("" : : : "memory");
}

static void *idle(void *arg)
{
	(void)arg;
	pairs_below(20);
	pthread_barrier_wait(&barrier); /* all are there: the main thread measures */
	pthread_barrier_wait(&barrier);
	return NULL;
}

static int measure_live(size_t n_blocks, size_t block_bytes, FILE *out)
{
	uint64_t before_bytes = resident_bytes();
	uint64_t heap_bytes = hold_blocks(n_blocks, block_bytes);

	fprintf(out, "{\"before_bytes\":%llu,\"after_bytes\":%llu,\"heap_bytes\":%llu}\n",
	        (unsigned long long)before_bytes, (unsigned long long)resident_bytes(),
	        (unsigned long long)heap_bytes);
	return 0;
}

static int measure_idle(size_t n_threads, FILE *out)
{
	pthread_attr_t attr;
	pthread_t thread;
	uint64_t before_bytes;

	/* One arena, small stacks: only what the threads themselves need differs. */
	mallopt(M_ARENA_MAX, 1);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, 256 * 1024);
	pthread_barrier_init(&barrier, NULL, (unsigned)n_threads + 1);
	pairs_below(20);
	before_bytes = resident_bytes();
	for (size_t i = 0; i < n_threads; i++) {
		if (pthread_create(&thread, &attr, idle, NULL))
			return 2;
	}
	pthread_barrier_wait(&barrier);
	fprintf(out, "{\"before_bytes\":%llu,\"after_bytes\":%llu}\n",
	        (unsigned long long)before_bytes, (unsigned long long)resident_bytes());
	fflush(out);
	pthread_barrier_wait(&barrier);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc != 5) {
		fprintf(stderr,
		        "usage: bench_memory live BLOCKS BYTES FILE | idle THREADS PAIRS FILE\n");
		return 2;
	}
	size_t n = strtoul(argv[2], NULL, 10), each = strtoul(argv[3], NULL, 10);
	FILE *out = fopen(argv[4], "w");
	int status;

	if (!out)
		return 2;
	if (strcmp(argv[1], "live") == 0) {
		status = measure_live(n, each, out);
	} else {
		n_pairs = (unsigned)each;
		status = measure_idle(n, out);
	}
	return fclose(out) ? 2 : status;
}
