/* SPDX-License-Identifier: MIT */
/* The section of the text report about the pools that programs told of. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/report/pool_rank.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_sites.h"

#include <stdlib.h>

/* In the JSON are all. */
#define MAX_SHOWN_GROUPS 12u

static void put_peak(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_pools *p = report->pools;
	struct ht_humans h;

	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_put(page, HT_PAINT_STRONG, ht_human_bytes(h.a, p->peak_bytes));
	ht_text_putf(page, HT_PAINT_PLAIN, " (%s bytes) in %s object%s",
	             ht_human_count(h.b, p->peak_bytes), ht_human_count(h.c, p->n_at_peak),
	             ht_plural(p->n_at_peak));
	if (!report->results->window.is_instant)
		ht_text_putf(
		        page, HT_PAINT_PLAIN, " at their peak, first reached at %s",
		        ht_human_ns(h.d, ht_tick_clock_ns(&report->model->clock, p->peak_tick)));
	ht_text_end_line(page);
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_put(page, HT_PAINT_DIM,
	            "(in memory that the pools have from elsewhere, where the other sections count "
	            "it)");
	ht_text_end_line(page);
}

static void put_group(struct ht_text_page *page, const struct ht_report *report,
                      const struct ht_pool_group *g)
{
	struct ht_humans h;

	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_put(page, g->name[0] ? HT_PAINT_STRONG : HT_PAINT_DIM,
	            g->name[0] ? g->name : "(no name)");
	if (report->results->window.is_instant) {
		ht_text_putf(page, HT_PAINT_PLAIN, ": %s in %s object%s",
		             ht_human_bytes(h.a, g->left_bytes), ht_human_count(h.b, g->n_left),
		             ht_plural(g->n_left));
		ht_text_end_line(page);
		return;
	}
	ht_text_putf(page, HT_PAINT_PLAIN, ": %s pool%s, %s object%s of %s, at most %s at once",
	             ht_human_count(h.a, g->n_pools), ht_plural(g->n_pools),
	             ht_human_count(h.b, g->n_allocations), ht_plural(g->n_allocations),
	             ht_human_bytes(h.c, g->allocated_bytes), ht_human_bytes(h.d, g->peak_bytes));
	ht_text_end_line(page);
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_PLAIN, "  %s freed, %s ended with their pool, ",
	             ht_human_count(h.a, g->n_frees), ht_human_count(h.b, g->n_ended));
	ht_text_putf(page, g->n_left ? HT_PAINT_WARNING : HT_PAINT_PLAIN, "%s (%s) left",
	             ht_human_count(h.a, g->n_left), ht_human_bytes(h.b, g->left_bytes));
	ht_text_end_line(page);
}

/* What says that the program did not tell all, or the wrong things. */
static void put_odd(struct ht_text_page *page, uint64_t n, const char *what)
{
	char text[HT_HUMAN_BYTES];

	if (n == 0)
		return;
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_WARNING, "%s: %s", what, ht_human_count(text, n));
	ht_text_end_line(page);
}

static void put_site(struct ht_text_page *page, const struct ht_report *report,
                     const struct ht_pool_site *site, size_t n_others)
{
	char pct[HT_HUMAN_BYTES];
	struct ht_humans h;

	ht_text_end_line(page);
	ht_human_pct(pct, site->at_peak_bytes, report->pools->peak_bytes);
	ht_text_amount(page, pct, ht_human_bytes(h.a, site->at_peak_bytes), n_others == 0);
	ht_text_putf(page, HT_PAINT_PLAIN, "in %s object%s", ht_human_count(h.b, site->n_at_peak),
	             ht_plural(site->n_at_peak));
	if (!report->results->window.is_instant) {
		ht_text_putf(page, HT_PAINT_PLAIN, " of %s",
		             ht_human_count(h.c, site->n_allocations));
		if (site->left_bytes)
			ht_text_putf(page, HT_PAINT_PLAIN, "; %s left at the end",
			             ht_human_bytes(h.d, site->left_bytes));
	}
	if (n_others)
		ht_text_putf(page, HT_PAINT_DIM, ", at %s other place%s",
		             ht_human_count(h.d, n_others), ht_plural(n_others));
	ht_text_end_line(page);
}

static void put_sites(struct ht_text_page *page, const struct ht_report *report)
{
	struct ht_pool_rank rank = ht_pool_rank_new(report);
	struct ht_pool_site others = { 0 };

	for (size_t i = 0; i < rank.n_sites; i++) {
		if (i < report->n_top) {
			put_site(page, report, rank.sites[i], 0);
			ht_text_stack(page, report, rank.sites[i]->stack);
			continue;
		}
		others.n_allocations += rank.sites[i]->n_allocations;
		others.at_peak_bytes += rank.sites[i]->at_peak_bytes;
		others.n_at_peak += rank.sites[i]->n_at_peak;
		others.left_bytes += rank.sites[i]->left_bytes;
	}
	if (rank.n_sites > report->n_top)
		put_site(page, report, &others, rank.n_sites - report->n_top);
	free(rank.sites);
}

void ht_text_pools(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_pools *pools = report->pools;
	char text[HT_HUMAN_BYTES];

	if (!pools)
		return;
	ht_text_heading(page, "POOLS");
	put_peak(page, report);
	for (size_t i = 0; i < pools->n_groups && i < MAX_SHOWN_GROUPS; i++)
		put_group(page, report, &pools->groups[i]);
	if (pools->n_groups > MAX_SHOWN_GROUPS) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_DIM, "%s names more: --json has all of them",
		             ht_human_count(text, pools->n_groups - MAX_SHOWN_GROUPS));
		ht_text_end_line(page);
	}
	put_odd(page, pools->n_unknown, "frees and resizes of what was no object");
	put_odd(page, pools->n_missed,
	        "objects that ended untold, as another one came to their address");
	put_sites(page, report);
}
