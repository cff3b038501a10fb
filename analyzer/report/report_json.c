/* SPDX-License-Identifier: MIT */
/* The report as JSON: schema heaptide.report/1. Analyzer. */
#include "analyzer/report/frame_json.h"
#include "analyzer/report/json_parts.h"
#include "analyzer/report/json_writer.h"
#include "analyzer/report/leak_class.h"
#include "analyzer/report/mapped_rank.h"
#include "analyzer/report/pool_rank.h"
#include "analyzer/report/mark_output.h"
#include "analyzer/report/program_sums.h"
#include "analyzer/report/report.h"
#include "analyzer/report/site_rank.h"
#include "analyzer/report/stack_names.h"
#include "analyzer/report/view.h"
#include "analyzer/report/view_json.h"

#include <stdlib.h>

struct writer {
	struct ht_json_writer json;
	const struct ht_report *report;
	struct ht_named_stack stack; /* of the site being written */
};

static void put_stack(struct writer *w, uint32_t stack)
{
	ht_stack_names_resolve(w->report->model, w->report->symbolizer, stack, &w->stack);
	ht_frame_rules_strip(w->report->rules, &w->stack);
	ht_stack_json(&w->json, &w->stack);
}

static void put_site(struct writer *w, const struct ht_site *site)
{
	struct ht_json_writer *json = &w->json;

	ht_json_begin_object(json);
	ht_json_put_u64(json, "allocations", site->n_allocations);
	ht_json_put_u64(json, "reallocations", site->n_reallocations);
	ht_json_put_u64(json, "allocated_bytes", site->allocated_bytes);
	ht_json_put_u64(json, "at_peak_bytes", site->at_peak_bytes);
	ht_json_put_u64(json, "at_peak_allocations", site->n_at_peak);
	ht_json_put_u64(json, "own_peak_bytes", site->own_peak_bytes);
	ht_json_key(json, "own_peak_time_ns");
	if (site->own_peak_bytes)
		ht_json_u64(json, ht_tick_clock_ns(&w->report->model->clock, site->own_peak_tick));
	else
		ht_json_null(json);
	ht_json_put_u64(json, "leaked_allocations", site->n_leaked);
	ht_json_put_u64(json, "leaked_bytes", site->leaked_bytes);
	ht_json_put_u64(json, "temporary_allocations", site->n_temporary);
	ht_json_put_u64(json, "temporary_bytes", site->temporary_bytes);
	ht_json_put_u64(json, "short_lived_allocations", site->n_short_lived);
	ht_json_put_u64(json, "short_lived_bytes", site->short_lived_bytes);
	if (w->report->leaks) {
		size_t i = (size_t)(site - w->report->results->sites.sites);
		uint8_t leak_class = w->report->leaks->of_site[i];

		ht_json_put_string(
		        json, "leak_class",
		        site->n_leaked ? ht_leak_class_name((enum ht_leak_class)leak_class) : NULL);
		ht_json_put_string(json, "leak_reason", w->report->leaks->why[i]);
	}
	put_stack(w, site->stack);
	ht_json_end_object(json);
}

static void put_sites(struct writer *w, enum ht_site_order order)
{
	if (w->report->view) {
		ht_view_json(&w->json, w->report, order);
		return;
	}

	struct ht_site_rank rank =
	        ht_site_rank_new(&w->report->results->sites, order, &w->report->choice);

	ht_json_put_u64(&w->json, "n_sites", rank.n_sites);
	ht_json_key(&w->json, "sites");
	ht_json_begin_array(&w->json);
	for (size_t i = 0; i < rank.n_sites && i < w->report->n_top; i++)
		put_site(w, rank.sites[i]);
	ht_json_end_array(&w->json);
	ht_site_rank_done(&rank);
}

