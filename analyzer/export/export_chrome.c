/* SPDX-License-Identifier: MIT */
/* Counters over time in Chrome's trace format, for ui.perfetto.dev and chrome://tracing. Analyzer. */
#include "analyzer/export/export.h"
#include "analyzer/export/timeline.h"
#include "analyzer/report/json_writer.h"

#define MAX_POINTS 10000u

static void put_event(struct ht_json_writer *json, uint64_t pid, const char *phase,
                      const char *name)
{
	ht_json_begin_object(json);
	ht_json_put_string(json, "ph", phase);
	ht_json_put_u64(json, "pid", pid);
	ht_json_put_string(json, "name", name);
}

static void put_counter(struct ht_json_writer *json, uint64_t pid, const char *name,
                        uint64_t time_ns, const char *unit, uint64_t value)
{
	put_event(json, pid, "C", name);
	ht_json_put_double(json, "ts", (double)time_ns / 1e3);
	ht_json_key(json, "args");
	ht_json_begin_object(json);
	ht_json_put_u64(json, unit, value);
	ht_json_end_object(json);
	ht_json_end_object(json);
}

static void put_resident(struct ht_json_writer *json, const struct ht_export *export, uint64_t pid)
{
	const struct ht_trace_model *model = export->model;
	struct ht_resident_course course =
	        ht_resident_course_new(&model->residents, &model->processes, NULL);

	for (size_t i = 0; i < course.n_steps; i++)
		put_counter(json, pid, "resident",
		            ht_tick_clock_ns(&model->clock, course.steps[i].tick), "bytes",
		            course.steps[i].private_bytes);
	ht_resident_course_done(&course);
}

void ht_export_chrome(const struct ht_export *export, FILE *out)
{
	const struct ht_process_list *processes = &export->model->processes;
	struct ht_timeline timeline =
	        ht_timeline_new(export->results, &export->model->clock, MAX_POINTS);
	struct ht_json_writer json = ht_json_writer_init(out);
	uint64_t pid = processes->n_processes ? processes->processes[0].pid : 0;

	ht_json_begin_object(&json);
	ht_json_put_string(&json, "displayTimeUnit", "ms");
	ht_json_key(&json, "traceEvents");
	ht_json_begin_array(&json);
	put_event(&json, pid, "M", "process_name");
	ht_json_key(&json, "args");
	ht_json_begin_object(&json);
	ht_json_put_string(&json, "name", ht_export_title(export));
	ht_json_end_object(&json);
	ht_json_end_object(&json);
	for (size_t i = 0; i < timeline.n_points; i++) {
		const struct ht_timeline_point *p = &timeline.points[i];

		put_counter(&json, pid, "live heap", p->from_ns, "bytes", p->max_live_bytes);
		put_counter(&json, pid, "allocations", p->from_ns, "allocations", p->n_allocations);
	}
	put_counter(&json, pid, "live heap", timeline.end_ns, "bytes",
	            export->results->totals.leaked_bytes);
	put_counter(&json, pid, "allocations", timeline.end_ns, "allocations", 0);
	put_resident(&json, export, pid);
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	putc('\n', out);
	ht_timeline_done(&timeline);
}
