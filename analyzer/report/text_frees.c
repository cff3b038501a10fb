/* SPDX-License-Identifier: MIT */
/* The section about who frees what others allocated, of the text report. Analyzer. */
#include "analyzer/report/free_rank.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_sites.h"

#include <stdlib.h>

/* Pairs that the whole report lists. */
#define MAX_LISTED_PAIRS 3u

static void put_pair(struct ht_text_page *page, const struct ht_report *report,
                     const struct ht_free_pair *pair)
{
	const struct ht_site *site = &report->results->sites.sites[pair->site];
	char pct[HT_HUMAN_BYTES];
	struct ht_humans h;

	ht_text_end_line(page);
	ht_human_pct(pct, pair->n_frees, report->results->frees.n_frees);
	ht_text_amount(page, pct, ht_human_count(h.a, pair->n_frees), true);
	ht_text_putf(page, HT_PAINT_PLAIN, "block%s, %s, allocated at", ht_plural(pair->n_frees),
	             ht_human_bytes(h.b, pair->freed_bytes));
	ht_text_end_line(page);
	ht_text_stack(page, report, site->stack);
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_put(page, HT_PAINT_PLAIN, "and freed at");
	ht_text_end_line(page);
	ht_text_stack(page, report, pair->stack);
}

void ht_text_frees(struct ht_text_page *page, const struct ht_report *report, bool has_all)
{
	const struct ht_free_pairs *frees = &report->results->frees;
	size_t n_top =
	        !has_all && report->n_top > MAX_LISTED_PAIRS ? MAX_LISTED_PAIRS : report->n_top;
	struct ht_humans h;

	if (!report->model->recording.has_free_stacks)
		return;
	ht_text_heading(page, "FREES");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	if (frees->n_frees == 0) {
		ht_text_put(page, HT_PAINT_PLAIN, "nothing was freed");
		ht_text_end_line(page);
		return;
	}
	ht_text_putf(page, HT_PAINT_STRONG, "%s block%s freed", ht_human_count(h.a, frees->n_frees),
	             ht_plural(frees->n_frees));
	ht_text_putf(page, HT_PAINT_PLAIN, " (%s), in %s pair%s of places",
	             ht_human_bytes(h.b, frees->freed_bytes), ht_human_count(h.c, frees->n_pairs),
	             ht_plural(frees->n_pairs));
	ht_text_end_line(page);

	struct ht_free_rank rank = ht_free_rank_new(report);

	for (size_t i = 0; i < rank.n_pairs && i < n_top; i++)
		put_pair(page, report, rank.pairs[i]);
	free(rank.pairs);
}
