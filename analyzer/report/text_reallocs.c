/* SPDX-License-Identifier: MIT */
/* The section about reallocations of the text report. Analyzer. */
#include "analyzer/report/detail_rank.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_sites.h"

#include <stdlib.h>

static void put_totals(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_site_detail *d = &report->results->details.totals;
	uint64_t n = report->results->totals.n_reallocations;
	struct ht_humans h;

	ht_text_putf(page, HT_PAINT_STRONG, "%s realloc%s", ht_human_count(h.a, n), ht_plural(n));
	ht_text_putf(page, HT_PAINT_PLAIN, " of %s block%s, at most %s of one",
	             ht_human_count(h.b, d->n_chains), ht_plural(d->n_chains),
	             ht_human_count(h.c, d->longest_chain));
	ht_text_end_line(page);
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_STRONG, "%s copied", ht_human_bytes(h.a, d->copied_bytes));
	ht_text_putf(page, HT_PAINT_PLAIN, " by the %s (%s) that moved the block",
	             ht_human_count(h.b, d->n_moved), ht_human_pct(h.c, d->n_moved, n));
	ht_text_end_line(page);
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_PLAIN,
	             "%s made it larger, %s of them by less than half; %s smaller",
	             ht_human_count(h.a, d->n_grown), ht_human_count(h.b, d->n_small_steps),
	             ht_human_count(h.c, d->n_shrunk));
	ht_text_end_line(page);
}

static void put_site(struct ht_text_page *page, const struct ht_report *report,
                     const struct ht_detailed_site *site)
{
	const struct ht_site_detail *d = site->detail;
	char pct[HT_HUMAN_BYTES];
	struct ht_humans h;

	ht_text_end_line(page);
	ht_human_pct(pct, d->copied_bytes, report->results->details.totals.copied_bytes);
	ht_text_amount(page, pct, ht_human_bytes(h.a, d->copied_bytes), true);
	ht_text_putf(page, HT_PAINT_PLAIN, "copied by %s of %s realloc%s",
	             ht_human_count(h.b, d->n_moved),
	             ht_human_count(h.c, site->site->n_reallocations),
	             ht_plural(site->site->n_reallocations));
	if (d->n_small_steps)
		ht_text_putf(page, HT_PAINT_PLAIN, "; %s small step%s",
		             ht_human_count(h.d, d->n_small_steps), ht_plural(d->n_small_steps));
	ht_text_putf(page, HT_PAINT_PLAIN, ", up to %s", ht_human_bytes(h.a, d->largest_bytes));
	ht_text_end_line(page);
	ht_text_stack(page, report, site->site->stack);
}

void ht_text_reallocs(struct ht_text_page *page, const struct ht_report *report, bool has_sites)
{
	if (report->results->totals.n_reallocations == 0 && !has_sites)
		return;
	ht_text_heading(page, "REALLOCS");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	if (report->results->totals.n_reallocations == 0) {
		ht_text_put(page, HT_PAINT_PLAIN, "none");
		ht_text_end_line(page);
		return;
	}
	put_totals(page, report);
	if (!has_sites)
		return;

	struct ht_detail_rank rank =
	        ht_detail_rank_new(report->results, HT_BY_COPIED_BYTES, report->choice.is_shown);

	for (size_t i = 0; i < rank.n_sites && i < report->n_top; i++)
		put_site(page, report, &rank.sites[i]);
	free(rank.sites);
}
