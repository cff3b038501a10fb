/* SPDX-License-Identifier: MIT */
/* The report as text for people. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/report/report.h"
#include "analyzer/report/stack_names.h"
#include "analyzer/report/text_page.h"
#include "analyzer/report/text_sites.h"

#include <string.h>
#include <time.h>

#define MAX_BARS 60u
#define MIN_BARS 8u
#define BARS_TEXT_COLUMNS 16u /* right of them */
#define LABEL_COLUMNS 15u
#define MAX_SHOWN_PROCESSES 12u

/* Columns of the lines about processes. */
#define NAME_COLUMN 12u
#define END_COLUMN  37u
#define PEAK_COLUMN 63u

/* Numbers as text, for one line. */
struct humans {
	char a[HT_HUMAN_BYTES], b[HT_HUMAN_BYTES], c[HT_HUMAN_BYTES], d[HT_HUMAN_BYTES],
		e[HT_HUMAN_BYTES];
};

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void put_command(struct ht_text_page *page, const struct ht_recording *recording)
{
	struct ht_strbuf command = { 0 };

	for (uint32_t i = 0; i < recording->argc; i++) {
		bool needs_quotes = recording->argv[i][0] == '\0' ||
				    strpbrk(recording->argv[i], " \t\n'\"\\$&|;<>*?()");

		ht_strbuf_addf(&command, "%s%s%s%s", i ? " " : "", needs_quotes ? "'" : "",
			       recording->argv[i], needs_quotes ? "'" : "");
	}
	for (size_t i = 0; i < command.n_bytes; i++) {
		if (command.text[i] == '\n' || command.text[i] == '\t')
			command.text[i] = ' ';
	}
	ht_text_put(page, HT_PAINT_STRONG,
		    recording->is_known ? ht_strbuf_str(&command) : "(the command is not known)");
	ht_text_end_line(page);
	ht_strbuf_done(&command);
}

static void put_end(struct ht_text_page *page, const struct ht_process *process)
{
	const char *name;

	switch (process->end_kind) {
	case HT_END_EXIT:
		ht_text_putf(page, process->end_code ? HT_PAINT_WARNING : HT_PAINT_PLAIN,
			     "exited with status %u", (unsigned)process->end_code);
		break;
	case HT_END_SIGNAL:
		name = process->end_code < 65 ? sigabbrev_np((int)process->end_code) : NULL;
		ht_text_putf(page, HT_PAINT_WARNING, "killed by signal %u%s%s%s",
			     (unsigned)process->end_code, name ? " (SIG" : "", name ? name : "",
			     name ? ")" : "");
		break;
	case HT_END_EXEC:
		ht_text_put(page, HT_PAINT_PLAIN, "executed another program");
		break;
	case HT_END_DETACHED:
		ht_text_put(page, HT_PAINT_WARNING, "still running when the recording ended");
		break;
	default:
		ht_text_put(page, HT_PAINT_WARNING, "its end was not recorded");
		break;
	}
}

/* The smallest peak that is among the MAX_SHOWN_PROCESSES largest ones. */
static uint64_t shown_peak(const struct ht_results *results)
{
	uint64_t largest[MAX_SHOWN_PROCESSES] = { 0 }; /* falling */

	for (size_t i = 0; i < results->n_processes; i++) {
		uint64_t peak = results->processes[i].peak_bytes;

		for (size_t k = 0; k < MAX_SHOWN_PROCESSES; k++) {
			if (peak > largest[k]) {
				uint64_t smaller = largest[k];

				largest[k] = peak;
				peak = smaller;
			}
		}
	}
	return largest[MAX_SHOWN_PROCESSES - 1];
}

static void put_processes(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_process_list *list = &report->model->processes;
	uint64_t min_peak = shown_peak(report->results);
	size_t n_shown = 0;
	struct humans h;

	for (size_t i = 0; i < list->n_processes && n_shown < MAX_SHOWN_PROCESSES; i++) {
		const struct ht_process *p = &list->processes[i];
		const struct ht_process_result *r = &report->results->processes[i];

		if (r->peak_bytes < min_peak)
			continue;
		n_shown++;
		ht_text_putf(page, HT_PAINT_PLAIN, "pid %u", p->pid);
		ht_text_to_column(page, NAME_COLUMN);
		ht_text_put_in(page, HT_PAINT_PLAIN, ht_process_name(p), END_COLUMN - NAME_COLUMN - 1);
		ht_text_to_column(page, END_COLUMN);
		put_end(page, p);
		if (list->n_processes > 1) {
			ht_text_to_column(page, PEAK_COLUMN);
			ht_text_putf(page, HT_PAINT_DIM, "peak %s, %s allocation%s",
				     ht_human_bytes(h.a, r->peak_bytes),
				     ht_human_count(h.b, r->counts.n_allocations),
				     plural(r->counts.n_allocations));
		}
		ht_text_end_line(page);
	}
	if (n_shown < list->n_processes) {
		ht_text_putf(page, HT_PAINT_DIM, "... and %zu processes with smaller peaks",
			     list->n_processes - n_shown);
		ht_text_end_line(page);
	}
}

