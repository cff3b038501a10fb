/* SPDX-License-Identifier: MIT */
/* The section about threads of the text report. Analyzer. */
#include "analyzer/report/detail_rank.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_sites.h"

#include <stdlib.h>

/* Right edges of the columns. */
enum {
	COLUMN_PID = 9,
	COLUMN_TID = 18,
	COLUMN_ALLOCATIONS = 32,
	COLUMN_BYTES = 45,
	COLUMN_FREES = 57,
	COLUMN_FOR = 68,
	COLUMN_BY = 79
};

static void put_titles(struct ht_text_page *page)
{
	static const struct {
		const char *title;
		unsigned column;
	} titles[] = {
		{ "pid", COLUMN_PID },
		{ "thread", COLUMN_TID },
		{ "allocations", COLUMN_ALLOCATIONS },
		{ "allocated", COLUMN_BYTES },
		{ "frees", COLUMN_FREES },
		{ "of others", COLUMN_FOR },
		{ "by others", COLUMN_BY },
	};

	ht_text_end_line(page);
	for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
		ht_text_put_right(page, HT_PAINT_DIM, titles[i].title, titles[i].column);
	ht_text_end_line(page);
}

static void put_thread(struct ht_text_page *page, const struct ht_report *report,
                       const struct ht_thread_result *t)
{
	const struct {
		uint64_t n;
		unsigned column;
	} counts[] = {
		{ t->n_frees, COLUMN_FREES },
		{ t->n_freed_for_others, COLUMN_FOR },
		{ t->n_freed_by_others, COLUMN_BY },
	};
	char text[HT_HUMAN_BYTES];

	snprintf(text, sizeof(text), "%u", report->model->processes.processes[t->process].pid);
	ht_text_put_right(page, HT_PAINT_DIM, text, COLUMN_PID);
	snprintf(text, sizeof(text), "%u", t->tid);
	ht_text_put_right(page, HT_PAINT_PLAIN, text, COLUMN_TID);
	ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_count(text, t->n_allocations),
	                  COLUMN_ALLOCATIONS);
	ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_bytes(text, t->allocated_bytes),
	                  COLUMN_BYTES);
	for (size_t i = 0; i < sizeof(counts) / sizeof(*counts); i++)
		ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_count(text, counts[i].n),
		                  counts[i].column);
	ht_text_end_line(page);
}

static void put_totals(struct ht_text_page *page, const struct ht_report *report, size_t n_threads)
{
	const struct ht_site_detail *d = &report->results->details.totals;
	struct ht_humans h;

	ht_text_putf(page, HT_PAINT_STRONG, "%s thread%s", ht_human_count(h.a, n_threads),
	             ht_plural(n_threads));
	ht_text_put(page, HT_PAINT_PLAIN, "; ");
	if (d->n_freed_by_others)
		ht_text_putf(
		        page, HT_PAINT_PLAIN,
		        "%s block%s (%s of all freed, %s) freed by another than allocated",
		        ht_human_count(h.b, d->n_freed_by_others), ht_plural(d->n_freed_by_others),
		        ht_human_pct(h.c, d->n_freed_by_others, report->results->totals.n_frees),
		        ht_human_bytes(h.d, d->freed_by_others_bytes));
	else
		ht_text_put(page, HT_PAINT_PLAIN, "each freed only what it had allocated");
	ht_text_end_line(page);
}

static void put_site(struct ht_text_page *page, const struct ht_report *report,
                     const struct ht_detailed_site *site)
{
	const struct ht_site_detail *d = site->detail;
	char pct[HT_HUMAN_BYTES];
	struct ht_humans h;

	ht_text_end_line(page);
	ht_human_pct(pct, d->n_freed_by_others, report->results->details.totals.n_freed_by_others);
	ht_text_amount(page, pct, ht_human_count(h.a, d->n_freed_by_others), true);
	ht_text_putf(page, HT_PAINT_PLAIN, "of %s block%s freed by another thread, %s",
	             ht_human_count(h.b, site->site->n_allocations),
	             ht_plural(site->site->n_allocations),
	             ht_human_bytes(h.c, d->freed_by_others_bytes));
	ht_text_end_line(page);
	ht_text_stack(page, report, site->site->stack);
}

static void put_all(struct ht_text_page *page, const struct ht_report *report,
                    const struct ht_thread_rank *threads)
{
	struct ht_detail_rank rank =
	        ht_detail_rank_new(report->results, HT_BY_FREED_BY_OTHERS, report->choice.is_shown);

	put_titles(page);
	for (size_t i = 0; i < threads->n_threads && i < report->n_top; i++)
		put_thread(page, report, threads->threads[i]);
	for (size_t i = 0; i < rank.n_sites && i < report->n_top; i++)
		put_site(page, report, &rank.sites[i]);
	free(rank.sites);
}

void ht_text_threads(struct ht_text_page *page, const struct ht_report *report, bool has_all)
{
	struct ht_thread_rank rank = ht_thread_rank_new(report->results);

	if (rank.n_threads > 1 || has_all) {
		ht_text_heading(page, "THREADS");
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		put_totals(page, report, rank.n_threads);
		if (has_all)
			put_all(page, report, &rank);
	}
	free(rank.threads);
}
