/* SPDX-License-Identifier: MIT */
/* What a report about a part of a trace says about that part. Analyzer. */
#include "analyzer/report/text_parts.h"

void ht_text_window_line(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_window *window = &report->results->window;
	const struct ht_tick_clock *clock = &report->model->clock;
	struct ht_humans h;

	if (!window->is_part || window->is_instant)
		return;
	ht_text_putf(page, HT_PAINT_STRONG, "Only from %s to %s",
	             ht_human_ns(h.a, ht_tick_clock_ns(clock, window->from_tick)),
	             ht_human_ns(h.b, ht_tick_clock_ns(clock, report->results->end_tick)));
	ht_text_putf(page, HT_PAINT_PLAIN, "; %s in %s block%s were live before",
	             ht_human_bytes(h.c, window->live_bytes_before),
	             ht_human_count(h.d, window->n_live_before), ht_plural(window->n_live_before));
	ht_text_end_line(page);
}

bool ht_text_window_leaks(struct ht_text_page *page, const struct ht_report *report)
{
	const struct ht_window *window = &report->results->window;
	const struct ht_tick_clock *clock = &report->model->clock;
	const struct ht_counts *totals = &report->results->totals;
	struct ht_humans h;

	if (!window->is_part && !window->is_instant)
		return false;
	ht_text_heading(page, window->is_instant ? "LIVE" : "NEW");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_put(page, HT_PAINT_STRONG, ht_human_bytes(h.a, totals->leaked_bytes));
	ht_text_putf(page, HT_PAINT_PLAIN, " in %s block%s", ht_human_count(h.b, totals->n_leaked),
	             ht_plural(totals->n_leaked));
	if (!window->is_instant)
		ht_text_put(page, HT_PAINT_PLAIN, " allocated since and not freed");
	else if (window->is_part)
		ht_text_putf(page, HT_PAINT_PLAIN, " live at %s",
		             ht_human_ns(h.c, ht_tick_clock_ns(clock, window->to_tick)));
	else
		ht_text_put(page, HT_PAINT_PLAIN, " live at the end");
	ht_text_end_line(page);
	if (!window->is_instant && window->n_kept > 0) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_DIM, "(besides %s in %s block%s from before)",
		             ht_human_bytes(h.a, window->kept_bytes),
		             ht_human_count(h.b, window->n_kept), ht_plural(window->n_kept));
		ht_text_end_line(page);
	}
	return true;
}
