/* SPDX-License-Identifier: MIT */
/* 3000 short threads, each with one allocation of its own and one in a key destructor. */
#include "program.h"

#include <pthread.h>

#define N_THREADS 3000

static pthread_key_t key;

static void destroy(void *p)
{
	void *late = malloc(opaque(48)); /* after most of the thread is gone */

	KEEP(late);
	free(late);
	free(p);
}

static void *run(void *unused)
{
	(void)unused;

	void *p = malloc(opaque(32));

	CHECK(p);
	pthread_setspecific(key, p);
	return NULL;
}

int main(void)
{
	CHECK(pthread_key_create(&key, destroy) == 0);
	for (int i = 0; i < N_THREADS; i += 10) {
		pthread_t threads[10];

		for (int k = 0; k < 10; k++)
			CHECK(pthread_create(&threads[k], NULL, run, NULL) == 0);
		for (int k = 0; k < 10; k++)
			pthread_join(threads[k], NULL);
	}
	puts("threads came and went");
	return 0;
}
