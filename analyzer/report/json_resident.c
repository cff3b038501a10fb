/* SPDX-License-Identifier: MIT */
/* The memory that processes had in the kernel's books, as JSON. Analyzer. */
#include "analyzer/report/json_parts.h"

void ht_json_resident(struct ht_report_writer *w)
{
	const struct ht_report *report = w->report;
	const struct ht_tick_clock *clock = &report->model->clock;
	const struct ht_resident_list *list = &report->model->residents;
	struct ht_resident_course course =
	        ht_resident_course_new(list, &report->model->processes, report->selection);
	uint64_t most = 0;

	for (size_t i = 0; i < list->n_samples; i++) {
		if (ht_process_selection_has(report->selection, list->samples[i].process) &&
		    list->samples[i].resident_bytes > most)
			most = list->samples[i].resident_bytes;
	}
	ht_json_key(&w->json, "resident");
	if (course.n_steps == 0) {
		ht_json_null(&w->json);
	} else {
		ht_json_begin_object(&w->json);
		ht_json_put_u64(&w->json, "peak_private_bytes", course.peak_private_bytes);
		ht_json_put_u64(&w->json, "peak_time_ns",
		                ht_tick_clock_ns(clock, course.peak_tick));
		ht_json_put_u64(&w->json, "max_process_bytes", most);
		ht_json_put_u64(&w->json, "samples", list->n_samples);
		ht_json_end_object(&w->json);
	}
	ht_resident_course_done(&course);
}
