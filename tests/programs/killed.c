/* SPDX-License-Identifier: MIT */
/*
 * killed FILE N [THREADS]: each of THREADS threads (1 is main's) allocates, reallocs and frees blocks of a
 * size of its own and counts in FILE (a shared mapping, so the numbers survive) what it has completed;
 * another thread sends SIGKILL to the process as soon as the first has N allocations, wherever the
 * others then are. FILE holds three 8-byte numbers per thread: allocations, reallocs and frees that
 * had returned. Thread i allocates 12345 + i bytes, its reallocs make them 23456 + i.
 */
#include "program.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

#define MAX_THREADS 16

struct done {
	_Atomic uint64_t n_allocations;
	_Atomic uint64_t n_reallocations;
	_Atomic uint64_t n_frees;
};

static struct done *done;
static uint64_t n_wanted;

static void *killer(void *unused)
{
	(void)unused;
	while (done->n_allocations < n_wanted)
		;
	kill(getpid(), SIGKILL);
	return NULL;
}

static void *churn(void *mine)
{
	struct done *d = mine;
	size_t i = (size_t)(d - done);

	for (;;) {
		void *p = malloc(opaque(12345 + i));

		KEEP(p);
		d->n_allocations++;
		p = realloc(p, opaque(23456 + i));
		KEEP(p);
		d->n_reallocations++;
		free(p);
		d->n_frees++;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	CHECK(argc >= 3);

	int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);
	size_t n_threads = argc > 3 ? strtoul(argv[3], NULL, 10) : 1;

	CHECK(n_threads >= 1 && n_threads <= MAX_THREADS);
	CHECK(fd >= 0 && ftruncate(fd, (off_t)(n_threads * sizeof(*done))) == 0);
	done = mmap(NULL, n_threads * sizeof(*done), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(done != MAP_FAILED);
	n_wanted = strtoull(argv[2], NULL, 10);

	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, killer, NULL) == 0);
	for (size_t i = 1; i < n_threads; i++)
		CHECK(pthread_create(&thread, NULL, churn, &done[i]) == 0);
	churn(&done[0]);
}
