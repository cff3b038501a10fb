/* SPDX-License-Identifier: MIT */
/* A descriptor that becomes readable when a process attaches. Analyzer. */
#ifndef HT_ARRIVAL_BELL_H
#define HT_ARRIVAL_BELL_H

#include "analyzer/record/region.h"

/*
 * How a short-lived child ended can be asked only of who knew it while it lived, and a look every few
 * milliseconds is too late for most. So a thread of the recorder waits on the serial counter,
 * which a target wakes after attaching.
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

#endif
