/* SPDX-License-Identifier: MIT */
/*
 * Its constructor runs before the shim's and before main: it allocates, starts eight threads that
 * enter the hooks together, and frees first of all. Its destructor allocates again.
 */
#include "program.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_int n_ready;

static void *enter(void *unused)
{
	n_ready++;
	while (n_ready < 8)
		;
	for (int i = 0; i < 100; i++) {
		void *p = malloc(opaque(20011));

		KEEP(p);
		free(p);
	}
	return unused;
}

static __attribute__((constructor)) void begin(void)
{
	pthread_t threads[8];

	free(NULL);
	for (int i = 0; i < 10; i++) {
		void *p = malloc(opaque(20021));

		KEEP(p);
	}
	for (int i = 0; i < 8; i++)
		CHECK(pthread_create(&threads[i], NULL, enter, NULL) == 0);
	for (int i = 0; i < 8; i++)
		pthread_join(threads[i], NULL);
}

static __attribute__((destructor)) void end(void)
{
	for (int i = 0; i < 10; i++) {
		void *p = malloc(opaque(20023));

		KEEP(p);
	}
}