static void put_mapped_site(struct writer *w, const struct ht_mapped_site *site)
{
	struct ht_json_writer *json = &w->json;

	ht_json_begin_object(json);
	ht_json_put_u64(json, "calls", site->n_calls);
	ht_json_put_u64(json, "mapped_bytes", site->mapped_bytes);
	ht_json_put_u64(json, "at_peak_ranges", site->n_at_peak);
	ht_json_put_u64(json, "at_peak_bytes", site->at_peak_bytes);
	ht_json_put_u64(json, "left_ranges", site->n_left);
	ht_json_put_u64(json, "left_bytes", site->left_bytes);
	put_stack(w, site->stack);
	ht_json_end_object(json);
}

static void put_mapped(struct writer *w)
{
	const struct ht_mapped *m = w->report->mapped;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "mapped");
	if (!m) {
		ht_json_null(json);
		return;
	}

	struct ht_mapped_rank rank = ht_mapped_rank_new(w->report);

	ht_json_begin_object(json);
	ht_json_put_u64(json, "peak_bytes", m->peak_bytes);
	ht_json_put_u64(json, "peak_time_ns",
	                ht_tick_clock_ns(&w->report->model->clock, m->peak_tick));
	ht_json_put_u64(json, "peak_ranges", m->n_at_peak);
	ht_json_put_u64(json, "peak_anonymous_bytes", m->at_peak_bytes_of[HT_MAPPED_ANONYMOUS]);
	ht_json_put_u64(json, "peak_file_bytes", m->at_peak_bytes_of[HT_MAPPED_FILE]);
	ht_json_put_u64(json, "peak_reserved_bytes", m->at_peak_bytes_of[HT_MAPPED_RESERVED]);
	ht_json_put_u64(json, "left_bytes", m->left_bytes);
	ht_json_put_u64(json, "left_ranges", m->n_left);
	ht_json_put_u64(json, "at_exec_bytes", m->at_exec_bytes);
	ht_json_put_u64(json, "maps", m->n_maps);
	ht_json_put_u64(json, "unmaps", m->n_unmaps);
	ht_json_put_u64(json, "remaps", m->n_remaps);
	ht_json_put_u64(json, "mapped_bytes", m->mapped_bytes);
	ht_json_put_u64(json, "n_sites", rank.n_sites);
	ht_json_key(json, "sites");
	ht_json_begin_array(json);
	for (size_t i = 0; i < rank.n_sites && i < w->report->n_top; i++)
		put_mapped_site(w, rank.sites[i]);
	ht_json_end_array(json);
	ht_json_end_object(json);
	free(rank.sites);
}

static void put_phases(struct writer *w)
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

static void put_pool_group(struct writer *w, const struct ht_pool_group *g)
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

static void put_pool_site(struct writer *w, const struct ht_pool_site *site)
{
	struct ht_json_writer *json = &w->json;

	ht_json_begin_object(json);
	ht_json_put_u64(json, "allocations", site->n_allocations);
	ht_json_put_u64(json, "allocated_bytes", site->allocated_bytes);
	ht_json_put_u64(json, "at_peak_objects", site->n_at_peak);
	ht_json_put_u64(json, "at_peak_bytes", site->at_peak_bytes);
	ht_json_put_u64(json, "left_objects", site->n_left);
	ht_json_put_u64(json, "left_bytes", site->left_bytes);
	put_stack(w, site->stack);
	ht_json_end_object(json);
}

static void put_pools(struct writer *w)
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

static void put_misuse_event(struct writer *w, const char *key, const struct ht_misuse_event *event)
{
	const struct ht_trace_model *model = w->report->model;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, key);
	if (!event->is_known) {
		ht_json_null(json);
		return;
	}
	ht_json_begin_object(json);
	ht_json_put_u64(json, "time_ns", ht_tick_clock_ns(&model->clock, event->tick));
	ht_json_put_u64(json, "thread", event->thread_serial);
	if (event->node)
		put_stack(w, ht_stack_tree_find(&model->stacks, &model->processes, event->process,
		                                event->node));
	ht_json_end_object(json);
}

