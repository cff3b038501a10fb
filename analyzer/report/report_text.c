/* SPDX-License-Identifier: MIT */
/* The report as text for people. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/report/leak_class.h"
#include "analyzer/report/report.h"
#include "analyzer/report/text_page.h"
#include "analyzer/report/mark_output.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_sites.h"

#include <string.h>

#define MAX_SHOWN_PROCESSES 12u

#define MAX_BARS          60u
#define MIN_BARS          8u
#define BARS_TEXT_COLUMNS 16u /* right of them */

/* The steps of time, put together to at most max_bars: largest live bytes, and allocations. */
static size_t make_bars(const struct ht_rate_windows *rate, uint64_t end_tick, size_t max_bars,
                        double live[MAX_BARS], double allocations[MAX_BARS])
{
	uint64_t n_ticks = end_tick > rate->zero_tick ? end_tick - rate->zero_tick : 0;
	size_t n_steps = (size_t)(n_ticks / rate->step_ticks) + 1;

	if (n_steps > rate->n_steps)
		n_steps = rate->n_steps;
	size_t n_bars = n_steps < max_bars ? n_steps : max_bars;

	memset(live, 0, MAX_BARS * sizeof(*live));
	memset(allocations, 0, MAX_BARS * sizeof(*allocations));
	for (size_t i = 0; i < n_steps; i++) {
		size_t bar = i * n_bars / n_steps;

		if ((double)rate->steps[i].max_live_bytes > live[bar])
			live[bar] = (double)rate->steps[i].max_live_bytes;
		allocations[bar] += (double)rate->steps[i].n_allocations;
	}
	return n_bars;
}

static void put_totals(struct ht_text_page *page, const struct ht_report *report,
                       uint64_t duration_ns)
{
	const struct ht_counts *totals = &report->results->totals;
	double live[MAX_BARS], allocations[MAX_BARS];
	unsigned room = page->style->n_columns - HT_LABEL_COLUMNS - BARS_TEXT_COLUMNS;
	size_t max_bars = room < MAX_BARS ? room : MAX_BARS;
	size_t n_bars = make_bars(&report->results->rate, report->results->end_tick, max_bars, live,
	                          allocations);
	uint64_t from_ns =
	        ht_tick_clock_ns(&report->model->clock, report->results->window.from_tick);
	struct ht_humans h;

	ht_text_heading(page, "TOTALS");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(
	        page, HT_PAINT_PLAIN, "%s allocation%s, %s free%s, %s reallocation%s; %s requested",
	        ht_human_count(h.a, totals->n_allocations), ht_plural(totals->n_allocations),
	        ht_human_count(h.b, totals->n_frees), ht_plural(totals->n_frees),
	        ht_human_count(h.c, totals->n_reallocations), ht_plural(totals->n_reallocations),
	        ht_human_bytes(h.d, totals->allocated_bytes));
	ht_text_end_line(page);
	if (n_bars < MIN_BARS)
		return;
	ht_text_put(page, HT_PAINT_PLAIN, "  live bytes");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_bars(page, live, n_bars);
	ht_text_to_column(page, HT_LABEL_COLUMNS + (unsigned)max_bars + 1);
	ht_text_putf(page, HT_PAINT_DIM, "%s to %s", ht_human_ns(h.a, from_ns),
	             ht_human_ns(h.b, from_ns + duration_ns));
	ht_text_end_line(page);
	ht_text_put(page, HT_PAINT_PLAIN, "  allocations");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_bars(page, allocations, n_bars);
	ht_text_end_line(page);
	ht_text_resident(page, report, n_bars, HT_LABEL_COLUMNS + (unsigned)max_bars + 1);
}

/* Why there is nothing to tell of. */
static const char *no_bytes(const struct ht_report *report)
{
	return report->results->totals.n_allocations == 0 ? "nothing: no allocation was recorded" :
	                                                    "nothing: all blocks were of 0 bytes";
}

#define MAX_SHOWN_MARKS 12u

static void put_peak(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_site_table *sites = &report->results->sites;
	struct ht_humans h;

	ht_text_heading(page, "PEAK");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	if (sites->peak_bytes == 0) {
		ht_text_put(page, HT_PAINT_PLAIN, no_bytes(report));
		ht_text_end_line(page);
		return;
	}
	ht_text_putf(page, HT_PAINT_STRONG, "%s", ht_human_bytes(h.a, sites->peak_bytes));
	ht_text_putf(page, HT_PAINT_PLAIN, " (%s bytes) live in %s block%s, first reached at %s",
	             ht_human_count(h.b, sites->peak_bytes), ht_human_count(h.c, sites->n_at_peak),
	             ht_plural(sites->n_at_peak),
	             ht_human_ns(h.d, ht_tick_clock_ns(&report->model->clock, sites->peak_tick)));
	ht_text_end_line(page);
	ht_text_sites(page, report, HT_BY_AT_PEAK_BYTES);
}

