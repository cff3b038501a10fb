/* SPDX-License-Identifier: MIT */
/* The report as JSON: schema heaptide.report/1. Analyzer. */
#include "analyzer/report/frame_json.h"
#include "analyzer/report/json_parts.h"
#include "analyzer/report/leak_age.h"
#include "analyzer/report/leak_class.h"
#include "analyzer/report/mark_output.h"
#include "analyzer/report/report.h"
#include "analyzer/report/site_rank.h"
#include "analyzer/report/stack_names.h"
#include "analyzer/report/view.h"
#include "analyzer/report/view_json.h"

#include <stdlib.h>

void ht_report_writer_stack(struct ht_report_writer *w, uint32_t stack)
{
	ht_stack_names_resolve(w->report->model, w->report->symbolizer, stack, &w->stack);
	ht_frame_rules_strip(w->report->rules, &w->stack);
	ht_stack_json(&w->json, &w->stack);
}

/* At the end, of what was allocated at this time. */
static void put_leak_age(struct ht_report_writer *w, const char *key, const struct ht_site *site,
                         uint64_t tick)
{
	ht_json_key(&w->json, key);
	if (site->n_leaked)
		ht_json_u64(&w->json,
		            ht_leak_age_ns(&w->report->model->clock, w->report->results, tick));
	else
		ht_json_null(&w->json);
}

static void put_site(struct ht_report_writer *w, const struct ht_site *site)
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
	put_leak_age(w, "leaked_oldest_ns", site, site->oldest_leak_tick);
	put_leak_age(w, "leaked_newest_ns", site, site->newest_leak_tick);
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
	ht_report_writer_stack(w, site->stack);
	ht_json_end_object(json);
}

static void put_sites(struct ht_report_writer *w, enum ht_site_order order)
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

static void put_percentiles(struct ht_report_writer *w, const char *key,
                            const struct ht_percentiles *p, const struct ht_tick_clock *clock)
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

static void put_totals(struct ht_report_writer *w, uint64_t duration_ns)
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

/* Of allocations and bytes of a window, over all windows. */
static void put_window_rates(struct ht_report_writer *w)
{
	const struct ht_results *results = w->report->results;
	struct ht_window_rates rates = ht_rate_windows_rates(&results->rate, results->end_tick);

	ht_json_key(&w->json, "windows");
	ht_json_begin_object(&w->json);
	ht_json_put_u64(&w->json, "window_ns",
	                ht_tick_clock_span_ns(&w->report->model->clock, rates.window_ticks));
	put_percentiles(w, "allocations", &rates.allocations, NULL);
	ht_json_end_object(&w->json);
	put_percentiles(w, "bytes", &rates.bytes, NULL);
	ht_json_end_object(&w->json);
	ht_json_end_object(&w->json);
}

static void put_rate(struct ht_report_writer *w, uint64_t duration_ns)
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
	put_window_rates(w);
	put_sites(w, HT_BY_ALLOCATIONS);
	ht_json_end_object(json);
}

/* Only of reports that are about a part of the trace. */
static void put_window(struct ht_report_writer *w)
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

static void put_peak(struct ht_report_writer *w)
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

static void put_leak_classes(struct ht_report_writer *w)
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

static void put_leaks(struct ht_report_writer *w)
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

static void put_churn(struct ht_report_writer *w)
{
	static const char *const units[] = { "allocations", "ns", "bytes" };
	const struct ht_results *results = w->report->results;
	uint64_t duration_ns = ht_report_duration_ns(w->report);
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "churn");
	ht_json_begin_object(json);
	ht_json_put_u64(json, "temporary_allocations", results->n_temporary);
	ht_json_put_u64(json, "temporary_bytes", results->temporary_bytes);
	ht_json_put_u64(json, "short_lived_allocations", results->n_short_lived);
	ht_json_put_u64(json, "short_lived_bytes", results->short_lived_bytes);
	ht_json_put_u64(json, "short_lived_age", results->short_lived_age);
	ht_json_put_string(json, "short_lived_unit", units[results->short_lived_unit]);
	ht_json_put_double(json, "short_lived_per_s", per_second(results->n_short_lived, duration_ns));
	ht_json_put_double(json, "short_lived_bytes_per_s",
	                   per_second(results->short_lived_bytes, duration_ns));
	put_sites(w, HT_BY_SHORT_LIVED);
	ht_json_end_object(json);
}

static void put_all_sites(struct ht_report_writer *w)
{
	ht_json_key(&w->json, "sites");
	ht_json_begin_object(&w->json);
	put_sites(w, HT_BY_OWN_PEAK_BYTES);
	ht_json_end_object(&w->json);
}

static void put_lifetimes(struct ht_report_writer *w)
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
	struct ht_report_writer w = { .json = ht_json_writer_init(out), .report = report };
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
	if (report->block_filter)
		ht_json_put_string(&w.json, "blocks", report->block_filter);
	if (report->view)
		ht_json_put_string(&w.json, "by", ht_view_name(report->view->kind));
	if (!report->sections) {
		ht_json_processes(&w);
		ht_json_programs(&w);
		ht_json_marks(&w.json, report->model);
		ht_json_phases(&w);
		ht_json_resident(&w);
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
		ht_json_threads(&w);
	if (ht_report_has(report, HT_SECTION_REALLOCS))
		ht_json_reallocs(&w);
	if (ht_report_has(report, HT_SECTION_FREES))
		ht_json_frees(&w);
	if (ht_report_has(report, HT_SECTION_MAPPED))
		ht_json_mapped(&w);
	if (ht_report_has(report, HT_SECTION_POOLS))
		ht_json_pools(&w);
	if (ht_report_has(report, HT_SECTION_MISUSE))
		ht_json_misuses(&w);
	if (ht_report_has(report, HT_SECTION_FINDINGS))
		ht_json_findings(&w);
	ht_json_coverage(&w);
	ht_json_end_object(&w.json);
	putc('\n', out);
	ht_named_stack_done(&w.stack);
}
