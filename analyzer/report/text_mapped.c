/* SPDX-License-Identifier: MIT */
/* The section about mapped memory of the text report. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/report/mapped_rank.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_sites.h"

#include <stdlib.h>

static void put_peak(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_mapped *m = report->mapped;
	static const char *const of[HT_N_MAPPED_KINDS] = {
		[HT_MAPPED_ANONYMOUS] = "anonymous",
		[HT_MAPPED_FILE] = "of files",
		[HT_MAPPED_RESERVED] = "reserved (mapped without access)",
	};
	const char *comma = "";
	struct ht_humans h;

	ht_text_put(page, HT_PAINT_STRONG, ht_human_bytes(h.a, m->peak_bytes));
	ht_text_putf(page, HT_PAINT_PLAIN, " (%s bytes) in %s range%s",
	             ht_human_count(h.b, m->peak_bytes), ht_human_count(h.c, m->n_at_peak),
	             ht_plural(m->n_at_peak));
	if (!report->results->window.is_instant)
		ht_text_putf(
		        page, HT_PAINT_PLAIN, " at its peak, first reached at %s",
		        ht_human_ns(h.d, ht_tick_clock_ns(&report->model->clock, m->peak_tick)));
	ht_text_end_line(page);
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	for (int kind = 0; kind < HT_N_MAPPED_KINDS; kind++) {
		if (m->at_peak_bytes_of[kind] == 0)
			continue;
		ht_text_putf(page, HT_PAINT_PLAIN, "%s%s %s", comma,
		             ht_human_bytes(h.a, m->at_peak_bytes_of[kind]), of[kind]);
		comma = ", ";
	}
	ht_text_end_line(page);
}

static void put_calls(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_mapped *m = report->mapped;
	struct ht_humans h;

	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_PLAIN, "%s mapped, %s given back, %s remapped; ",
	             ht_human_count(h.a, m->n_maps), ht_human_count(h.b, m->n_unmaps),
	             ht_human_count(h.c, m->n_remaps));
	if (m->left_bytes)
		ht_text_putf(page, HT_PAINT_PLAIN, "%s in %s range%s still mapped at the end",
		             ht_human_bytes(h.a, m->left_bytes), ht_human_count(h.b, m->n_left),
		             ht_plural(m->n_left));
	else
		ht_text_put(page, HT_PAINT_PLAIN, "nothing still mapped at the end");
	ht_text_end_line(page);
	if (m->at_exec_bytes) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_DIM, "(not counted: %s given up by exec)",
		             ht_human_bytes(h.a, m->at_exec_bytes));
		ht_text_end_line(page);
	}
}

static void put_site(struct ht_text_page *page, const struct ht_report *report,
                     const struct ht_mapped_site *site, size_t n_others)
{
	bool is_instant = report->results->window.is_instant;
	char pct[HT_HUMAN_BYTES];
	struct ht_humans h;

	ht_text_end_line(page);
	ht_human_pct(pct, site->at_peak_bytes, report->mapped->peak_bytes);
	ht_text_amount(page, pct, ht_human_bytes(h.a, site->at_peak_bytes), n_others == 0);
	ht_text_putf(page, HT_PAINT_PLAIN, "in %s range%s", ht_human_count(h.b, site->n_at_peak),
	             ht_plural(site->n_at_peak));
	if (site->left_bytes && !is_instant)
		ht_text_putf(page, HT_PAINT_PLAIN, "; %s still mapped at the end",
		             ht_human_bytes(h.c, site->left_bytes));
	if (n_others)
		ht_text_putf(page, HT_PAINT_DIM, ", at %s other place%s",
		             ht_human_count(h.d, n_others), ht_plural(n_others));
	ht_text_end_line(page);
}

void ht_text_mapped(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_mapped *mapped = report->mapped;

	if (!mapped)
		return;
	ht_text_heading(page, "MAPPED");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	if (mapped->peak_bytes == 0) {
		ht_text_put(page, HT_PAINT_PLAIN,
		            "nothing, beside what the allocator, libc and the loader map");
		ht_text_end_line(page);
		return;
	}
	put_peak(page, report);
	if (!report->results->window.is_instant)
		put_calls(page, report);

	struct ht_mapped_rank rank = ht_mapped_rank_new(report);
	struct ht_mapped_site others = { 0 };

	for (size_t i = 0; i < rank.n_sites; i++) {
		if (i < report->n_top) {
			put_site(page, report, rank.sites[i], 0);
			ht_text_stack(page, report, rank.sites[i]->stack);
			continue;
		}
		others.at_peak_bytes += rank.sites[i]->at_peak_bytes;
		others.n_at_peak += rank.sites[i]->n_at_peak;
		others.left_bytes += rank.sites[i]->left_bytes;
	}
	if (rank.n_sites > report->n_top)
		put_site(page, report, &others, rank.n_sites - report->n_top);
	free(rank.sites);
}
