/* SPDX-License-Identifier: MIT */
/* What the trace does not show as JSON. Analyzer. */
#include "analyzer/report/json_parts.h"

static void put_unseen(struct ht_report_writer *w, const char *key, enum ht_unseen_kind kind)
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

void ht_json_coverage(struct ht_report_writer *w)
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
	put_unseen(w, "bypassing_libraries", HT_UNSEEN_BYPASSING);
	put_unseen(w, "unrecorded_programs", HT_UNSEEN_PROGRAM);
	ht_json_end_object(json);
}

void ht_report_coverage_json(const struct ht_report *report, FILE *out)
{
	struct ht_report_writer w = { .json = ht_json_writer_init(out), .report = report };

	ht_json_begin_object(&w.json);
	ht_json_put_string(&w.json, "schema", "heaptide.coverage/1");
	ht_json_coverage(&w);
	ht_json_end_object(&w.json);
	putc('\n', out);
}