static void put_misuse(struct writer *w, const struct ht_misuse_group *g)
{
	const struct ht_trace_model *model = w->report->model;
	struct ht_json_writer *json = &w->json;

	ht_json_begin_object(json);
	ht_json_put_string(json, "kind", ht_misuse_name(g->first->kind));
	ht_json_put_string(json, "call", ht_misuse_call_name(g->first->call));
	ht_json_put_string(json, "made_by",
	                   g->first->kind == HT_MISUSE_MISMATCH ? ht_block_form_name(g->first->form)
	                                                        : NULL);
	ht_json_put_bool(json, "certain", g->is_certain);
	ht_json_put_u64(json, "count", g->n);
	ht_json_put_u64(json, "time_ns", ht_tick_clock_ns(&model->clock, g->first->tick));
	ht_json_put_u64(json, "process", model->processes.processes[g->first->process].serial);
	ht_json_put_u64(json, "thread", g->first->thread_serial);
	put_stack(w, g->stack);
	ht_json_key(json, "bytes");
	if (g->origin->allocated.is_known)
		ht_json_u64(json, g->origin->n_bytes);
	else
		ht_json_null(json);
	put_misuse_event(w, "allocated", &g->origin->allocated);
	put_misuse_event(w, "freed", &g->origin->freed);
	ht_json_end_object(json);
}

static void put_misuses(struct writer *w)
{
	const struct ht_misuses *m = w->report->misuses;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "misuse");
	if (!m) {
		ht_json_null(json);
		return;
	}
	ht_json_begin_object(json);
	ht_json_put_u64(json, "double_frees", m->n_of_kind[HT_MISUSE_DOUBLE_FREE]);
	ht_json_put_u64(json, "stack_frees", m->n_of_kind[HT_MISUSE_STACK]);
	ht_json_put_u64(json, "static_frees", m->n_of_kind[HT_MISUSE_STATIC]);
	ht_json_put_u64(json, "unaligned_frees", m->n_of_kind[HT_MISUSE_UNALIGNED]);
	ht_json_put_u64(json, "mismatches", m->n_of_kind[HT_MISUSE_MISMATCH]);
	ht_json_put_u64(json, "n_sites", m->n_groups);
	ht_json_key(json, "sites");
	ht_json_begin_array(json);
	for (size_t i = 0; i < m->n_groups && i < w->report->n_top; i++)
		put_misuse(w, &m->groups[i]);
	ht_json_end_array(json);
	ht_json_end_object(json);
}

static void put_processes(struct writer *w)
{
	const struct ht_trace_model *model = w->report->model;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "processes");
	ht_json_begin_array(json);
	for (size_t i = 0; i < model->processes.n_processes; i++) {
		const struct ht_process *p = &model->processes.processes[i];
		const struct ht_process_result *r = &w->report->results->processes[i];
		char ended[HT_ENDED_BYTES];

		if (!ht_process_selection_has(w->report->selection, i))
			continue;
		ht_json_begin_object(json);
		ht_json_put_u64(json, "serial", p->serial);
		ht_json_put_u64(json, "pid", p->pid);
		ht_json_put_u64(json, "ppid", p->ppid);
		ht_json_put_string(json, "program", ht_process_name(p));
		ht_json_put_string(json, "path", p->exe[0] ? p->exe : NULL);
		ht_json_key(json, "command");
		ht_json_begin_array(json);
		for (uint32_t a = 0; a < p->argc; a++)
			ht_json_string(json, p->argv[a]);
		ht_json_end_array(json);
		ht_json_put_string(json, "allocator", p->allocator[0] ? p->allocator : NULL);
		ht_json_put_string(json, "started",
		                   p->start_kind == HT_START_FORK   ? "fork"
		                   : p->start_kind == HT_START_EXEC ? "exec"
		                                                    : "unknown");
		ht_json_put_string(json, "ended", ht_report_ended(p, ended));
		ht_json_put_u64(json, "start_ns", ht_tick_clock_ns(&model->clock, p->start_tick));
		ht_json_key(json, "end_ns");
		if (p->has_end)
			ht_json_u64(json, ht_tick_clock_ns(&model->clock, p->end_tick));
		else
			ht_json_null(json);
		ht_json_put_u64(json, "allocations", r->counts.n_allocations);
		ht_json_put_u64(json, "frees", r->counts.n_frees);
		ht_json_put_u64(json, "reallocations", r->counts.n_reallocations);
		ht_json_put_u64(json, "allocated_bytes", r->counts.allocated_bytes);
		ht_json_put_u64(json, "peak_bytes", r->peak_bytes);
		ht_json_put_u64(json, "leaked_allocations", r->counts.n_leaked);
		ht_json_put_u64(json, "leaked_bytes", r->counts.leaked_bytes);
		ht_json_put_u64(json, "threads", r->counts.n_threads);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
}

