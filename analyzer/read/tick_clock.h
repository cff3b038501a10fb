/* SPDX-License-Identifier: MIT */
/* Ticks of a recording as trace time in nanoseconds. Analyzer, any thread. */
#ifndef HT_TICK_CLOCK_H
#define HT_TICK_CLOCK_H

#include "analyzer/base/checked.h"
#include "analyzer/read/trace_file.h"

#include <stdint.h>

/* ns = (tick - zero_tick) * slope_ns / slope_ticks, trace time 0 at zero_tick. */
struct ht_tick_clock {
	uint64_t zero_tick;
	uint64_t slope_ns;
	uint64_t slope_ticks; /* never 0 */
};

#define HT_PS_PER_NS 1000u

/*
 * The straight line through two pairs. When they are one (or the clock seems to stand still between
 * them), tick_ps picoseconds per tick are the slope; when that is 0, a tick is 1 us.
 */
static inline struct ht_tick_clock ht_tick_clock_init(struct ht_clock_pair first,
                                                      struct ht_clock_pair last, uint64_t tick_ps)
{
	if (last.tick > first.tick && last.ns > first.ns)
		return (struct ht_tick_clock){ first.tick, last.ns - first.ns,
			                       last.tick - first.tick };
	return (struct ht_tick_clock){ first.tick, tick_ps ? tick_ps : 1000000, HT_PS_PER_NS };
}

/* How long n_ticks are, rounded down; saturates. */
static inline uint64_t ht_tick_clock_span_ns(const struct ht_tick_clock *clock, uint64_t n_ticks)
{
	return ht_mul_div_u64(n_ticks, clock->slope_ns, clock->slope_ticks);
}

/* Trace time of a tick; 0 for ticks before the recording. */
static inline uint64_t ht_tick_clock_ns(const struct ht_tick_clock *clock, uint64_t tick)
{
	return tick <= clock->zero_tick ? 0 : ht_tick_clock_span_ns(clock, tick - clock->zero_tick);
}

/* The last tick that is not after trace time ns; saturates. */
static inline uint64_t ht_tick_clock_tick(const struct ht_tick_clock *clock, uint64_t ns)
{
	uint64_t n_ticks = ht_mul_div_u64(ns, clock->slope_ticks, clock->slope_ns);

	/* Rounded down twice, a tick may still begin at or before ns. */
	if (n_ticks < UINT64_MAX && ht_tick_clock_span_ns(clock, n_ticks + 1) <= ns)
		n_ticks++;
	return ht_add_u64_saturating(clock->zero_tick, n_ticks);
}

/* About how many ticks ns are, at least 1. */
static inline uint64_t ht_tick_clock_ticks(const struct ht_tick_clock *clock, uint64_t ns)
{
	uint64_t n_ticks = ht_mul_div_u64(ns, clock->slope_ticks, clock->slope_ns);

	return n_ticks ? n_ticks : 1;
}

#endif
