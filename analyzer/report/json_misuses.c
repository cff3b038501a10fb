/* SPDX-License-Identifier: MIT */
/* What was freed wrongly as JSON. Analyzer. */
#include "analyzer/report/json_parts.h"

static void put_misuse_event(struct ht_report_writer *w, const char *key,
                             const struct ht_misuse_event *event)
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
		ht_report_writer_stack(w, ht_stack_tree_find(&model->stacks, &model->processes,
		                                             event->process, event->node));
	ht_json_end_object(json);
}

static void put_misuse(struct ht_report_writer *w, const struct ht_misuse_group *g)
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
	ht_report_writer_stack(w, g->stack);
	ht_json_key(json, "bytes");
	if (g->origin->allocated.is_known)
		ht_json_u64(json, g->origin->n_bytes);
	else
		ht_json_null(json);
	put_misuse_event(w, "allocated", &g->origin->allocated);
	put_misuse_event(w, "freed", &g->origin->freed);
	ht_json_end_object(json);
}

void ht_json_misuses(struct ht_report_writer *w)
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
