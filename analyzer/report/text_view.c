/* SPDX-License-Identifier: MIT */
/* The rows or nodes of a view as text. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/report/short_name.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_sites.h"
#include "analyzer/report/view.h"

#include <stdlib.h>

#define TOTAL_PCT_END    31u
#define TOTAL_AMOUNT_END 43u
#define NAME_COLUMN      45u
#define TREE_COLUMN      23u
#define MIN_NAME_COLUMNS 24u

#define MIN_PART 200u /* nodes with less than so small a part have no line */

static char *amount_of(char buf[HT_HUMAN_BYTES], enum ht_site_value value, uint64_t n)
{
	return ht_site_value_is_bytes(value) ? ht_human_bytes(buf, n) : ht_human_count(buf, n);
}

/* The name of a frame, and where it is from, in what is left of the line. */
static void put_name(struct ht_text_page *page, const struct ht_view *view, uint32_t i_frame)
{
	const struct ht_listed_frame *frame = ht_frame_list_get(view->list, i_frame);
	bool is_path = view->kind == HT_VIEW_FILE || view->kind == HT_VIEW_MODULE;
	const char *module = is_path ? NULL : frame->name.module;
	unsigned room = page->style->n_columns - page->column;
	struct ht_strbuf name = { 0 };

	if (page->style->n_columns - page->column < MIN_NAME_COLUMNS ||
	    page->style->n_columns < page->column)
		room = MIN_NAME_COLUMNS;
	ht_short_name(is_path ? ht_base_name(frame->label) : frame->label, room,
	              page->style->has_utf8 ? "\u2026" : "~", &name);
	ht_text_put(page, HT_PAINT_PLAIN, ht_strbuf_str(&name));
	if (module)
		ht_text_putf(page, HT_PAINT_DIM, "  [%s]", ht_base_name(module));
	else if (is_path && ht_base_name(frame->label) != frame->label)
		ht_text_putf(page, HT_PAINT_DIM, "  %s", frame->label);
	ht_text_end_line(page);
	ht_strbuf_done(&name);
}

static void put_total(struct ht_text_page *page, const struct ht_view *view,
                      enum ht_site_value value, uint64_t total)
{
	char pct[HT_HUMAN_BYTES], amount[HT_HUMAN_BYTES];

	ht_text_put_right(page, HT_PAINT_DIM, ht_human_pct(pct, total, view->all[value]),
	                  TOTAL_PCT_END);
	ht_text_put_right(page, HT_PAINT_PLAIN, amount_of(amount, value, total), TOTAL_AMOUNT_END);
	ht_text_to_column(page, NAME_COLUMN);
}

static void put_rows(struct ht_text_page *page, const struct ht_report *report,
                     enum ht_site_value value)
{
	const struct ht_view *view = report->view;
	bool has_self = view->kind != HT_VIEW_CALLERS && view->kind != HT_VIEW_CALLEES;
	char pct[HT_HUMAN_BYTES], amount[HT_HUMAN_BYTES];
	size_t n;
	const struct ht_view_row **rows = ht_view_rank(view, value, &n);

	ht_text_end_line(page);
	if (has_self) {
		ht_text_put_right(page, HT_PAINT_DIM, "self", 21);
		ht_text_put_right(page, HT_PAINT_DIM, "total", TOTAL_AMOUNT_END);
		ht_text_to_column(page, NAME_COLUMN);
		ht_text_putf(page, HT_PAINT_DIM, "%s (%s)", ht_view_name(view->kind),
		             ht_site_value_name(value));
		ht_text_end_line(page);
	}
	for (size_t i = 0; i < n && i < report->n_top; i++) {
		uint64_t self = rows[i]->self[value], total = rows[i]->total[value];

		if (has_self) {
			ht_text_amount(page, ht_human_pct(pct, self, view->all[value]),
			               amount_of(amount, value, self), true);
			put_total(page, view, value, total);
		} else {
			ht_text_amount(page, ht_human_pct(pct, total, view->all[value]),
			               amount_of(amount, value, total), true);
		}
		put_name(page, view, rows[i]->frame);
	}
	if (n > report->n_top) {
		ht_text_to_column(page, has_self ? NAME_COLUMN : TREE_COLUMN);
		ht_text_putf(page, HT_PAINT_DIM, "... %s more",
		             ht_human_count(amount, n - report->n_top));
		ht_text_end_line(page);
	}
	if (n == 0) {
		ht_text_to_column(page, TREE_COLUMN);
		ht_text_put(page, HT_PAINT_DIM, "nothing to show");
		ht_text_end_line(page);
	}
	free(rows);
}

static void put_nodes(struct ht_text_page *page, const struct ht_report *report,
                      enum ht_site_value value)
{
	const struct ht_view *view = report->view;
	char pct[HT_HUMAN_BYTES], amount[HT_HUMAN_BYTES];
	size_t n;
	uint64_t min_value = report->n_top == SIZE_MAX ? 0 : view->all[value] / MIN_PART;
	struct ht_view_place *places =
	        ht_view_walk(view, value, min_value, report->n_top, report->n_frames, &n);

	ht_text_end_line(page);
	for (size_t i = 0; i < n; i++) {
		const struct ht_view_place *place = &places[i];
		uint64_t total = place->n_hidden ? place->hidden
		                                 : view->tree.nodes[place->node].total[value];

		if (place->n_hidden && total < min_value)
			continue; /* a line for less than what has none of its own */
		ht_text_amount(page, ht_human_pct(pct, total, view->all[value]),
		               amount_of(amount, value, total), !place->n_hidden);
		for (unsigned level = 0; level < place->depth &&
		                         page->column + MIN_NAME_COLUMNS < page->style->n_columns;
		     level++)
			ht_text_put(page, HT_PAINT_PLAIN, "  ");
		if (!place->n_hidden) {
			put_name(page, view, view->tree.nodes[place->node].frame);
			continue;
		}
		ht_text_putf(page, HT_PAINT_DIM, "... %s more",
		             ht_human_count(amount, place->n_hidden));
		ht_text_end_line(page);
	}
	if (n == 0) {
		ht_text_to_column(page, TREE_COLUMN);
		ht_text_put(page, HT_PAINT_DIM, "nothing to show");
		ht_text_end_line(page);
	}
	free(places);
	if (min_value > 0) {
		ht_text_to_column(page, TREE_COLUMN);
		ht_text_put(page, HT_PAINT_DIM,
		            "(what has less than 0.5 % is left out; -n 0: all)");
		ht_text_end_line(page);
	}
}

void ht_text_view(struct ht_text_page *page, const struct ht_report *report,
                  enum ht_site_order order)
{
	enum ht_site_value value = ht_view_value(order, &report->choice);

	if (ht_view_is_tree(report->view))
		put_nodes(page, report, value);
	else
		put_rows(page, report, value);
}
