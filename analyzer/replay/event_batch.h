/* SPDX-License-Identifier: MIT */
/* Applies many events at once. Analyzer; inside replay/ only. */
#ifndef HT_EVENT_BATCH_H
#define HT_EVENT_BATCH_H

#include "analyzer/replay/event_span.h"

#include <stddef.h>

/* Fewer take longer at once than one by one. */
#define HT_BATCH_MIN_EVENTS 16u

/*
 * Apply the events from first on, of the thread that the span is of, up to end or to what must be applied by itself: what
 * is neither an allocation nor a free, a block that is not known, a stack that is new. How many were applied. For
 * limits of short lives in allocations, while no free waits for its allocation.
 */
size_t ht_event_batch_apply(struct ht_replay_state *r, const struct ht_actor *a, struct ht_span *s,
                            const struct ht_event *first, const struct ht_event *end);

#endif
