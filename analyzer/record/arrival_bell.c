/* SPDX-License-Identifier: MIT */
/* Turns a futex into a descriptor. Analyzer, a thread of its own. */
#include "analyzer/record/arrival_bell.h"

#include <fcntl.h>
#include <linux/futex.h>
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

struct ht_arrival_bell {
	_Atomic uint32_t *word; /* the region's next_process_serial */
	int fd;
	_Atomic bool is_stopping;
	pthread_t thread;
};

static void *listen_for_arrivals(void *arg)
{
	struct ht_arrival_bell *b = arg;
	uint32_t last = 1;

	while (!atomic_load(&b->is_stopping)) {
		uint32_t now = atomic_load(b->word);

		if (now == last) {
			syscall(SYS_futex, b->word, FUTEX_WAIT, now, NULL, NULL, 0);
			/* Woken after the slot was filled in: ring, though the count may be the same. */
			last = 0;
			continue;
		}
		last = now;
		if (eventfd_write(b->fd, 1) != 0)
			break;
	}
	return NULL;
}

struct ht_arrival_bell *ht_arrival_bell_new(const struct ht_region *region)
{
	struct ht_arrival_bell *b = calloc(1, sizeof(*b));
	sigset_t all;
	sigset_t before;

	if (!b)
		return NULL;
	b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b->word = &region->header->next_process_serial;
	/* Signals are for the thread that polls. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool is_ok = b->fd >= 0 && pthread_create(&b->thread, NULL, listen_for_arrivals, b) == 0;

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (is_ok)
		return b;
	if (b->fd >= 0)
		close(b->fd);
	free(b);
	return NULL;
}

void ht_arrival_bell_stop(struct ht_arrival_bell *b)
{
	if (!b)
		return;
	atomic_store(&b->is_stopping, true);
	syscall(SYS_futex, b->word, FUTEX_WAKE, 1, NULL, NULL, 0);
}

void ht_arrival_bell_free(struct ht_arrival_bell *b)
{
	if (!b)
		return;
	/* It may have been between its look at is_stopping and its wait: once is not enough. */
	for (ht_arrival_bell_stop(b); pthread_tryjoin_np(b->thread, NULL) != 0;) {
		usleep(20);
		ht_arrival_bell_stop(b);
	}
	close(b->fd);
	free(b);
}

int ht_arrival_bell_fd(const struct ht_arrival_bell *b)
{
	return b ? b->fd : -1;
}

void ht_arrival_bell_answer(struct ht_arrival_bell *b)
{
	eventfd_t n;

	if (b)
		eventfd_read(b->fd, &n);
}