static void put_programs(struct writer *w)
{
	struct ht_json_writer *json = &w->json;
	size_t n;
	struct ht_program_sum *sums = ht_program_sums_new(w->report, &n);

	ht_json_key(json, "programs");
	ht_json_begin_array(json);
	for (size_t i = 0; i < n; i++) {
		ht_json_begin_object(json);
		ht_json_put_string(json, "program", sums[i].name);
		ht_json_put_u64(json, "processes", sums[i].n_processes);
		ht_json_put_u64(json, "max_peak_bytes", sums[i].max_peak_bytes);
		ht_json_put_u64(json, "leaked_bytes", sums[i].leaked_bytes);
		ht_json_put_u64(json, "leaked_allocations", sums[i].n_leaked);
		ht_json_put_u64(json, "allocations", sums[i].n_allocations);
		ht_json_put_u64(json, "allocated_bytes", sums[i].allocated_bytes);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
	free(sums);
}

static void put_percentiles(struct writer *w, const char *key, const struct ht_percentiles *p,
                            const struct ht_tick_clock *clock)
{
	static const char *const names[] = { "p50", "p90", "p99", "p999", "max" };
	const uint64_t values[] = { p->p50, p->p90, p->p99, p->p999, p->max };

	ht_json_key(&w->json, key);
	ht_json_begin_object(&w->json);
	for (size_t i = 0; i < 5; i++) {
		ht_json_key(&w->json, names[i]);
		if (p->n == 0)
			ht_json_null(&w->json);
		else
			ht_json_u64(&w->json,
			            clock ? ht_tick_clock_span_ns(clock, values[i]) : values[i]);
	}
	ht_json_put_u64(&w->json, "count", p->n);
	ht_json_put_bool(&w->json, "exact", !p->is_rounded);
}

static double per_second(uint64_t n, uint64_t ns)
{
	return ns ? (double)n * 1e9 / (double)ns : 0;
}

static void put_totals(struct writer *w, uint64_t duration_ns)
{
	const struct ht_counts *totals = &w->report->results->totals;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "totals");
	ht_json_begin_object(json);
	ht_json_put_u64(json, "allocations", totals->n_allocations);
	ht_json_put_u64(json, "frees", totals->n_frees);
	ht_json_put_u64(json, "reallocations", totals->n_reallocations);
	ht_json_put_u64(json, "allocated_bytes", totals->allocated_bytes);
	ht_json_put_u64(json, "duration_ns", duration_ns);
	ht_json_put_u64(json, "threads", totals->n_threads);
	ht_json_put_u64(json, "lost_events", totals->n_lost_events);
	ht_json_put_u64(json, "unknown_frees", totals->n_unknown_frees);
	ht_json_put_u64(json, "events", totals->n_events);
	ht_json_put_u64(json, "sites", w->report->results->sites.n_sites);
	ht_json_end_object(json);
}

