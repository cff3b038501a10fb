/* SPDX-License-Identifier: MIT */
/* malloc and free are no cancellation points: a thread with a pending cancel does 200,000 of them. */
#include "program.h"

#include <pthread.h>
#include <stdatomic.h>

static atomic_bool is_cancelled;

static void *run(void *unused)
{
	int old;

	(void)unused;
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	while (!is_cancelled)
		;
	pthread_setcancelstate(PTHREAD_CANCEL_ENABLE, &old);
	for (int i = 0; i < 200000; i++) {
		void *p = malloc(opaque(100));

		KEEP(p);
		free(p);
	}
	pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &old);
	return (void *)42;
}

int main(void)
{
	pthread_t thread;
	void *result;

	CHECK(pthread_create(&thread, NULL, run, NULL) == 0);
	pthread_cancel(thread);
	is_cancelled = true;
	CHECK(pthread_join(thread, &result) == 0);
	printf("%ld\n", (long)result);
	return 0;
}
