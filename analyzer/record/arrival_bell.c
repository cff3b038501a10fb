/* SPDX-License-Identifier: MIT */
/* Turns a futex into a descriptor. Analyzer, a thread of its own. */
#include "analyzer/record/arrival_bell.h"

#include "analyzer/record/exit_status.h"
#include "analyzer/record/process_finder.h"

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
	const struct ht_region *region;
	_Atomic uint32_t *word; /* the region's next_process_serial */
	_Atomic uint64_t *held; /* one per slot: serial << 32 | pidfd + 1, or 0 */
	int fd;
	_Atomic bool is_stopping;
	pthread_t thread;
};

static void release(uint64_t held)
{
	if (held)
		close((int)(uint32_t)held - 1);
}

void ht_arrival_bell_notice(const struct ht_region *region, uint32_t slot)
{
	_Atomic uint32_t *word = &ht_region_process(region->header, slot)->is_noticed;

	if (!atomic_exchange(word, 1))
		syscall(SYS_futex, word, FUTEX_WAKE, INT32_MAX, NULL, NULL, 0);
}

static void hold_on(struct ht_arrival_bell *b, uint32_t slot, pid_t pid)
{
	const struct ht_process_slot *s = ht_region_process(b->region->header, slot);

	if (atomic_load(&s->is_noticed) || !ht_process_finder_is_ours(s->pid_namespace))
		return;

	uint64_t serial = s->serial;
	int pidfd = ht_exit_status_open_pidfd(pid);

	if (pidfd >= 0)
		release(atomic_exchange(&b->held[slot], serial << 32 | ((uint32_t)pidfd + 1)));
	ht_arrival_bell_notice(b->region, slot);
}

static void hold_on_to_all(struct ht_arrival_bell *b)
{
	struct ht_region_header *h = b->region->header;

	for (uint32_t i = 0; i < b->region->header->n_process_slots; i++) {
		uint64_t word =
			atomic_load_explicit(ht_region_process_state(h, i), memory_order_acquire);

		if ((uint32_t)word == HT_PROCESS_ACTIVE)
			hold_on(b, i, (pid_t)(word >> 32));
	}
}

int ht_arrival_bell_take(struct ht_arrival_bell *b, uint32_t slot, uint32_t serial)
{
	uint64_t held = b ? atomic_exchange(&b->held[slot], 0) : 0;

	if (held >> 32 == serial)
		return (int)(uint32_t)held - 1;
	release(held);
	return -1;
}

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
		hold_on_to_all(b);
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
	b->region = region;
	b->fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	b->held = calloc(region->header->n_process_slots, sizeof(*b->held));
	b->word = &region->header->next_process_serial;
	/* Signals are for the thread that polls. */
	sigfillset(&all);
	pthread_sigmask(SIG_SETMASK, &all, &before);
	bool is_ok = b->fd >= 0 && b->held && pthread_create(&b->thread, NULL, listen_for_arrivals, b) == 0;

	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (is_ok)
		return b;
	if (b->fd >= 0)
		close(b->fd);
	free(b->held);
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
	for (uint32_t i = 0; i < b->region->header->n_process_slots; i++)
		release(atomic_load(&b->held[i]));
	free(b->held);
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