static void put_rate(struct writer *w, uint64_t duration_ns)
{
	const struct ht_results *results = w->report->results;
	const struct ht_tick_clock *clock = &w->report->model->clock;
	struct ht_busiest_window busiest =
	        ht_rate_windows_busiest(&results->rate, results->end_tick);
	uint64_t from_ns = ht_tick_clock_ns(clock, busiest.from_tick);
	uint64_t to_ns = ht_tick_clock_ns(clock, busiest.to_tick);
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "rate");
	ht_json_begin_object(json);
	ht_json_put_double(json, "allocations_per_s",
	                   per_second(results->totals.n_allocations, duration_ns));
	ht_json_put_double(json, "bytes_per_s",
	                   per_second(results->totals.allocated_bytes, duration_ns));
	ht_json_key(json, "busiest");
	ht_json_begin_object(json);
	ht_json_put_u64(json, "from_ns", from_ns);
	ht_json_put_u64(json, "to_ns", to_ns);
	ht_json_put_double(json, "allocations_per_s",
	                   per_second(busiest.n_allocations, to_ns - from_ns));
	ht_json_put_double(json, "bytes_per_s", per_second(busiest.n_bytes, to_ns - from_ns));
	ht_json_put_u64(json, "allocations", busiest.n_allocations);
	ht_json_end_object(json);
	put_sites(w, HT_BY_ALLOCATIONS);
	ht_json_end_object(json);
}

static void put_unseen(struct writer *w, const char *key, enum ht_unseen_kind kind)
{
	const struct ht_unseen_list *list = &w->report->model->unseen;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, key);
	ht_json_begin_array(json);
	for (size_t i = 0; i < list->n_items; i++) {
		const struct ht_unseen_item *item = &list->items[i];

		if (item->kind != kind)
			continue;
		ht_json_begin_object(json);
		ht_json_put_string(json, "file", item->path);
		if (kind == HT_UNSEEN_OWN_ALLOCATOR)
			ht_json_put_string(json, "allocator", item->detail);
		if (kind == HT_UNSEEN_PROGRAM)
			ht_json_put_string(json, "reason", item->detail);
		if (kind != HT_UNSEEN_OWN_ALLOCATOR)
			ht_json_put_u64(json, "times", item->n);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
}

static void put_coverage(struct writer *w)
{
	struct ht_coverage c = ht_report_coverage(w->report);
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "coverage");
	ht_json_begin_object(json);
	ht_json_put_bool(json, "complete",
	                 !c.is_incomplete && c.n_damages == 0 && c.n_lost_events == 0);
	ht_json_put_bool(json, "being_recorded", w->report->is_being_recorded);
	ht_json_put_u64(json, "damaged_places", c.n_damages);
	ht_json_put_u64(json, "damaged_event_blocks", c.n_damaged_blocks);
	ht_json_put_u64(json, "damaged_events", c.n_damaged_events);
	ht_json_put_u64(json, "lost_events", c.n_lost_events);
	ht_json_put_u64(json, "unknown_frees", c.n_unknown_frees);
	ht_json_put_u64(json, "missed_frees", c.n_missed_frees);
	ht_json_put_u64(json, "inherited_frees", c.n_inherited_frees);
	ht_json_put_u64(json, "nested_calls", c.n_nested_calls);
	ht_json_put_u64(json, "untracked_addresses", c.n_untracked_addrs);
	ht_json_put_u64(json, "early_blocks", c.n_early_blocks);
	ht_json_put_u64(json, "stacks_compared", c.n_stacks_compared);
	ht_json_put_u64(json, "stacks_differing", c.n_stacks_differing);
	ht_json_put_u64(json, "anomalies", c.n_anomalies);
	ht_json_key(json, "truncated_stacks");
	ht_json_begin_object(json);
	for (uint32_t i = 1; i < HT_N_TRUNC; i++) {
		if (c.n_truncated[i])
			ht_json_put_u64(json, ht_truncation_text(i), c.n_truncated[i]);
	}
	ht_json_end_object(json);
	ht_json_put_u64(json, "truncated_allocations", c.n_truncated_allocations);
	ht_json_key(json, "paused");
	ht_json_begin_object(json);
	ht_json_put_u64(json, "times", c.pauses.n);
	ht_json_put_u64(json, "threads", c.pauses.n_threads);
	ht_json_put_u64(json, "not_resumed", c.pauses.n_open);
	ht_json_put_u64(json, "total_ns",
	                ht_tick_clock_span_ns(&w->report->model->clock, c.pauses.ticks));
	ht_json_put_u64(json, "allocations", c.n_paused_allocs);
	ht_json_put_u64(json, "bytes", c.paused_bytes);
	ht_json_put_bool(json, "counted", c.pauses.is_counted);
	ht_json_end_object(json);
	put_unseen(w, "own_allocators", HT_UNSEEN_OWN_ALLOCATOR);
	put_unseen(w, "bypassing_mallocs", HT_UNSEEN_MALLOC);
	put_unseen(w, "unrecorded_programs", HT_UNSEEN_PROGRAM);
	ht_json_end_object(json);
}

