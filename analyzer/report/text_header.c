/* SPDX-License-Identifier: MIT */
/* The head of the text report: what was recorded, when, and how its processes ended. Analyzer. */
#include "analyzer/base/strbuf.h"
#include "analyzer/report/text_parts.h"

#include <string.h>
#include <time.h>

/* Columns of the line about a process. */
#define NAME_COLUMN 12u
#define END_COLUMN  37u

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
	case HT_END_EXEC: ht_text_put(page, HT_PAINT_PLAIN, "executed another program"); break;
	case HT_END_DETACHED:
		ht_text_put(page, HT_PAINT_WARNING, "still running when the recording ended");
		break;
	default: ht_text_put(page, HT_PAINT_WARNING, "its end was not recorded"); break;
	}
}

/* The one that the report is about; several have a table of their own. */
static void put_process(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_process_list *list = &report->model->processes;

	for (size_t i = 0; i < list->n_processes; i++) {
		const struct ht_process *p = &list->processes[i];

		if (!ht_process_selection_has(report->selection, i))
			continue;
		ht_text_putf(page, HT_PAINT_PLAIN, "pid %u", p->pid);
		ht_text_to_column(page, NAME_COLUMN);
		ht_text_put_in(page, HT_PAINT_PLAIN, ht_process_name(p),
		               END_COLUMN - NAME_COLUMN - 1);
		ht_text_to_column(page, END_COLUMN);
		put_end(page, p);
		ht_text_end_line(page);
	}
}

/* Whether it is among the processes of the report and has this allocator. */
static bool has_allocator(const struct ht_report *report, size_t process, const char *path)
{
	return ht_process_selection_has(report->selection, process) &&
	       strcmp(report->model->processes.processes[process].allocator, path) == 0;
}

/* Allocators other than libc's, each in a line, with how many processes had it when not all have. */
static void put_allocators(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_process_list *list = &report->model->processes;
	size_t n_processes = ht_report_n_processes(report);

	for (size_t i = 0; i < list->n_processes; i++) {
		const char *path = list->processes[i].allocator;
		struct ht_humans h;
		size_t first = 0, n = 0;

		if (!*path || !has_allocator(report, i, path))
			continue;
		while (!has_allocator(report, first, path))
			first++;
		if (first < i)
			continue;
		for (size_t k = i; k < list->n_processes; k++)
			n += has_allocator(report, k, path);
		ht_text_put(page, HT_PAINT_PLAIN, "allocator");
		ht_text_to_column(page, NAME_COLUMN);
		ht_text_put(page, HT_PAINT_PLAIN, path);
		if (n < n_processes)
			ht_text_putf(page, HT_PAINT_DIM, " (in %s process%s)",
			             ht_human_count(h.a, n), n == 1 ? "" : "es");
		ht_text_end_line(page);
	}
}

void ht_text_header(struct ht_text_page *page, const struct ht_report *report, uint64_t duration_ns)
{
	const struct ht_recording *recording = &report->model->recording;
	size_t n_programs = ht_report_n_processes(report);
	size_t n_processes = n_programs - ht_report_n_later_programs(report);
	uint64_t n_threads = report->results->totals.n_threads;
	struct ht_humans h;
	struct tm tm;
	char when[64] = "";
	time_t seconds = (time_t)(recording->realtime_ns / 1000000000u);

	put_command(page, recording);
	if (recording->is_known && localtime_r(&seconds, &tm))
		strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S", &tm);
	if (recording->is_known)
		ht_text_putf(page, HT_PAINT_DIM, "recorded %s on %s, ", when, recording->host);
	if (!report->results->window.is_part)
		ht_text_putf(page, HT_PAINT_DIM, "%s, ", ht_human_ns(h.a, duration_ns));
	ht_text_putf(page, HT_PAINT_DIM, "%s process%s", ht_human_count(h.b, n_processes),
	             n_processes == 1 ? "" : "es");
	if (n_programs > n_processes)
		ht_text_putf(page, HT_PAINT_DIM, " running %s programs",
		             ht_human_count(h.d, n_programs));
	ht_text_putf(page, HT_PAINT_DIM, ", %s thread%s", ht_human_count(h.c, n_threads),
	             ht_plural(n_threads));
	ht_text_end_line(page);
	ht_text_window_line(page, report);
	if (n_programs == 1)
		put_process(page, report);
	put_allocators(page, report);

	struct ht_coverage coverage = ht_report_coverage(report);

	if (coverage.n_lost_events || coverage.n_damages || coverage.n_anomalies) {
		ht_text_put(
		        page, HT_PAINT_WARNING,
		        "Parts of the trace are missing, so numbers are not exact: see NOT SEEN.");
		ht_text_end_line(page);
	}
	if (report->is_being_recorded) {
		ht_text_put(page, HT_PAINT_WARNING,
		            "This trace is still being recorded; the report is of what is there by "
		            "now.");
		ht_text_end_line(page);
	}
}
