/* SPDX-License-Identifier: MIT */
/*
 * killed FILE N: the main thread allocates and frees blocks of 12345 bytes and counts in FILE (a
 * shared mapping, so the numbers survive) what it has completed; another thread sends SIGKILL to
 * the process as soon as N allocations are done, wherever the main thread then is. FILE holds two
 * 8-byte numbers: allocations and frees that had returned.
 */
#include "program.h"

#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/mman.h>
#include <unistd.h>

struct done {
	_Atomic uint64_t n_allocations;
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

int main(int argc, char **argv)
{
	CHECK(argc == 3);

	int fd = open(argv[1], O_RDWR | O_CREAT | O_TRUNC, 0600);

	CHECK(fd >= 0 && ftruncate(fd, sizeof(*done)) == 0);
	done = mmap(NULL, sizeof(*done), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
	CHECK(done != MAP_FAILED);
	n_wanted = strtoull(argv[2], NULL, 10);

	pthread_t thread;

	CHECK(pthread_create(&thread, NULL, killer, NULL) == 0);
	for (;;) {
		void *p = malloc(opaque(12345));

		KEEP(p);
		done->n_allocations++;
		free(p);
		done->n_frees++;
	}
}
