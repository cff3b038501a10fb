/* SPDX-License-Identifier: MIT */
/* The table of processes in the text report, and of programs. Analyzer. */
#include "analyzer/base/xalloc.h"
#include "analyzer/report/program_sums.h"
#include "analyzer/report/text_parts.h"

#include <stdlib.h>
#include <string.h>

/* Right edges of numbers, left edges of words. */
#define SERIAL_COLUMN      5u
#define PID_COLUMN         14u
#define NAME_COLUMN        16u
#define PEAK_COLUMN        44u
#define LEAKED_COLUMN      56u
#define ALLOCATIONS_COLUMN 69u
#define END_COLUMN         71u

static const struct ht_report *sorted_report; /* qsort(3) has no context */

static int compare_peaks(const void *va, const void *vb)
{
	const struct ht_process_result *results = sorted_report->results->processes;
	size_t a = *(const size_t *)va, b = *(const size_t *)vb;

	if (results[a].peak_bytes != results[b].peak_bytes)
		return results[a].peak_bytes < results[b].peak_bytes ? 1 : -1;
	return a < b ? -1 : a > b;
}

static int compare_indices(const void *va, const void *vb)
{
	size_t a = *(const size_t *)va, b = *(const size_t *)vb;

	return a < b ? -1 : a > b;
}

/* The first selected process and those with the largest peaks, at most max, in the order of the trace. */
static size_t choose(const struct ht_report *report, size_t max, size_t **ret_chosen)
{
	size_t n_all = report->model->processes.n_processes, n = 0;
	size_t *chosen = ht_xalloc_zeroed(n_all + 1, sizeof(*chosen));

	for (size_t i = 0; i < n_all; i++) {
		if (ht_process_selection_has(report->selection, i))
			chosen[n++] = i;
	}
	sorted_report = report;
	if (n > 1)
		qsort(chosen + 1, n - 1, sizeof(*chosen), compare_peaks);
	if (n > max)
		n = max;
	qsort(chosen, n, sizeof(*chosen), compare_indices);
	*ret_chosen = chosen;
	return n;
}

static void put_numbers(struct ht_text_page *page, uint64_t peak_bytes, uint64_t leaked_bytes,
                        uint64_t n_allocations)
{
	struct ht_humans h;

	ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_bytes(h.a, peak_bytes), PEAK_COLUMN);
	ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_bytes(h.b, leaked_bytes), LEAKED_COLUMN);
	ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_count(h.c, n_allocations),
	                  ALLOCATIONS_COLUMN);
}

static void put_titles(struct ht_text_page *page, const char *first, const char *second,
                       const char *last)
{
	ht_text_put_right(page, HT_PAINT_DIM, first, SERIAL_COLUMN);
	ht_text_put_right(page, HT_PAINT_DIM, second, PID_COLUMN);
	ht_text_to_column(page, NAME_COLUMN);
	ht_text_put(page, HT_PAINT_DIM, "program");
	ht_text_put_right(page, HT_PAINT_DIM, "peak", PEAK_COLUMN);
	ht_text_put_right(page, HT_PAINT_DIM, "leaked", LEAKED_COLUMN);
	ht_text_put_right(page, HT_PAINT_DIM, "allocations", ALLOCATIONS_COLUMN);
	ht_text_to_column(page, END_COLUMN);
	ht_text_put(page, HT_PAINT_DIM, last);
	ht_text_end_line(page);
}

static void put_process(struct ht_text_page *page, const struct ht_report *report, size_t i)
{
	const struct ht_process *p = &report->model->processes.processes[i];
	const struct ht_process_result *r = &report->results->processes[i];
	char ended[HT_ENDED_BYTES], number[HT_HUMAN_BYTES];
	bool is_good = p->end_kind == HT_END_EXEC || (p->end_kind == HT_END_EXIT && !p->end_code);

	snprintf(number, sizeof(number), "#%u", p->serial);
	ht_text_put_right(page, HT_PAINT_DIM, number, SERIAL_COLUMN);
	snprintf(number, sizeof(number), "%u", p->pid);
	ht_text_put_right(page, HT_PAINT_PLAIN, number, PID_COLUMN);
	ht_text_to_column(page, NAME_COLUMN);
	ht_text_put_in(page, HT_PAINT_PLAIN, ht_process_name(p), PEAK_COLUMN - NAME_COLUMN - 11);
	put_numbers(page, r->peak_bytes, r->counts.leaked_bytes, r->counts.n_allocations);
	ht_text_to_column(page, END_COLUMN);
	ht_text_put(page, is_good ? HT_PAINT_PLAIN : HT_PAINT_WARNING, ht_report_ended(p, ended));
	ht_text_end_line(page);
}

/* The peak of all is that of one moment, so it is less than the sum of what each had at most. */
static void put_tree(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_counts *totals = &report->results->totals;

	ht_text_to_column(page, NAME_COLUMN);
	ht_text_put(page, HT_PAINT_STRONG, "all at one time");
	put_numbers(page, report->results->sites.peak_bytes, totals->leaked_bytes,
	            totals->n_allocations);
	ht_text_end_line(page);
}

void ht_text_processes(struct ht_text_page *page, const struct ht_report *report, size_t max)
{
	size_t *chosen;
	size_t n = choose(report, max, &chosen);
	size_t n_all = ht_report_n_processes(report);

	ht_text_heading(page, "PROCESSES");
	ht_text_end_line(page);
	put_titles(page, "#", "pid", "ended");
	for (size_t i = 0; i < n; i++)
		put_process(page, report, chosen[i]);
	free(chosen);
	put_tree(page, report);
	if (n < n_all) {
		ht_text_to_column(page, NAME_COLUMN);
		ht_text_putf(page, HT_PAINT_DIM, "%zu more with smaller peaks: --by-process",
		             n_all - n);
		ht_text_end_line(page);
	}
}

void ht_text_programs(struct ht_text_page *page, const struct ht_report *report)
{
	size_t n;
	struct ht_program_sum *sums = ht_program_sums_new(report, &n);
	char number[HT_HUMAN_BYTES];

	ht_text_heading(page, "PROGRAMS");
	ht_text_end_line(page);
	put_titles(page, "", "processes", "(largest peak)");
	for (size_t i = 0; i < n; i++) {
		ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_count(number, sums[i].n_processes),
		                  PID_COLUMN);
		ht_text_to_column(page, NAME_COLUMN);
		ht_text_put_in(page, HT_PAINT_PLAIN, sums[i].name, PEAK_COLUMN - NAME_COLUMN - 11);
		put_numbers(page, sums[i].max_peak_bytes, sums[i].leaked_bytes,
		            sums[i].n_allocations);
		ht_text_end_line(page);
	}
	free(sums);
}
