/* SPDX-License-Identifier: MIT */
/* Allocations over time, and the busiest window of it. Analyzer. */
#ifndef HT_RATE_WINDOWS_H
#define HT_RATE_WINDOWS_H

#include "analyzer/agg/tally.h"
#include "analyzer/read/tick_clock.h"

#include <stddef.h>
#include <stdint.h>

/*
 * Time is cut into steps, ten of which are a window: a hundredth of the recording, but at least 10 ms
 * and at most 1 s (more for recordings beyond a day). Windows begin at every step.
 */
#define HT_RATE_STEPS_PER_WINDOW 10u

struct ht_rate_step {
	uint64_t n_allocations;
	uint64_t n_bytes;
	uint64_t max_live_bytes; /* the most that was live at any instant of it */
};

struct ht_rate_windows {
	struct ht_rate_step *steps;
	size_t n_steps;
	size_t n_entered; /* steps that events came to, or passed */
	uint64_t step_ticks;
	uint64_t zero_tick;
	struct ht_rate_step *now; /* the step of the ticks from now_first on, less than now_end */
	uint64_t now_first;
	uint64_t now_end;
};

/* For ticks from clock->zero_tick to last_tick; others are counted at the nearer end. */
void ht_rate_windows_init(struct ht_rate_windows *rate, const struct ht_tick_clock *clock,
                          uint64_t last_tick);

/* NULL and all zero are fine. */
void ht_rate_windows_done(struct ht_rate_windows *rate);

/* The rare part of ht_rate_windows_step. */
struct ht_rate_step *ht_rate_windows_seek(struct ht_rate_windows *rate, uint64_t tick,
                                          uint64_t live_bytes);

/*
 * The step that tick is in. To be called for every event, in order, before it changes live_bytes: steps
 * that begin now begin with them.
 */
static inline struct ht_rate_step *ht_rate_windows_step(struct ht_rate_windows *rate, uint64_t tick,
                                                        uint64_t live_bytes)
{
	if (__builtin_expect(tick - rate->now_first < rate->now_end - rate->now_first, 1))
		return rate->now;
	return ht_rate_windows_seek(rate, tick, live_bytes);
}

struct ht_busiest_window {
	uint64_t from_tick;
	uint64_t to_tick; /* exclusive; not after end_tick */
	uint64_t n_allocations;
	uint64_t n_bytes;
};

/* The first window with the most allocations, in a recording that ended at end_tick. */
struct ht_busiest_window ht_rate_windows_busiest(const struct ht_rate_windows *rate,
                                                 uint64_t end_tick);

/* How much there was in each window: in all that begin at a step and end with the recording at the latest. */
struct ht_window_rates {
	uint64_t window_ticks;
	struct ht_percentiles allocations; /* max is that of the busiest window */
	struct ht_percentiles bytes;
};

/* Of a recording that ended at end_tick; one window when it is no longer than that. */
struct ht_window_rates ht_rate_windows_rates(const struct ht_rate_windows *rate, uint64_t end_tick);

#endif
