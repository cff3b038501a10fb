/* SPDX-License-Identifier: MIT */
/* Threads pass blocks on and free what others allocated, so addresses are reused across threads. */
#include "program.h"

#include <pthread.h>
#include <stdatomic.h>
#include <string.h>

#define N_THREADS 4
#define N_ROUNDS 50000
#define N_SLOTS 64

static _Atomic(void *) slots[N_SLOTS];

static void *run(void *seed_)
{
	unsigned seed = *(unsigned *)seed_;

	for (int i = 0; i < N_ROUNDS; i++) {
		seed = seed * 1103515245u + 12345u;

		void *mine = malloc(opaque(16 + (seed >> 20) % 3 * 16));

		CHECK(mine);
		memset(mine, 1, 16);
		if (i % 7 == 0) {
			mine = realloc(mine, opaque(16 + (seed >> 22) % 200));
			CHECK(mine);
		}
		free(atomic_exchange(&slots[(seed >> 8) % N_SLOTS], mine));
	}
	return NULL;
}

int main(void)
{
	pthread_t threads[N_THREADS];
	unsigned seeds[N_THREADS];

	for (unsigned i = 0; i < N_THREADS; i++) {
		seeds[i] = i + 1;
		CHECK(pthread_create(&threads[i], NULL, run, &seeds[i]) == 0);
	}
	for (int i = 0; i < N_THREADS; i++)
		pthread_join(threads[i], NULL);
	for (int i = 0; i < N_SLOTS; i++)
		free(slots[i]);
	puts("exchanged");
	return 0;
}