/* Only of reports that are about a part of the trace. */
static void put_window(struct writer *w)
{
	const struct ht_tick_clock *clock = &w->report->model->clock;
	const struct ht_window *window = &w->report->results->window;

	if (!window->is_part && !window->is_instant)
		return;
	ht_json_key(&w->json, "window");
	ht_json_begin_object(&w->json);
	ht_json_put_u64(&w->json, "from_ns", ht_tick_clock_ns(clock, window->from_tick));
	ht_json_put_u64(&w->json, "to_ns", ht_tick_clock_ns(clock, w->report->results->end_tick));
	ht_json_put_u64(&w->json, "live_before_bytes", window->live_bytes_before);
	ht_json_put_u64(&w->json, "live_before_allocations", window->n_live_before);
	ht_json_put_u64(&w->json, "kept_bytes", window->kept_bytes);
	ht_json_put_u64(&w->json, "kept_allocations", window->n_kept);
	ht_json_end_object(&w->json);
}

void ht_report_coverage_json(const struct ht_report *report, FILE *out)
{
	struct writer w = { .json = ht_json_writer_init(out), .report = report };

	ht_json_begin_object(&w.json);
	ht_json_put_string(&w.json, "schema", "heaptide.coverage/1");
	put_coverage(&w);
	ht_json_end_object(&w.json);
	putc('\n', out);
}

static void put_peak(struct writer *w)
{
	const struct ht_site_table *sites = &w->report->results->sites;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "peak");
	ht_json_begin_object(json);
	ht_json_put_u64(json, "bytes", sites->peak_bytes);
	ht_json_put_u64(json, "allocations", sites->n_at_peak);
	ht_json_put_u64(json, "time_ns",
	                ht_tick_clock_ns(&w->report->model->clock, sites->peak_tick));
	put_sites(w, HT_BY_AT_PEAK_BYTES);
	ht_json_end_object(json);
}

static void put_leak_classes(struct writer *w)
{
	struct ht_json_writer *json = &w->json;

	if (!w->report->leaks)
		return;
	ht_json_key(json, "classes");
	ht_json_begin_object(json);
	for (int i = 0; i < HT_N_LEAK_CLASSES; i++) {
		const struct ht_leak_sum *sum = &w->report->leaks->sums[i];

		ht_json_key(json, ht_leak_class_name((enum ht_leak_class)i));
		ht_json_begin_object(json);
		ht_json_put_u64(json, "bytes", sum->leaked_bytes);
		ht_json_put_u64(json, "allocations", sum->n_leaked);
		ht_json_put_u64(json, "sites", sum->n_sites);
		ht_json_end_object(json);
	}
	ht_json_end_object(json);
}

static void put_leaks(struct writer *w)
{
	const struct ht_counts *totals = &w->report->results->totals;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "leaked");
	ht_json_begin_object(json);
	ht_json_put_u64(json, "bytes", totals->leaked_bytes);
	ht_json_put_u64(json, "allocations", totals->n_leaked);
	ht_json_put_u64(json, "at_exec_bytes", totals->live_at_exec_bytes);
	ht_json_put_u64(json, "at_exec_allocations", totals->n_live_at_exec);
	put_leak_classes(w);
	put_sites(w, HT_BY_LEAKED_BYTES);
	ht_json_end_object(json);
}

