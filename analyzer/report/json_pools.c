/* SPDX-License-Identifier: MIT */
/* The pools the program told of, and the phases between its marks, as JSON. Analyzer. */
#include "analyzer/report/json_parts.h"
#include "analyzer/report/pool_rank.h"

#include <stdlib.h>

void ht_json_phases(struct ht_report_writer *w)
{
	const struct ht_phase_list *list = &w->report->results->phases;
	const struct ht_tick_clock *clock = &w->report->model->clock;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "phases");
	ht_json_begin_array(json);
	for (size_t i = 0; i < list->n_phases; i++) {
		const struct ht_phase *p = &list->phases[i];

		ht_json_begin_object(json);
		ht_json_put_string(json, "label",
		                   p->mark == UINT32_MAX
		                           ? NULL
		                           : w->report->model->marks.marks[p->mark].label);
		ht_json_put_u64(json, "from_ns", ht_tick_clock_ns(clock, p->from_tick));
		ht_json_put_u64(json, "to_ns", ht_tick_clock_ns(clock, p->to_tick));
		ht_json_put_u64(json, "allocations", p->n_allocations);
		ht_json_put_u64(json, "reallocations", p->n_reallocations);
		ht_json_put_u64(json, "frees", p->n_frees);
		ht_json_put_u64(json, "allocated_bytes", p->allocated_bytes);
		ht_json_put_u64(json, "peak_bytes", p->peak_bytes);
		ht_json_put_u64(json, "live_bytes", p->live_bytes);
		ht_json_put_u64(json, "live_allocations", p->n_live);
		ht_json_put_u64(json, "leaked_bytes", p->leaked_bytes);
		ht_json_put_u64(json, "leaked_allocations", p->n_leaked);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
}

static void put_pool_group(struct ht_report_writer *w, const struct ht_pool_group *g)
{
	struct ht_json_writer *json = &w->json;

	ht_json_begin_object(json);
	ht_json_put_string(json, "name", g->name[0] ? g->name : NULL);
	ht_json_put_u64(json, "pools", g->n_pools);
	ht_json_put_u64(json, "allocations", g->n_allocations);
	ht_json_put_u64(json, "allocated_bytes", g->allocated_bytes);
	ht_json_put_u64(json, "resizes", g->n_resizes);
	ht_json_put_u64(json, "frees", g->n_frees);
	ht_json_put_u64(json, "ended_with_pool", g->n_ended);
	ht_json_put_u64(json, "own_peak_bytes", g->peak_bytes);
	ht_json_put_u64(json, "own_peak_time_ns",
	                ht_tick_clock_ns(&w->report->model->clock, g->peak_tick));
	ht_json_put_u64(json, "left_objects", g->n_left);
	ht_json_put_u64(json, "left_bytes", g->left_bytes);
	ht_json_end_object(json);
}

static void put_pool_site(struct ht_report_writer *w, const struct ht_pool_site *site)
{
	struct ht_json_writer *json = &w->json;

	ht_json_begin_object(json);
	ht_json_put_u64(json, "allocations", site->n_allocations);
	ht_json_put_u64(json, "allocated_bytes", site->allocated_bytes);
	ht_json_put_u64(json, "at_peak_objects", site->n_at_peak);
	ht_json_put_u64(json, "at_peak_bytes", site->at_peak_bytes);
	ht_json_put_u64(json, "left_objects", site->n_left);
	ht_json_put_u64(json, "left_bytes", site->left_bytes);
	ht_report_writer_stack(w, site->stack);
	ht_json_end_object(json);
}

void ht_json_pools(struct ht_report_writer *w)
{
	const struct ht_pools *p = w->report->pools;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "pools");
	if (!p) {
		ht_json_null(json);
		return;
	}

	struct ht_pool_rank rank = ht_pool_rank_new(w->report);

	ht_json_begin_object(json);
	ht_json_put_u64(json, "peak_bytes", p->peak_bytes);
	ht_json_put_u64(json, "peak_time_ns",
	                ht_tick_clock_ns(&w->report->model->clock, p->peak_tick));
	ht_json_put_u64(json, "peak_objects", p->n_at_peak);
	ht_json_put_u64(json, "left_bytes", p->left_bytes);
	ht_json_put_u64(json, "left_objects", p->n_left);
	ht_json_put_u64(json, "unknown_frees", p->n_unknown);
	ht_json_put_u64(json, "inherited_frees", p->n_inherited);
	ht_json_put_u64(json, "missed_frees", p->n_missed);
	ht_json_key(json, "groups");
	ht_json_begin_array(json);
	for (size_t i = 0; i < p->n_groups; i++)
		put_pool_group(w, &p->groups[i]);
	ht_json_end_array(json);
	ht_json_put_u64(json, "n_sites", rank.n_sites);
	ht_json_key(json, "sites");
	ht_json_begin_array(json);
	for (size_t i = 0; i < rank.n_sites && i < w->report->n_top; i++)
		put_pool_site(w, rank.sites[i]);
	ht_json_end_array(json);
	ht_json_end_object(json);
	free(rank.sites);
}
