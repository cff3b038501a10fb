/* SPDX-License-Identifier: MIT */
/* The report as one HTML file: page, style and script from html/, and what they show as JSON. Analyzer. */
#include "config.h"

#include "analyzer/export/export.h"
#include "analyzer/export/html_page.h"
#include "analyzer/export/timeline.h"
#include "analyzer/report/report.h"

#include "analyzer/export/html_files.inc"

#include <stdlib.h>
#include <string.h>

#define MAX_POINTS 600u

static void put_percentiles(struct ht_html_page *p, const char *key, const struct ht_percentiles *q,
                            const struct ht_tick_clock *clock)
{
	const uint64_t numbers[] = { q->p50, q->p90, q->p99, q->p999, q->max };

	ht_html_put_array(p, key);
	for (size_t i = 0; q->n > 0 && i < 5; i++)
		ht_json_u64(p->json, clock ? ht_tick_clock_span_ns(clock, numbers[i]) : numbers[i]);
	ht_json_end_array(p->json);
}

/* What the page can show of marks; it says how many there are. */
#define MAX_MARKS 500u

static void put_marks(struct ht_html_page *p)
{
	const struct ht_trace_model *model = p->export->model;

	ht_html_put_array(p, "marks"); /* when, label */
	for (size_t i = 0; i < model->marks.n_marks && i < MAX_MARKS; i++) {
		ht_json_begin_array(p->json);
		ht_json_u64(p->json, ht_tick_clock_ns(&model->clock, model->marks.marks[i].tick));
		ht_json_string(p->json, model->marks.marks[i].label);
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
	ht_json_put_u64(p->json, "nMarks", model->marks.n_marks);
}

/* The table of phases says how many there are, too. */
#define MAX_PHASES 200u

static void put_phases(struct ht_html_page *p)
{
	const struct ht_trace_model *model = p->export->model;
	const struct ht_phase_list *list = &p->export->results->phases;

	/* Label (null: before the first mark), from, to, allocations, bytes, peak, live at its end, leaked. */
	ht_html_put_array(p, "phases");
	for (size_t i = 0; i < list->n_phases && i < MAX_PHASES; i++) {
		const struct ht_phase *phase = &list->phases[i];
		const uint64_t numbers[] = {
			ht_tick_clock_ns(&model->clock, phase->from_tick),
			ht_tick_clock_ns(&model->clock, phase->to_tick),
			phase->n_allocations,
			phase->allocated_bytes,
			phase->peak_bytes,
			phase->live_bytes,
			phase->leaked_bytes,
		};

		ht_json_begin_array(p->json);
		ht_json_string(p->json, phase->mark == UINT32_MAX
		                                ? NULL
		                                : model->marks.marks[phase->mark].label);
		for (size_t n = 0; n < sizeof(numbers) / sizeof(*numbers); n++)
			ht_json_u64(p->json, numbers[n]);
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
	ht_json_put_u64(p->json, "nPhases", list->n_phases);
}

/* What processes had in memory: from when on, how much; at most MAX_POINTS. */
static void put_resident(struct ht_html_page *p)
{
	const struct ht_trace_model *model = p->export->model;
	struct ht_resident_course course =
	        ht_resident_course_new(&model->residents, &model->processes, NULL);
	size_t n_each = (course.n_steps + MAX_POINTS - 1) / MAX_POINTS;

	ht_html_put_array(p, "resident");
	for (size_t i = 0; i < course.n_steps; i += n_each) {
		uint64_t most = 0;

		for (size_t k = i; k < course.n_steps && k < i + n_each; k++) {
			if (course.steps[k].private_bytes > most)
				most = course.steps[k].private_bytes;
		}
		ht_json_begin_array(p->json);
		ht_json_u64(p->json, ht_tick_clock_ns(&model->clock, course.steps[i].tick));
		ht_json_u64(p->json, most);
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
	ht_resident_course_done(&course);
}

static void put_timeline(struct ht_html_page *p)
{
	struct ht_timeline timeline =
	        ht_timeline_new(p->export->results, &p->export->model->clock, MAX_POINTS);

	ht_html_put_array(p, "timeline"); /* start, most live bytes, allocations */
	for (size_t i = 0; i < timeline.n_points; i++) {
		ht_json_begin_array(p->json);
		ht_json_u64(p->json, timeline.points[i].from_ns);
		ht_json_u64(p->json, timeline.points[i].max_live_bytes);
		ht_json_u64(p->json, timeline.points[i].n_allocations);
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
	ht_json_put_u64(p->json, "endNs", timeline.end_ns);
	put_marks(p);
	ht_timeline_done(&timeline);
	put_resident(p);
}

static void put_totals(struct ht_html_page *p)
{
	const struct ht_results *r = p->export->results;
	const struct ht_trace_model *model = p->export->model;
	const struct ht_report report = { .file = p->export->file, .model = model, .results = r };
	struct ht_coverage coverage = ht_report_coverage(&report);
	struct ht_json_writer *json = p->json;

	ht_json_put_string(json, "title", ht_export_title(p->export));
	ht_html_put_array(p, "command");
	for (uint32_t i = 0; i < model->recording.argc; i++)
		ht_json_string(json, model->recording.argv[i]);
	ht_json_end_array(json);
	ht_json_put_string(json, "version", PACKAGE_VERSION);
	ht_json_put_string(json, "host", model->recording.host);
	ht_json_put_u64(json, "startedMs", model->recording.realtime_ns / 1000000);
	ht_json_put_u64(json, "programs", model->processes.n_processes);
	ht_json_put_u64(json, "processes",
	                model->processes.n_processes - ht_report_n_later_programs(&report));
	ht_json_put_u64(json, "threads", r->totals.n_threads);
	ht_json_put_u64(json, "allocations", r->totals.n_allocations);
	ht_json_put_u64(json, "reallocations", r->totals.n_reallocations);
	ht_json_put_u64(json, "frees", r->totals.n_frees);
	ht_json_put_u64(json, "allocatedBytes", r->totals.allocated_bytes);
	ht_json_put_u64(json, "peakBytes", r->sites.peak_bytes);
	ht_json_put_u64(json, "peakNs", ht_tick_clock_ns(&model->clock, r->sites.peak_tick));
	ht_json_put_u64(json, "leakedBytes", r->totals.leaked_bytes);
	ht_json_put_u64(json, "leakedBlocks", r->totals.n_leaked);
	ht_json_put_u64(json, "temporary", r->n_temporary);
	ht_json_put_u64(json, "shortLived", r->n_short_lived);
	ht_json_put_u64(json, "lostEvents", coverage.n_lost_events);
	ht_json_put_u64(json, "damages", coverage.n_damages);
	ht_json_put_bool(json, "complete", !coverage.is_incomplete && coverage.n_damages == 0);
	put_percentiles(p, "sizes", &r->sizes, NULL);
	put_percentiles(p, "lifetimes", &r->lifetimes_ticks, &model->clock);
}

/* The members of the object that says all about one run. */
static void put_run(const struct ht_export *export, struct ht_json_writer *json)
{
	struct ht_html_page page = ht_html_page_new(export, json);

	put_totals(&page);
	put_timeline(&page);
	put_phases(&page);
	ht_html_tree_put(&page);
	ht_html_cells_put(&page);
	ht_html_findings_put(&page);
	ht_html_sources_put(&page);
	ht_html_page_done(&page);
}

/* JSON in a script element: what could end the element is written as an escape. */
static void put_escaped(const char *text, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '<')
			fputs("\\u003c", out);
		else
			putc(text[i], out);
	}
}

void ht_export_html(const struct ht_export *export, const struct ht_export *old, FILE *out)
{
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *memory = open_memstream(&text, &n_bytes);

	if (!memory)
		abort();
	struct ht_json_writer json = ht_json_writer_init(memory);

	ht_json_begin_object(&json);
	put_run(export, &json);
	if (old) {
		ht_json_key(&json, "old");
		ht_json_begin_object(&json);
		put_run(old, &json);
		ht_json_end_object(&json);
	}
	ht_json_end_object(&json);
	putc('\n', memory);
	fclose(memory);

	/* The page has a line for each part that goes in. */
	for (const char *line = page_html; *line;) {
		const char *end = strchr(line, '\n') + 1;

		if (strncmp(line, "@style@", 7) == 0)
			fputs(page_css, out);
		else if (strncmp(line, "@script@", 8) == 0)
			fputs(page_js, out);
		else if (strncmp(line, "@data@", 6) == 0)
			put_escaped(text, n_bytes, out);
		else
			fwrite(line, 1, (size_t)(end - line), out);
		line = end;
	}
	free(text);
}