static uint64_t per_second(uint64_t n, uint64_t ns)
{
	return ns ? (uint64_t)((double)n * 1e9 / (double)ns + 0.5) : 0;
}

/* How many allocations per second most windows have at most; one alone is the busiest. */
static void put_window_rates(struct ht_text_page *page, const struct ht_report *report)
{
	struct ht_window_rates rates =
	        ht_rate_windows_rates(&report->results->rate, report->results->end_tick);
	uint64_t window_ns = ht_tick_clock_span_ns(&report->model->clock, rates.window_ticks);
	const uint64_t values[] = { rates.allocations.p50, rates.allocations.p90,
		                    rates.allocations.p99, rates.allocations.p999 };
	static const char *const names[] = { "p50", "p90", "p99", "p99.9" };
	struct ht_humans h;

	if (rates.allocations.n <= 1)
		return;
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_PLAIN, "%s such windows:",
	             ht_human_count(h.a, rates.allocations.n));
	for (unsigned i = 0; i < 4; i++)
		ht_text_putf(page, HT_PAINT_PLAIN, "%s %s %s", i ? "," : "", names[i],
		             ht_human_count(h.a, per_second(values[i], window_ns)));
	ht_text_put(page, HT_PAINT_PLAIN, " allocations/s");
	ht_text_end_line(page);
}

static void put_rate(struct ht_text_page *page, const struct ht_report *report,
                     uint64_t duration_ns)
{
	const struct ht_results *results = report->results;
	const struct ht_tick_clock *clock = &report->model->clock;
	struct ht_busiest_window busiest =
	        ht_rate_windows_busiest(&results->rate, results->end_tick);
	uint64_t from_ns = ht_tick_clock_ns(clock, busiest.from_tick);
	uint64_t to_ns = ht_tick_clock_ns(clock, busiest.to_tick);
	struct ht_humans h;

	if (results->totals.n_allocations == 0)
		return;
	ht_text_heading(page, "RATE");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_STRONG, "%s allocations/s",
	             ht_human_count(h.a, per_second(results->totals.n_allocations, duration_ns)));
	ht_text_putf(page, HT_PAINT_PLAIN, " and %s/s on average",
	             ht_human_bytes(h.b, per_second(results->totals.allocated_bytes, duration_ns)));
	ht_text_end_line(page);
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_PLAIN,
	             "%s allocations/s and %s/s in the busiest %s, from %s on",
	             ht_human_count(h.a, per_second(busiest.n_allocations, to_ns - from_ns)),
	             ht_human_bytes(h.b, per_second(busiest.n_bytes, to_ns - from_ns)),
	             ht_human_ns(h.c, to_ns - from_ns), ht_human_ns(h.d, from_ns));
	ht_text_end_line(page);
	put_window_rates(page, report);
	ht_text_sites(page, report, HT_BY_ALLOCATIONS);
}

/* Processes that did not end by their own will, and had memory. */
static size_t n_unfinished(const struct ht_report *report)
{
	size_t n = 0;

	for (size_t i = 0; i < report->model->processes.n_processes; i++) {
		uint32_t end_kind = report->model->processes.processes[i].end_kind;

		n += end_kind != HT_END_EXIT && end_kind != HT_END_EXEC &&
		     report->results->processes[i].counts.n_leaked > 0;
	}
	return n;
}

/* What of the leaks is whose. */
static void put_leak_classes(struct ht_text_page *page, const struct ht_report *report)
{
	static const char *const what[] = { NULL, "kept by the runtime or from before main",
		                            "suppressed, and not listed",
		                            "of places that had more in each quarter of the time" };

	for (int i = HT_LEAK_RUNTIME; report->leaks && i < HT_N_LEAK_CLASSES; i++) {
		const struct ht_leak_sum *sum = &report->leaks->sums[i];
		struct ht_humans h;

		if (sum->n_leaked == 0)
			continue;
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_DIM, "(%s in %s block%s: %s)",
		             ht_human_bytes(h.a, sum->leaked_bytes),
		             ht_human_count(h.b, sum->n_leaked), ht_plural(sum->n_leaked),
		             what[i]);
		ht_text_end_line(page);
	}
}