static void put_churn(struct writer *w)
{
	const struct ht_results *results = w->report->results;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "churn");
	ht_json_begin_object(json);
	ht_json_put_u64(json, "temporary_allocations", results->n_temporary);
	ht_json_put_u64(json, "temporary_bytes", results->temporary_bytes);
	ht_json_put_u64(json, "short_lived_allocations", results->n_short_lived);
	ht_json_put_u64(json, "short_lived_bytes", results->short_lived_bytes);
	ht_json_put_u64(json, "short_lived_age", results->short_lived_age);
	put_sites(w, HT_BY_SHORT_LIVED);
	ht_json_end_object(json);
}

static void put_all_sites(struct writer *w)
{
	ht_json_key(&w->json, "sites");
	ht_json_begin_object(&w->json);
	put_sites(w, HT_BY_OWN_PEAK_BYTES);
	ht_json_end_object(&w->json);
}

static void put_lifetimes(struct writer *w)
{
	const struct ht_results *results = w->report->results;
	const struct ht_tick_clock *clock = &w->report->model->clock;

	put_percentiles(w, "lifetimes_ns", &results->lifetimes_ticks, clock);
	ht_json_put_u64(&w->json, "censored", results->n_censored);
	ht_json_put_u64(
	        &w->json, "within",
	        ht_tick_clock_span_ns(clock, 2 * w->report->model->recording.tolerance_ticks));
	ht_json_end_object(&w->json);
}

void ht_report_json(const struct ht_report *report, FILE *out)
{
	struct writer w = { .json = ht_json_writer_init(out), .report = report };
	const struct ht_recording *recording = &report->model->recording;
	uint64_t duration_ns = ht_report_duration_ns(report);

	ht_json_begin_object(&w.json);
	ht_json_put_string(&w.json, "schema", "heaptide.report/1");
	ht_json_key(&w.json, "command");
	ht_json_begin_array(&w.json);
	for (uint32_t i = 0; i < recording->argc; i++)
		ht_json_string(&w.json, recording->argv[i]);
	ht_json_end_array(&w.json);
	put_window(&w);
	if (report->filter)
		ht_json_put_string(&w.json, "filter", report->filter);
	if (report->view)
		ht_json_put_string(&w.json, "by", ht_view_name(report->view->kind));
	if (!report->sections) {
		put_processes(&w);
		put_programs(&w);
		ht_json_marks(&w.json, report->model);
		put_phases(&w);
	}
	put_totals(&w, duration_ns);
	if (ht_report_has(report, HT_SECTION_PEAK))
		put_peak(&w);
	if (ht_report_has(report, HT_SECTION_LEAKS))
		put_leaks(&w);
	if (ht_report_has(report, HT_SECTION_CHURN))
		put_churn(&w);
	if (ht_report_has(report, HT_SECTION_RATE))
		put_rate(&w, duration_ns);
	if (ht_report_has(report, HT_SECTION_SITES))
		put_all_sites(&w);
	if (ht_report_has(report, HT_SECTION_SIZES)) {
		put_percentiles(&w, "sizes", &report->results->sizes, NULL);
		ht_json_end_object(&w.json);
	}
	if (ht_report_has(report, HT_SECTION_LIFETIMES))
		put_lifetimes(&w);
	if (ht_report_has(report, HT_SECTION_THREADS))
		ht_json_threads(&w.json, report);
	if (ht_report_has(report, HT_SECTION_REALLOCS))
		ht_json_reallocs(&w.json, report);
	if (ht_report_has(report, HT_SECTION_FREES))
		ht_json_frees(&w.json, report);
	if (ht_report_has(report, HT_SECTION_MAPPED))
		put_mapped(&w);
	if (ht_report_has(report, HT_SECTION_POOLS))
		put_pools(&w);
	if (ht_report_has(report, HT_SECTION_MISUSE))
		put_misuses(&w);
	if (ht_report_has(report, HT_SECTION_FINDINGS))
		ht_json_findings(&w.json, report);
	put_coverage(&w);
	ht_json_end_object(&w.json);
	putc('\n', out);
	ht_named_stack_done(&w.stack);
}
