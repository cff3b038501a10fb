/* SPDX-License-Identifier: MIT */
/* A descriptor that becomes readable when a process attaches. Analyzer. */
#ifndef HT_ARRIVAL_BELL_H
#define HT_ARRIVAL_BELL_H

#include "analyzer/record/region.h"

/*
 * How a process ended can be asked only by who held on to it while it lived, and a look every few
 * milliseconds is too late for most. So a thread of the recorder waits on the serial counter, which a
 * target wakes after attaching, and then waits itself until it is noticed. The thread does not do more
 * than that, so the wait is short however busy the recorder is. A process of another pid namespace has to be
 * searched for, which is left to who polls.
 */
struct ht_arrival_bell;

/*
 * NULL when there is none to be had: the recorder does without. The region must outlive it, where it is now.
 * Release with ht_arrival_bell_free().
 */
struct ht_arrival_bell *ht_arrival_bell_new(const struct ht_region *region);

/* It rings no more. Returns at once; what is left to do is done meanwhile. NULL is fine. */
void ht_arrival_bell_stop(struct ht_arrival_bell *bell);
void ht_arrival_bell_free(struct ht_arrival_bell *bell);

/* To poll for POLLIN; -1 for NULL. */
int ht_arrival_bell_fd(const struct ht_arrival_bell *bell);

/* After it was readable. */
void ht_arrival_bell_answer(struct ht_arrival_bell *bell);

/* The pidfd of the process image in a slot, the caller's from now on; -1 when there is none. */
int ht_arrival_bell_take(struct ht_arrival_bell *bell, uint32_t slot, uint32_t serial);

/* Let the process of a slot go on. */
void ht_arrival_bell_notice(const struct ht_region *region, uint32_t slot);

#endif
