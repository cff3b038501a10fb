/* SPDX-License-Identifier: MIT */
/* The table of the text report about what happened between marks. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/report/text_parts.h"

/* Right edges of the columns; the label is behind the last. */
enum {
	COLUMN_FROM = 12,
	COLUMN_ALLOCATIONS = 25,
	COLUMN_BYTES = 36,
	COLUMN_PEAK = 47,
	COLUMN_LIVE = 58,
	COLUMN_LEAKED = 69,
	COLUMN_LABEL = 71
};

static void put_titles(struct ht_text_page *page)
{
	static const struct {
		const char *title;
		unsigned column;
	} titles[] = {
		{ "from", COLUMN_FROM },       { "allocations", COLUMN_ALLOCATIONS },
		{ "bytes", COLUMN_BYTES },     { "peak", COLUMN_PEAK },
		{ "at its end", COLUMN_LIVE }, { "leaked", COLUMN_LEAKED },
	};

	ht_text_end_line(page);
	for (size_t i = 0; i < sizeof(titles) / sizeof(*titles); i++)
		ht_text_put_right(page, HT_PAINT_DIM, titles[i].title, titles[i].column);
	ht_text_to_column(page, COLUMN_LABEL);
	ht_text_put(page, HT_PAINT_DIM, "phase");
	ht_text_end_line(page);
}

static void put_phase(struct ht_text_page *page, const struct ht_report *report,
                      const struct ht_phase *p)
{
	const struct ht_trace_model *model = report->model;
	char text[HT_HUMAN_BYTES];

	ht_text_put_right(page, HT_PAINT_DIM,
	                  ht_human_ns(text, ht_tick_clock_ns(&model->clock, p->from_tick)),
	                  COLUMN_FROM);
	ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_count(text, p->n_allocations),
	                  COLUMN_ALLOCATIONS);
	ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_bytes(text, p->allocated_bytes),
	                  COLUMN_BYTES);
	ht_text_put_right(page, HT_PAINT_STRONG, ht_human_bytes(text, p->peak_bytes), COLUMN_PEAK);
	ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_bytes(text, p->live_bytes), COLUMN_LIVE);
	ht_text_put_right(page, p->leaked_bytes ? HT_PAINT_PLAIN : HT_PAINT_DIM,
	                  ht_human_bytes(text, p->leaked_bytes), COLUMN_LEAKED);
	ht_text_to_column(page, COLUMN_LABEL);
	if (p->mark == UINT32_MAX)
		ht_text_put(page, HT_PAINT_DIM, "(beginning)");
	else
		ht_text_put(page, HT_PAINT_STRONG, model->marks.marks[p->mark].label);
	ht_text_end_line(page);
}

void ht_text_phases(struct ht_text_page *page, const struct ht_report *report, size_t max)
{
	const struct ht_phase_list *list = &report->results->phases;
	char text[HT_HUMAN_BYTES];

	if (list->n_phases == 0)
		return;
	put_titles(page);
	for (size_t i = 0; i < list->n_phases && i < max; i++)
		put_phase(page, report, &list->phases[i]);
	if (list->n_phases > max) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_DIM, "%s phases more: --json has all of them",
		             ht_human_count(text, list->n_phases - max));
		ht_text_end_line(page);
	}
}