static void put_leaks(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_counts *totals = &report->results->totals;
	struct ht_humans h;

	if (ht_text_window_leaks(page, report)) {
		put_leak_classes(page, report);
		ht_text_sites(page, report, HT_BY_LEAKED_BYTES);
		return;
	}
	ht_text_heading(page, "LEAKED");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	if (totals->n_leaked == 0) {
		ht_text_put(page, HT_PAINT_PLAIN,
		            totals->n_allocations ? "nothing: every block was freed" : no_bytes(report));
	} else {
		ht_text_put(page, HT_PAINT_STRONG, ht_human_bytes(h.a, totals->leaked_bytes));
		ht_text_putf(page, HT_PAINT_PLAIN, " in %s block%s still live at the end",
		             ht_human_count(h.b, totals->n_leaked), ht_plural(totals->n_leaked));
	}
	ht_text_end_line(page);
	if (totals->n_live_at_exec) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_DIM, "(not counted: %s in %s block%s given up by exec)",
		             ht_human_bytes(h.a, totals->live_at_exec_bytes),
		             ht_human_count(h.b, totals->n_live_at_exec),
		             ht_plural(totals->n_live_at_exec));
		ht_text_end_line(page);
	}
	if (totals->n_lost_events && totals->n_leaked) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_put(page, HT_PAINT_WARNING,
		            "(events were lost: some of these blocks may have been freed)");
		ht_text_end_line(page);
	}
	put_leak_classes(page, report);
	if (n_unfinished(report) && totals->n_leaked) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_put(page, HT_PAINT_DIM,
		            "(with what killed or still running processes were using)");
		ht_text_end_line(page);
	}
	ht_text_sites(page, report, HT_BY_LEAKED_BYTES);
}

static const char *short_lived_text(char text[HT_HUMAN_BYTES], const struct ht_results *r)
{
	switch (r->short_lived_unit) {
	case HT_SHORT_LIVED_NS: return ht_human_ns(text, r->short_lived_age);
	case HT_SHORT_LIVED_BYTES: return ht_human_bytes(text, r->short_lived_age);
	default: return ht_human_count(text, r->short_lived_age);
	}
}

static void put_churn(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_results *r = report->results;
	struct ht_humans h;

	if (r->totals.n_allocations == 0)
		return;
	ht_text_heading(page, "CHURN");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_STRONG, "%s short-lived",
	             ht_human_count(h.a, r->n_short_lived));
	ht_text_putf(page, HT_PAINT_PLAIN, " (%s of all, %s): freed within %s",
	             ht_human_pct(h.b, r->n_short_lived, r->totals.n_allocations),
	             ht_human_bytes(h.c, r->short_lived_bytes),
	             short_lived_text(h.d, r));
	if (r->short_lived_unit == HT_SHORT_LIVED_ALLOCATIONS)
		ht_text_put(page, HT_PAINT_PLAIN, " allocations");
	else if (r->short_lived_unit == HT_SHORT_LIVED_BYTES)
		ht_text_put(page, HT_PAINT_PLAIN, " of allocations");
	ht_text_end_line(page);
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_STRONG, "%s temporary", ht_human_count(h.a, r->n_temporary));
	ht_text_putf(page, HT_PAINT_PLAIN, " (%s of all, %s): freed before the next allocation",
	             ht_human_pct(h.b, r->n_temporary, r->totals.n_allocations),
	             ht_human_bytes(h.c, r->temporary_bytes));
	ht_text_end_line(page);
	ht_text_sites(page, report, HT_BY_SHORT_LIVED);
}

static void put_percentile_row(struct ht_text_page *page, const char *label,
                               const struct ht_percentiles *p, const struct ht_tick_clock *clock)
{
	const uint64_t values[] = { p->p50, p->p90, p->p99, p->p999, p->max };
	char text[HT_HUMAN_BYTES];

	ht_text_put(page, HT_PAINT_PLAIN, label);
	for (unsigned i = 0; i < 5; i++) {
		if (p->n == 0)
			strcpy(text, "-");
		else if (clock)
			ht_human_ns(text, ht_tick_clock_span_ns(clock, values[i]));
		else
			ht_human_bytes(text, values[i]);
		ht_text_put_right(page, HT_PAINT_PLAIN, text, HT_LABEL_COLUMNS + 12 * (i + 1));
	}
	if (p->is_rounded)
		ht_text_put(page, HT_PAINT_DIM, "  (up to 0.0016 % more)");
	ht_text_end_line(page);
}

