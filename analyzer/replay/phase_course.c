/* SPDX-License-Identifier: MIT */
/* Cuts a replay at the marks, and counts what is between them. Analyzer. */
#include "analyzer/replay/phase_course.h"

static void sum_counts(const struct ht_replay_state *r, struct ht_phase *ret_sum)
{
	*ret_sum = (struct ht_phase){ 0 };
	for (size_t i = 0; i < r->results->n_processes; i++) {
		const struct ht_counts *c = &r->results->processes[i].counts;

		ret_sum->n_allocations += c->n_allocations;
		ret_sum->n_reallocations += c->n_reallocations;
		ret_sum->n_frees += c->n_frees;
		ret_sum->allocated_bytes += c->allocated_bytes;
	}
}

static void begin_phase(struct ht_replay_state *r, uint32_t mark, uint64_t from_tick)
{
	ht_phase_list_add(&r->results->phases, mark, from_tick);
	r->phase_peak_bytes = r->results->sites.live_bytes;
}

/* The newest phase has all it will have, but leaks. */
static void end_phase(struct ht_replay_state *r, uint64_t to_tick)
{
	struct ht_phase_list *list = &r->results->phases;
	struct ht_phase *phase = &list->phases[list->n_phases - 1];
	struct ht_phase now;

	sum_counts(r, &now);
	phase->to_tick = to_tick;
	phase->n_allocations = now.n_allocations - r->phase_start.n_allocations;
	phase->n_reallocations = now.n_reallocations - r->phase_start.n_reallocations;
	phase->n_frees = now.n_frees - r->phase_start.n_frees;
	phase->allocated_bytes = now.allocated_bytes - r->phase_start.allocated_bytes;
	phase->peak_bytes = r->phase_peak_bytes;
	r->phase_start = now;
}

void ht_phases_begin(struct ht_replay_state *r)
{
	if (r->model->marks.n_marks == 0 || r->options->window.is_instant)
		return;
	r->i_mark = 0;
	sum_counts(r, &r->phase_start);
	begin_phase(r, UINT32_MAX, r->results->window.from_tick);
}

bool ht_phases_next_border(struct ht_replay_state *r, struct ht_moment *ret_moment)
{
	const struct ht_mark_list *list = &r->model->marks;
	const struct ht_window *window = &r->results->window;

	if (r->results->phases.n_phases == 0 || r->results->phases.n_phases >= HT_MAX_PHASES)
		return false;
	for (; r->i_mark < list->n_marks; r->i_mark++) {
		const struct ht_mark *m = &list->marks[r->i_mark];

		if (m->tick <= window->from_tick ||
		    !ht_process_selection_has(r->options->selection, m->process))
			continue;
		if (m->tick >= window->to_tick)
			return false;
		*ret_moment = (struct ht_moment){ .tick = m->tick };
		return true;
	}
	return false;
}

void ht_phases_cross(struct ht_replay_state *r)
{
	const struct ht_mark *m = &r->model->marks.marks[r->i_mark];
	struct ht_phase_list *list = &r->results->phases;
	struct ht_phase *phase = &list->phases[list->n_phases - 1];

	end_phase(r, m->tick);
	phase->n_live = r->results->sites.n_live;
	phase->live_bytes = r->results->sites.live_bytes;
	begin_phase(r, (uint32_t)r->i_mark++, m->tick);
}

void ht_phases_note_live(struct ht_replay_state *r)
{
	r->n_live_before_end = r->results->sites.n_live;
	r->live_bytes_before_end = r->results->sites.live_bytes;
}

void ht_phases_end(struct ht_replay_state *r)
{
	struct ht_phase_list *list = &r->results->phases;

	if (list->n_phases == 0)
		return;
	end_phase(r, r->results->end_tick);
	list->phases[list->n_phases - 1].n_live = r->n_live_before_end;
	list->phases[list->n_phases - 1].live_bytes = r->live_bytes_before_end;
}
