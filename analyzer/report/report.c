/* SPDX-License-Identifier: MIT */
/* What both renderers of a report say alike. Analyzer. */
#include "analyzer/report/report.h"

#include "analyzer/base/u64_map.h"
#include "analyzer/report/stack_names.h"

#include <stdio.h>

const char *ht_report_ended(const struct ht_process *process, char buf[HT_ENDED_BYTES])
{
	switch (process->end_kind) {
	case HT_END_EXIT:
		snprintf(buf, HT_ENDED_BYTES, "exit %u", (unsigned)process->end_code);
		return buf;
	case HT_END_SIGNAL:
		snprintf(buf, HT_ENDED_BYTES, "signal %u", (unsigned)process->end_code);
		return buf;
	case HT_END_EXEC: return "exec";
	case HT_END_DETACHED: return "running";
	default: return "unknown";
	}
}

struct ht_coverage ht_report_coverage(const struct ht_report *report)
{
	const struct ht_results *results = report->results;
	const struct ht_recording *recording = &report->model->recording;
	struct ht_coverage c = {
		.n_lost_events = results->totals.n_lost_events,
		.n_damaged_blocks = results->n_damaged_blocks,
		.n_damaged_events = results->n_damaged_events,
		.n_damages = ht_trace_file_n_damages(report->file),
		.n_missed_frees = results->totals.n_missed_frees,
		.n_inherited_frees = results->totals.n_inherited_frees,
		.is_incomplete = !recording->has_end || recording->end != HT_RECORD_COMPLETE ||
		                 ht_trace_file_end(report->file) != HT_FILE_END_GOOD,
	};

	uint64_t n_misuses = ht_misuses_n_certain(report->model, results, report->selection);

	if (results->totals.n_unknown_frees > n_misuses)
		c.n_unknown_frees = results->totals.n_unknown_frees - n_misuses;
	for (size_t i = 0; i < report->model->processes.n_processes; i++) {
		const uint64_t *counters = report->model->processes.processes[i].counters;

		if (!ht_process_selection_has(report->selection, i))
			continue;
		c.n_nested_calls += counters[HT_COUNTER_NESTED_CALLS];
		c.n_paused_allocs += counters[HT_COUNTER_PAUSED_ALLOCS];
		c.paused_bytes += counters[HT_COUNTER_PAUSED_BYTES];
		c.n_untracked_addrs += counters[HT_COUNTER_UNTRACKED_ADDRS];
		c.n_early_blocks += counters[HT_COUNTER_EARLY_BLOCKS];
		c.n_stacks_compared += counters[HT_COUNTER_STACKS_COMPARED];
		c.n_stacks_differing += counters[HT_COUNTER_STACKS_DIFFERING];
		for (int t = 0; t < HT_N_TRUNC; t++)
			c.n_truncated[t] += counters[HT_COUNTER_TRUNCATED + t];
	}
	for (size_t i = 0; i < results->sites.n_sites; i++) {
		const struct ht_site *site = &results->sites.sites[i];

		if (ht_stack_tree_truncation(&report->model->stacks, site->stack) != HT_TRUNC_NONE)
			c.n_truncated_allocations += site->n_allocations + site->n_reallocations;
	}
	c.pauses = ht_told_list_pauses(&report->model->told, &report->model->processes,
	                               report->selection, report->model->last_tick);
	for (int i = 0; i < HT_N_ANOMALIES; i++)
		c.n_anomalies += results->anomalies[i].n;
	return c;
}

size_t ht_report_n_later_programs(const struct ht_report *report)
{
	const struct ht_process_list *list = &report->model->processes;
	struct ht_u64_map has_executed = { 0 }; /* pid -> 1: its program before executed another */
	size_t n = 0;

	for (size_t i = 0; i < list->n_processes; i++) {
		const struct ht_process *p = &list->processes[i];

		if (!p->is_described || !ht_process_selection_has(report->selection, i))
			continue;
		n += p->start_kind == HT_START_EXEC &&
		     ht_u64_map_remove(&has_executed, p->pid, NULL);
		if (p->has_end && p->end_kind == HT_END_EXEC)
			*ht_u64_map_put(&has_executed, p->pid) = 1;
	}
	ht_u64_map_done(&has_executed);
	return n;
}

size_t ht_report_n_processes(const struct ht_report *report)
{
	return report->selection && report->selection->is_selected ?
	               report->selection->n_selected :
	               report->model->processes.n_processes;
}

uint64_t ht_report_duration_ns(const struct ht_report *report)
{
	const struct ht_tick_clock *clock = &report->model->clock;
	const struct ht_results *results = report->results;

	return ht_tick_clock_ns(clock, results->end_tick) -
	       ht_tick_clock_ns(clock, results->window.from_tick);
}

bool ht_report_has(const struct ht_report *report, enum ht_report_section section)
{
	return ((report->sections ? report->sections : HT_SECTIONS_DEFAULT) & section) != 0;
}

bool ht_report_shows_stack(const struct ht_report *report, uint32_t stack)
{
	struct ht_named_stack named = { 0 };
	uint32_t seen = 0;

	if (!report->filter)
		return true;
	ht_stack_names_resolve(report->model, report->symbolizer, stack, &named);
	for (size_t i = 0; i < named.n_frames; i++)
		seen |= ht_frame_rules_of(report->rules, &named.frames[i].name);
	ht_named_stack_done(&named);
	return ht_frame_rules_hold(report->rules, seen);
}