static void put_distributions(struct ht_text_page *page, const struct ht_report *report)
{
	static const char *const names[] = { "p50", "p90", "p99", "p99.9", "max" };
	const struct ht_percentiles *sizes = &report->results->sizes;
	const struct ht_percentiles *lifetimes = &report->results->lifetimes_ticks;
	struct ht_humans h;

	bool has_lifetimes = ht_report_has(report, HT_SECTION_LIFETIMES);

	if (sizes->n == 0 || !(has_lifetimes || ht_report_has(report, HT_SECTION_SIZES)))
		return;
	ht_text_heading(page, "DISTRIBUTION");
	for (unsigned i = 0; i < 5; i++)
		ht_text_put_right(page, HT_PAINT_DIM, names[i], HT_LABEL_COLUMNS + 12 * (i + 1));
	ht_text_end_line(page);
	if (ht_report_has(report, HT_SECTION_SIZES))
		put_percentile_row(page, "  size", sizes, NULL);
	if (!has_lifetimes)
		return;
	put_percentile_row(page, "  lifetime", lifetimes, &report->model->clock);
	ht_text_to_column(page, HT_LABEL_COLUMNS);

	/* Both ends of a lifetime may be off. */
	uint64_t tolerance = 2 * report->model->recording.tolerance_ticks;

	ht_text_putf(page, HT_PAINT_DIM, "(of %s freed blocks, %s %s",
	             ht_human_count(h.a, lifetimes->n), tolerance ? "each within" : "in ticks of",
	             ht_human_ns(h.b, ht_tick_clock_span_ns(&report->model->clock,
	                                                    tolerance ? tolerance : 1)));
	if (report->results->n_censored)
		ht_text_putf(page, HT_PAINT_DIM, "; the end of %s was not seen",
		             ht_human_count(h.a, report->results->n_censored));
	ht_text_put(page, HT_PAINT_DIM, ")");
	ht_text_end_line(page);
}

/* Every place, whatever it matters for. */
static void put_sites(struct ht_text_page *page, const struct ht_report *report)
{
	struct ht_humans h;

	ht_text_heading(page, "SITES");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_STRONG, "%s place%s",
	             ht_human_count(h.a, report->results->sites.n_sites),
	             ht_plural(report->results->sites.n_sites));
	ht_text_put(page, HT_PAINT_PLAIN, ", by the most that each had live, in % of the peak");
	ht_text_end_line(page);
	ht_text_sites(page, report, HT_BY_OWN_PEAK_BYTES);
}

/* A section that was asked for is not passed over in silence. */
static void put_what_is_missing(struct ht_text_page *page, const struct ht_report *report)
{
	if ((report->sections & ~(uint32_t)(HT_SECTION_MAPPED | HT_SECTION_MISUSE)) &&
	    report->results->totals.n_allocations == 0 &&
	    report->results->totals.n_reallocations == 0) {
		ht_text_end_line(page);
		ht_text_put(page, HT_PAINT_PLAIN, "Nothing was allocated.");
		ht_text_end_line(page);
	}
	if ((report->sections & HT_SECTION_MAPPED) && !report->mapped) {
		ht_text_end_line(page);
		ht_text_put(page, HT_PAINT_PLAIN,
		            "Mapped memory was not recorded: heaptide record --mmap.");
		ht_text_end_line(page);
	}
	if ((report->sections & HT_SECTION_POOLS) && !report->pools) {
		ht_text_end_line(page);
		ht_text_put(page, HT_PAINT_PLAIN, "The programs told of no pools (heaptide.h).");
		ht_text_end_line(page);
	}
	if ((report->sections & HT_SECTION_FREES) && !report->model->recording.has_free_stacks) {
		ht_text_end_line(page);
		ht_text_put(page, HT_PAINT_PLAIN,
		            "Stacks of frees were not recorded: heaptide record --free-stacks.");
		ht_text_end_line(page);
	}
	if ((report->sections & HT_SECTION_MISUSE) && report->misuses && report->misuses->n == 0) {
		ht_text_end_line(page);
		ht_text_put(page, HT_PAINT_PLAIN, "Nothing was freed that was no block.");
		ht_text_end_line(page);
	}
}

