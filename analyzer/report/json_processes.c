/* SPDX-License-Identifier: MIT */
/* The processes and their programs as JSON. Analyzer. */
#include "analyzer/report/json_parts.h"
#include "analyzer/report/program_sums.h"

#include <stdlib.h>

void ht_json_processes(struct ht_report_writer *w)
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

void ht_json_programs(struct ht_report_writer *w)
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
