/* SPDX-License-Identifier: MIT */
/* Allocations over time. Analyzer. */
#include "analyzer/agg/rate_windows.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

#define WINDOWS_PER_RECORDING 100u
#define MIN_WINDOW_NS         10000000u
#define MAX_WINDOW_NS         1000000000u
#define MAX_STEPS             (1u << 20)

void ht_rate_windows_init(struct ht_rate_windows *rate, const struct ht_tick_clock *clock,
                          uint64_t last_tick)
{
	uint64_t n_ticks = last_tick > clock->zero_tick ? last_tick - clock->zero_tick : 0;
	uint64_t window = n_ticks / WINDOWS_PER_RECORDING;
	uint64_t min_window = ht_tick_clock_ticks(clock, MIN_WINDOW_NS);
	uint64_t max_window = ht_tick_clock_ticks(clock, MAX_WINDOW_NS);

	if (window < min_window)
		window = min_window;
	if (window > max_window)
		window = max_window;
	uint64_t step = window / HT_RATE_STEPS_PER_WINDOW;

	if (step == 0)
		step = 1;
	if (n_ticks / step >= MAX_STEPS)
		step = n_ticks / MAX_STEPS + 1;
	*rate = (struct ht_rate_windows){
		.n_steps = (size_t)(n_ticks / step) + 1,
		.step_ticks = step,
		.zero_tick = clock->zero_tick,
	};
	rate->steps = ht_xalloc_zeroed(rate->n_steps, sizeof(*rate->steps));
	rate->now = rate->steps;
}

void ht_rate_windows_done(struct ht_rate_windows *rate)
{
	if (!rate)
		return;
	free(rate->steps);
	*rate = (struct ht_rate_windows){ 0 };
}

struct ht_rate_step *ht_rate_windows_seek(struct ht_rate_windows *rate, uint64_t tick,
                                          uint64_t live_bytes)
{
	uint64_t i = tick > rate->zero_tick ? (tick - rate->zero_tick) / rate->step_ticks : 0;

	if (i >= rate->n_steps)
		i = rate->n_steps - 1;
	rate->now = &rate->steps[i];
	rate->now_first = rate->zero_tick + i * rate->step_ticks;
	rate->now_end = rate->now_first + rate->step_ticks;
	for (; rate->n_entered <= i; rate->n_entered++)
		rate->steps[rate->n_entered].max_live_bytes = live_bytes;
	return rate->now;
}

struct ht_busiest_window ht_rate_windows_busiest(const struct ht_rate_windows *rate,
                                                 uint64_t end_tick)
{
	uint64_t n = 0, n_bytes = 0;
	struct ht_busiest_window best = { .from_tick = rate->zero_tick };
	size_t i_best = 0;

	for (size_t i = 0; i < rate->n_steps; i++) {
		n += rate->steps[i].n_allocations;
		n_bytes += rate->steps[i].n_bytes;
		if (i >= HT_RATE_STEPS_PER_WINDOW) {
			n -= rate->steps[i - HT_RATE_STEPS_PER_WINDOW].n_allocations;
			n_bytes -= rate->steps[i - HT_RATE_STEPS_PER_WINDOW].n_bytes;
		}
		if (n > best.n_allocations) {
			best.n_allocations = n;
			best.n_bytes = n_bytes;
			i_best = i + 1 >= HT_RATE_STEPS_PER_WINDOW
			                 ? i + 1 - HT_RATE_STEPS_PER_WINDOW
			                 : 0;
		}
	}
	best.from_tick = rate->zero_tick + i_best * rate->step_ticks;
	best.to_tick = best.from_tick + HT_RATE_STEPS_PER_WINDOW * rate->step_ticks;
	if (best.to_tick > end_tick)
		best.to_tick = end_tick;
	return best;
}

struct ht_window_rates ht_rate_windows_rates(const struct ht_rate_windows *rate, uint64_t end_tick)
{
	struct ht_window_rates rates = { .window_ticks =
		                                 HT_RATE_STEPS_PER_WINDOW * rate->step_ticks };
	uint64_t n_ticks = end_tick > rate->zero_tick ? end_tick - rate->zero_tick : 0;
	size_t n_steps = rate->n_steps;
	struct ht_tally allocations, bytes;
	uint64_t n = 0, n_bytes = 0;

	if (rate->step_ticks && n_ticks / rate->step_ticks < n_steps)
		n_steps = (size_t)(n_ticks / rate->step_ticks) + 1;
	ht_tally_init(&allocations);
	ht_tally_init(&bytes);
	for (size_t i = 0; i < n_steps; i++) {
		n += rate->steps[i].n_allocations;
		n_bytes += rate->steps[i].n_bytes;
		if (i >= HT_RATE_STEPS_PER_WINDOW) {
			n -= rate->steps[i - HT_RATE_STEPS_PER_WINDOW].n_allocations;
			n_bytes -= rate->steps[i - HT_RATE_STEPS_PER_WINDOW].n_bytes;
		}
		if (i + 1 < HT_RATE_STEPS_PER_WINDOW && i + 1 < n_steps)
			continue;
		ht_tally_add(&allocations, n);
		ht_tally_add(&bytes, n_bytes);
	}
	rates.allocations = ht_tally_percentiles(&allocations);
	rates.bytes = ht_tally_percentiles(&bytes);
	ht_tally_done(&allocations);
	ht_tally_done(&bytes);
	return rates;
}
