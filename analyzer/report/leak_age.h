/* SPDX-License-Identifier: MIT */
/* How long ago something leaked. Analyzer. */
#ifndef HT_LEAK_AGE_H
#define HT_LEAK_AGE_H

#include "analyzer/agg/results.h"
#include "analyzer/model/trace_model.h"

#include <stdint.h>

/* Of a block allocated at this time, at the end of what the results are of. */
static inline uint64_t ht_leak_age_ns(const struct ht_tick_clock *clock,
                                      const struct ht_results *results, uint64_t birth_tick)
{
	uint64_t end_tick = results->end_tick;

	return ht_tick_clock_span_ns(clock, end_tick > birth_tick ? end_tick - birth_tick : 0);
}

#endif
