/* SPDX-License-Identifier: MIT */
/* Goes twice through what happens beside the events: to find the peak, and to stop there. Analyzer. */
#include "analyzer/replay/peak_course.h"

#include <stdlib.h>

struct walk {
	const struct ht_peak_walker *walker;
	void *context;
	struct ht_ended_process *ends;
	size_t n_ends;
	struct ht_peak_course course;
	size_t i_item;
	size_t i_end;
};

static bool is_over(const struct walk *w)
{
	return w->i_item == w->walker->n_items && w->i_end == w->n_ends;
}

/* Whether the next step is an item; it sets when that is, UINT64_MAX when there is none. */
static bool is_item_next(const struct walk *w, uint64_t *ret_tick)
{
	bool is_item = w->i_item < w->walker->n_items;
	uint64_t tick = is_item ? w->walker->tick_of(w->context, w->i_item) : UINT64_MAX;

	if (w->i_end < w->n_ends && (!is_item || w->ends[w->i_end].tick < tick)) {
		is_item = false;
		tick = w->ends[w->i_end].tick;
	}
	*ret_tick = tick;
	return is_item;
}

static uint64_t next_tick(const struct walk *w)
{
	uint64_t tick;

	is_item_next(w, &tick);
	return tick;
}

static void step(struct walk *w)
{
	if (is_item_next(w, &w->course.tick))
		w->walker->apply(w->context, &w->course, w->i_item++);
	else
		w->walker->end_process(w->context, &w->course, w->ends[w->i_end++].process);
}

static size_t n_steps(const struct walk *w)
{
	return w->i_item + w->i_end;
}

static void begin(struct walk *w)
{
	w->course = (struct ht_peak_course){ 0 };
	w->i_item = w->i_end = 0;
	w->walker->begin(w->context);
}

/* Count all of the window. Returns after how many steps the peak was. */
static size_t find_peak(struct walk *w, const struct ht_window *window, struct ht_peak *ret_peak)
{
	bool is_whole = !window->is_part && !window->is_instant;
	uint64_t from_tick = is_whole ? 0 : window->from_tick;
	size_t peak_steps;

	begin(w);
	while (!is_over(w) && !is_whole && next_tick(w) <= from_tick)
		step(w);
	peak_steps = n_steps(w);
	*ret_peak = (struct ht_peak){ w->course.n_bytes, from_tick };
	w->course.tick = from_tick;
	if (w->walker->begin_window)
		w->walker->begin_window(w->context, &w->course);
	w->course.is_counted = true;
	while (!is_over(w) && next_tick(w) <= window->to_tick) {
		step(w);
		if (w->course.n_bytes > ret_peak->n_bytes) {
			*ret_peak = (struct ht_peak){ w->course.n_bytes, w->course.tick };
			peak_steps = n_steps(w);
		}
	}
	w->walker->look_at_end(w->context);
	w->walker->end(w->context);
	return peak_steps;
}

struct ht_peak ht_peak_course_run(const struct ht_peak_walker *walker, void *context,
                                  const struct ht_process_list *processes,
                                  const struct ht_window *window)
{
	struct walk w = { .walker = walker, .context = context };
	struct ht_peak peak;

	w.ends = ht_process_list_ends(processes, &w.n_ends);

	size_t peak_steps = find_peak(&w, window, &peak);

	begin(&w);
	while (n_steps(&w) < peak_steps)
		step(&w);
	walker->look_at_peak(context);
	walker->end(context);
	free(w.ends);
	return peak;
}