static void put_header(struct ht_text_page *page, const struct ht_report *report, uint64_t duration_ns)
{
	const struct ht_recording *recording = &report->model->recording;
	size_t n_processes = report->model->processes.n_processes;
	uint64_t n_threads = report->results->totals.n_threads;
	struct humans h;
	struct tm tm;
	char when[64] = "";
	time_t seconds = (time_t)(recording->realtime_ns / 1000000000u);

	put_command(page, recording);
	if (recording->is_known && localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	if (recording->is_known)
		ht_text_putf(page, HT_PAINT_DIM, "recorded %s on %s, ", when, recording->host);
	ht_text_putf(page, HT_PAINT_DIM, "%s, %s process%s, %s thread%s",
		     ht_human_ns(h.a, duration_ns), ht_human_count(h.b, n_processes),
		     n_processes == 1 ? "" : "es", ht_human_count(h.c, n_threads), plural(n_threads));
	ht_text_end_line(page);
	put_processes(page, report);
	if (report->is_being_recorded) {
		ht_text_put(page, HT_PAINT_WARNING,
			    "This trace is still being recorded; the report is of what is there by now.");
		ht_text_end_line(page);
	}
}

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

static void put_totals(struct ht_text_page *page, const struct ht_report *report, uint64_t duration_ns)
{
	const struct ht_counts *totals = &report->results->totals;
	double live[MAX_BARS], allocations[MAX_BARS];
	unsigned room = page->style->n_columns - LABEL_COLUMNS - BARS_TEXT_COLUMNS;
	size_t max_bars = room < MAX_BARS ? room : MAX_BARS;
	size_t n_bars = make_bars(&report->results->rate, report->results->end_tick, max_bars, live,
				  allocations);
	struct humans h;

	ht_text_heading(page, "TOTALS");
	ht_text_to_column(page, LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_PLAIN, "%s allocation%s, %s free%s, %s reallocation%s; %s requested",
		     ht_human_count(h.a, totals->n_allocations), plural(totals->n_allocations),
		     ht_human_count(h.b, totals->n_frees), plural(totals->n_frees),
		     ht_human_count(h.c, totals->n_reallocations), plural(totals->n_reallocations),
		     ht_human_bytes(h.d, totals->allocated_bytes));
	ht_text_end_line(page);
	if (n_bars < MIN_BARS)
		return;
	ht_text_put(page, HT_PAINT_PLAIN, "  live bytes");
	ht_text_to_column(page, LABEL_COLUMNS);
	ht_text_bars(page, live, n_bars);
	ht_text_to_column(page, LABEL_COLUMNS + (unsigned)max_bars + 1);
	ht_text_putf(page, HT_PAINT_DIM, "0 to %s", ht_human_ns(h.a, duration_ns));
	ht_text_end_line(page);
	ht_text_put(page, HT_PAINT_PLAIN, "  allocations");
	ht_text_to_column(page, LABEL_COLUMNS);
	ht_text_bars(page, allocations, n_bars);
	ht_text_end_line(page);
}

static void put_peak(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_site_table *sites = &report->results->sites;
	struct humans h;

	ht_text_heading(page, "PEAK");
	ht_text_to_column(page, LABEL_COLUMNS);
	if (sites->peak_bytes == 0) {
		ht_text_put(page, HT_PAINT_PLAIN, "nothing was ever allocated");
		ht_text_end_line(page);
		return;
	}
	ht_text_putf(page, HT_PAINT_STRONG, "%s", ht_human_bytes(h.a, sites->peak_bytes));
	ht_text_putf(page, HT_PAINT_PLAIN, " (%s bytes) live in %s block%s, first reached at %s",
		     ht_human_count(h.b, sites->peak_bytes), ht_human_count(h.c, sites->n_at_peak),
		     plural(sites->n_at_peak),
		     ht_human_ns(h.d, ht_tick_clock_ns(&report->model->clock, sites->peak_tick)));
	ht_text_end_line(page);
	ht_text_sites(page, report, HT_BY_AT_PEAK_BYTES);
}

static uint64_t per_second(uint64_t n, uint64_t ns)
{
	return ns ? (uint64_t)((double)n * 1e9 / (double)ns + 0.5) : 0;
}

static void put_rate(struct ht_text_page *page, const struct ht_report *report, uint64_t duration_ns)
{
	const struct ht_results *results = report->results;
	const struct ht_tick_clock *clock = &report->model->clock;
	struct ht_busiest_window busiest = ht_rate_windows_busiest(&results->rate, results->end_tick);
	uint64_t from_ns = ht_tick_clock_ns(clock, busiest.from_tick);
	uint64_t to_ns = ht_tick_clock_ns(clock, busiest.to_tick);
	struct humans h;

	if (results->totals.n_allocations == 0)
		return;
	ht_text_heading(page, "RATE");
	ht_text_to_column(page, LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_STRONG, "%s allocations/s",
		     ht_human_count(h.a, per_second(results->totals.n_allocations, duration_ns)));
	ht_text_putf(page, HT_PAINT_PLAIN, " and %s/s on average",
		     ht_human_bytes(h.b, per_second(results->totals.allocated_bytes, duration_ns)));
	ht_text_end_line(page);
	ht_text_to_column(page, LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_PLAIN, "%s allocations/s and %s/s in the busiest %s, from %s on",
		     ht_human_count(h.a, per_second(busiest.n_allocations, to_ns - from_ns)),
		     ht_human_bytes(h.b, per_second(busiest.n_bytes, to_ns - from_ns)),
		     ht_human_ns(h.c, to_ns - from_ns), ht_human_ns(h.d, from_ns));
	ht_text_end_line(page);
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

static void put_leaks(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_counts *totals = &report->results->totals;
	struct humans h;

	ht_text_heading(page, "LEAKED");
	ht_text_to_column(page, LABEL_COLUMNS);
	if (totals->n_leaked == 0) {
		ht_text_put(page, HT_PAINT_PLAIN, "nothing: every block was freed");
	} else {
		ht_text_put(page, HT_PAINT_STRONG, ht_human_bytes(h.a, totals->leaked_bytes));
		ht_text_putf(page, HT_PAINT_PLAIN, " in %s block%s still live at the end",
			     ht_human_count(h.b, totals->n_leaked), plural(totals->n_leaked));
	}
	ht_text_end_line(page);
	if (totals->n_live_at_exec) {
		ht_text_to_column(page, LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_DIM, "(not counted: %s in %s block%s given up by exec)",
			     ht_human_bytes(h.a, totals->live_at_exec_bytes),
			     ht_human_count(h.b, totals->n_live_at_exec), plural(totals->n_live_at_exec));
		ht_text_end_line(page);
	}
	if (n_unfinished(report) && totals->n_leaked) {
		ht_text_to_column(page, LABEL_COLUMNS);
		ht_text_put(page, HT_PAINT_DIM,
			    "(with what killed or still running processes were using)");
		ht_text_end_line(page);
	}
	ht_text_sites(page, report, HT_BY_LEAKED_BYTES);
}

static void put_churn(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_results *r = report->results;
	struct humans h;

	if (r->totals.n_allocations == 0)
		return;
	ht_text_heading(page, "CHURN");
	ht_text_to_column(page, LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_STRONG, "%s short-lived", ht_human_count(h.a, r->n_short_lived));
	ht_text_putf(page, HT_PAINT_PLAIN, " (%s of all, %s): freed within %s allocations",
		     ht_human_pct(h.b, r->n_short_lived, r->totals.n_allocations),
		     ht_human_bytes(h.c, r->short_lived_bytes), ht_human_count(h.d, r->short_lived_age));
	ht_text_end_line(page);
	ht_text_to_column(page, LABEL_COLUMNS);
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
		ht_text_put_right(page, HT_PAINT_PLAIN, text, LABEL_COLUMNS + 12 * (i + 1));
	}
	if (p->is_rounded)
		ht_text_put(page, HT_PAINT_DIM, "  (within 0.002 %)");
	ht_text_end_line(page);
}

static void put_distributions(struct ht_text_page *page, const struct ht_report *report)
{
	static const char *const names[] = { "p50", "p90", "p99", "p99.9", "max" };
	const struct ht_percentiles *sizes = &report->results->sizes;
	const struct ht_percentiles *lifetimes = &report->results->lifetimes_ticks;
	struct humans h;

	if (sizes->n == 0)
		return;
	ht_text_heading(page, "DISTRIBUTION");
	for (unsigned i = 0; i < 5; i++)
		ht_text_put_right(page, HT_PAINT_DIM, names[i], LABEL_COLUMNS + 12 * (i + 1));
	ht_text_end_line(page);
	put_percentile_row(page, "  size", sizes, NULL);
	put_percentile_row(page, "  lifetime", lifetimes, &report->model->clock);
	if (report->results->n_censored) {
		ht_text_to_column(page, LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_DIM, "(lifetimes of the %s freed blocks; the end of %s was not seen)",
			     ht_human_count(h.a, lifetimes->n),
			     ht_human_count(h.b, report->results->n_censored));
		ht_text_end_line(page);
	}
}

/* One line about something that was not seen, if there was any. */
static void put_gap(struct ht_text_page *page, uint64_t n, const char *what)
{
	char text[HT_HUMAN_BYTES];

	if (n == 0)
		return;
	ht_text_put_right(page, HT_PAINT_WARNING, ht_human_count(text, n), LABEL_COLUMNS - 2);
	ht_text_to_column(page, LABEL_COLUMNS);
	ht_text_put(page, HT_PAINT_PLAIN, what);
	ht_text_end_line(page);
}

static bool has_gaps(const struct ht_coverage *c)
{
	uint64_t n = c->n_lost_events | c->n_damages | c->n_unknown_frees | c->n_missed_frees |
		     c->n_nested_calls | c->n_untracked_addrs | c->n_stacks_differing | c->n_anomalies;

	for (int i = 1; i < HT_N_TRUNC; i++)
		n |= c->n_truncated[i];
	return n != 0 || c->is_incomplete;
}

static void put_coverage(struct ht_text_page *page, const struct ht_report *report)
{
	struct ht_coverage c = ht_report_coverage(report);
	const struct ht_recording *recording = &report->model->recording;

	if (!has_gaps(&c))
		return;
	ht_text_heading(page, "NOT SEEN");
	ht_text_end_line(page);
	if (!recording->has_end || ht_trace_file_end(report->file) != HT_FILE_END_GOOD) {
		ht_text_to_column(page, LABEL_COLUMNS);
		ht_text_put(page, HT_PAINT_WARNING,
			    "The end of the trace is missing; this is what was recorded before.");
		ht_text_end_line(page);
	} else if (c.is_incomplete) {
		ht_text_to_column(page, LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_WARNING, "The recording stopped early: %s",
			     recording->end_reason[0]                ? recording->end_reason :
			     recording->end == HT_RECORD_INTERRUPTED ? "interrupted" :
								       "the file could not grow");
		ht_text_end_line(page);
	}
	put_gap(page, c.n_lost_events, "events were lost while recording (overload)");
	put_gap(page, c.n_damages, "places in the file are damaged; see: heaptide verify");
	put_gap(page, c.n_damaged_events, "events were in damaged blocks");
	put_gap(page, c.n_anomalies, "events contradict others; see: heaptide verify");
	put_gap(page, c.n_unknown_frees, "frees of blocks whose allocation was not seen");
	put_gap(page, c.n_missed_frees, "blocks were freed unseen (their address came back)");
	put_gap(page, c.n_nested_calls, "calls from inside the allocator or from signal handlers");
	put_gap(page, c.n_untracked_addrs, "blocks at addresses that cannot be tracked");
	put_gap(page, c.n_stacks_differing, "stacks differ from libunwind's");
	for (uint32_t i = 1; i < HT_N_TRUNC; i++) {
		struct ht_strbuf what = { 0 };

		ht_strbuf_addf(&what, "stacks end early: %s", ht_truncation_text(i));
		put_gap(page, c.n_truncated[i], what.text);
		ht_strbuf_done(&what);
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
		ht_text_putf(page, HT_PAINT_DIM, " %zu places (-n N)", report->n_top);
	if (report->n_frames == SIZE_MAX)
		ht_text_put(page, HT_PAINT_DIM, ", stacks all frames (--depth N)");
	else
		ht_text_putf(page, HT_PAINT_DIM, ", stacks %zu frames (--depth N)", report->n_frames);
	ht_text_put(page, HT_PAINT_DIM, "; 0 means all.");
	ht_text_end_line(page);
}

void ht_report_text(const struct ht_report *report, const struct ht_text_style *style, FILE *out)
{
	struct ht_text_page page = ht_text_page_init(out, style);
	uint64_t duration_ns = ht_tick_clock_ns(&report->model->clock, report->results->end_tick);

	put_header(&page, report, duration_ns);
	put_totals(&page, report, duration_ns);
	put_peak(&page, report);
	put_rate(&page, report, duration_ns);
	put_leaks(&page, report);
	put_churn(&page, report);
	put_distributions(&page, report);
	put_coverage(&page, report);
	put_footer(&page, report);
}
