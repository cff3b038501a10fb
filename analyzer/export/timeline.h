/* SPDX-License-Identifier: MIT */
/* Live bytes over time in as many points as a chart can show. Analyzer. */
#ifndef HT_TIMELINE_H
#define HT_TIMELINE_H

#include "analyzer/agg/results.h"

#include <stddef.h>
#include <stdint.h>

/* A span of time: from its start to that of the next. */
struct ht_timeline_point {
	uint64_t from_ns;
	uint64_t n_allocations;
	uint64_t n_bytes;        /* allocated */
	uint64_t max_live_bytes; /* the most at any instant of it */
};

struct ht_timeline {
	struct ht_timeline_point *points;
	size_t n_points;
	uint64_t end_ns;
};

/* At most n_max points of equal length. To be released with ht_timeline_done. */
struct ht_timeline ht_timeline_new(const struct ht_results *results,
                                   const struct ht_tick_clock *clock, size_t n_max);
void ht_timeline_done(struct ht_timeline *timeline);

#endif
