/* SPDX-License-Identifier: MIT */
/* Live bytes over time in as many points as a chart can show. Analyzer. */
#include "analyzer/export/timeline.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

struct ht_timeline ht_timeline_new(const struct ht_results *results,
                                   const struct ht_tick_clock *clock, size_t n_max)
{
	const struct ht_rate_windows *rate = &results->rate;
	size_t n_each = (rate->n_entered + n_max - 1) / n_max;
	struct ht_timeline timeline = {
		.points = ht_xalloc_zeroed(n_max, sizeof(*timeline.points)),
		.end_ns = ht_tick_clock_ns(clock, results->end_tick),
	};

	for (size_t i = 0; i < rate->n_entered; i++) {
		const struct ht_rate_step *step = &rate->steps[i];
		struct ht_timeline_point *point = &timeline.points[i / n_each];

		if (i % n_each == 0) {
			point->from_ns =
			        ht_tick_clock_ns(clock, rate->zero_tick + i * rate->step_ticks);
			timeline.n_points++;
		}
		point->n_allocations += step->n_allocations;
		point->n_bytes += step->n_bytes;
		if (step->max_live_bytes > point->max_live_bytes)
			point->max_live_bytes = step->max_live_bytes;
	}
	return timeline;
}

void ht_timeline_done(struct ht_timeline *timeline)
{
	free(timeline->points);
	*timeline = (struct ht_timeline){ 0 };
}