static void put_footer(struct ht_text_page *page, const struct ht_report *report)
{
	if (report->n_top == SIZE_MAX && report->n_frames == SIZE_MAX)
		return;
	ht_text_end_line(page);
	ht_text_put(page, HT_PAINT_DIM, "Sections list");
	if (report->n_top == SIZE_MAX)
		ht_text_put(page, HT_PAINT_DIM, " all places (-n N)");
	else
		ht_text_putf(page, HT_PAINT_DIM, " %zu place%s (-n N)", report->n_top,
		             ht_plural(report->n_top));
	if (report->n_frames == SIZE_MAX)
		ht_text_put(page, HT_PAINT_DIM, ", stacks all frames (--depth N)");
	else
		ht_text_putf(page, HT_PAINT_DIM, ", stacks %zu frame%s (--depth N)",
		             report->n_frames, ht_plural(report->n_frames));
	ht_text_put(page, HT_PAINT_DIM, "; 0 means all.");
	ht_text_end_line(page);
}

void ht_report_processes_text(const struct ht_report *report, const struct ht_text_style *style,
                              FILE *out)
{
	struct ht_text_page page = ht_text_page_init(out, style);

	ht_text_header(&page, report, ht_report_duration_ns(report));
	ht_text_processes(&page, report, SIZE_MAX);
	ht_text_programs(&page, report);
}

void ht_report_text(const struct ht_report *report, const struct ht_text_style *style, FILE *out)
{
	struct ht_text_page page = ht_text_page_init(out, style);
	uint64_t duration_ns = ht_report_duration_ns(report);

	ht_text_header(&page, report, duration_ns);
	if (report->block_filter) {
		ht_text_end_line(&page);
		ht_text_putf(&page, HT_PAINT_STRONG, "Counted are blocks with %s only",
		             report->block_filter);
		ht_text_put(&page, HT_PAINT_PLAIN, ", in sums and peaks, too.");
		ht_text_end_line(&page);
	}
	if (report->filter) {
		ht_text_end_line(&page);
		ht_text_putf(&page, HT_PAINT_STRONG, "Listed are stacks with %s only",
		             report->filter);
		ht_text_put(&page, HT_PAINT_PLAIN, report->block_filter ? "; sums and parts are of all of these." :
		                                   "; sums and parts are of everything.");
		ht_text_end_line(&page);
	}
	if (!report->sections && ht_report_n_processes(report) > 1)
		ht_text_processes(&page, report, MAX_SHOWN_PROCESSES);
	if (report->results->window.is_instant) {
		if (ht_report_has(report, HT_SECTION_LEAKS))
			put_leaks(&page, report);
		if (ht_report_has(report, HT_SECTION_MAPPED))
			ht_text_mapped(&page, report);
		if (ht_report_has(report, HT_SECTION_POOLS))
			ht_text_pools(&page, report);
		put_footer(&page, report);
		return;
	}
	if (!report->sections)
		put_totals(&page, report, duration_ns);
	if (!report->sections && report->model->marks.n_marks) {
		ht_text_heading(&page, "MARKS");
		ht_text_marks(&page, report->model, MAX_SHOWN_MARKS);
		ht_text_phases(&page, report, MAX_SHOWN_MARKS + 1);
	}
	if (ht_report_has(report, HT_SECTION_MISUSE))
		ht_text_misuses(&page, report);
	if (ht_report_has(report, HT_SECTION_FINDINGS))
		ht_text_findings(&page, report, report->sections != 0);
	if (ht_report_has(report, HT_SECTION_PEAK))
		put_peak(&page, report);
	if (ht_report_has(report, HT_SECTION_RATE))
		put_rate(&page, report, duration_ns);
	if (ht_report_has(report, HT_SECTION_LEAKS))
		put_leaks(&page, report);
	if (ht_report_has(report, HT_SECTION_CHURN))
		put_churn(&page, report);
	if (ht_report_has(report, HT_SECTION_SITES))
		put_sites(&page, report);
	put_distributions(&page, report);
	if (ht_report_has(report, HT_SECTION_REALLOCS))
		ht_text_reallocs(&page, report, report->sections != 0);
	if (ht_report_has(report, HT_SECTION_FREES))
		ht_text_frees(&page, report, report->sections != 0);
	if (ht_report_has(report, HT_SECTION_THREADS))
		ht_text_threads(&page, report, report->sections != 0);
	if (ht_report_has(report, HT_SECTION_MAPPED))
		ht_text_mapped(&page, report);
	if (ht_report_has(report, HT_SECTION_POOLS))
		ht_text_pools(&page, report);
	put_what_is_missing(&page, report);
	ht_text_coverage(&page, report);
	put_footer(&page, report);
}
