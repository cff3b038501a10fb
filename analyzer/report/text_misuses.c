/* SPDX-License-Identifier: MIT */
/* The section about mistakes with free of the text report. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_sites.h"

#define STEP_COLUMN 9u

static void put_event(struct ht_text_page *page, const struct ht_report *report, const char *what,
                      const struct ht_misuse_event *event)
{
	const struct ht_trace_model *model = report->model;
	struct ht_humans h;

	if (!event->is_known)
		return;
	ht_text_to_column(page, STEP_COLUMN);
	ht_text_putf(page, HT_PAINT_DIM, "%s at %s by thread %u", what,
	             ht_human_ns(h.a, ht_tick_clock_ns(&model->clock, event->tick)),
	             event->thread_serial);
	if (event->node == 0) {
		ht_text_end_line(page);
		return;
	}
	ht_text_put(page, HT_PAINT_DIM, ":");
	ht_text_end_line(page);
	ht_text_stack(
	        page, report,
	        ht_stack_tree_find(&model->stacks, &model->processes, event->process, event->node));
}

static void put_what(struct ht_text_page *page, const struct ht_misuse_group *g)
{
	struct ht_humans h;

	switch ((enum ht_misuse_kind)g->first->kind) {
	case HT_MISUSE_DOUBLE_FREE:
		if (g->origin->allocated.is_known)
			ht_text_putf(page, HT_PAINT_STRONG,
			             "of a block of %s, which had been freed",
			             ht_human_bytes(h.a, g->origin->n_bytes));
		else
			ht_text_put(page, HT_PAINT_STRONG, "of a block that had been freed");
		if (!g->is_certain)
			ht_text_put(page, HT_PAINT_PLAIN, ", or of a new one, not seen");
		return;
	case HT_MISUSE_STACK: ht_text_put(page, HT_PAINT_STRONG, "of memory on the stack"); return;
	case HT_MISUSE_MISMATCH:
		ht_text_putf(page, HT_PAINT_STRONG, "of what %s made",
		             ht_block_form_name(g->first->form));
		if (g->origin->allocated.is_known)
			ht_text_putf(page, HT_PAINT_STRONG, ", a block of %s",
			             ht_human_bytes(h.a, g->origin->n_bytes));
		return;
	case HT_MISUSE_STATIC:
		ht_text_put(page, HT_PAINT_STRONG,
		            "of a variable or constant of a program or library");
		return;
	default:
		ht_text_putf(page, HT_PAINT_STRONG, "of 0x%llx, where no block can begin",
		             (unsigned long long)g->first->addr);
	}
}

static void put_group(struct ht_text_page *page, const struct ht_report *report,
                      const struct ht_misuse_group *g)
{
	struct ht_humans h;

	ht_text_end_line(page);
	ht_text_put_right(page, HT_PAINT_WARNING, ht_human_count(h.a, g->n), STEP_COLUMN - 2);
	ht_text_to_column(page, STEP_COLUMN);
	ht_text_putf(page, HT_PAINT_PLAIN, "%s ", ht_misuse_call_name(g->first->call));
	put_what(page, g);
	ht_text_putf(page, HT_PAINT_PLAIN, ", %s %s", g->n > 1 ? "first at" : "at",
	             ht_human_ns(h.b, ht_tick_clock_ns(&report->model->clock, g->first->tick)));
	ht_text_putf(page, HT_PAINT_PLAIN, " by thread %u:", g->first->thread_serial);
	ht_text_end_line(page);
	ht_text_stack(page, report, g->stack);
	put_event(page, report, "freed", &g->origin->freed);
	put_event(page, report, "allocated", &g->origin->allocated);
}

void ht_text_misuses(struct ht_text_page *page, const struct ht_report *report)
{
	static const char *const kinds[HT_N_MISUSE_KINDS] = {
		[HT_MISUSE_DOUBLE_FREE] = "of freed blocks",    [HT_MISUSE_STACK] = "of the stack",
		[HT_MISUSE_STATIC] = "of static memory",        [HT_MISUSE_UNALIGNED] = "unaligned",
		[HT_MISUSE_MISMATCH] = "by the wrong function",
	};
	const struct ht_misuses *misuses = report->misuses;
	const char *separator = "frees: ";
	struct ht_humans h;

	if (!misuses || misuses->n == 0)
		return;
	ht_text_heading(page, "MISUSE");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	for (int kind = 0; kind < HT_N_MISUSE_KINDS; kind++) {
		if (misuses->n_of_kind[kind] == 0)
			continue;
		ht_text_putf(page, HT_PAINT_WARNING, "%s%s %s", separator,
		             ht_human_count(h.a, misuses->n_of_kind[kind]), kinds[kind]);
		separator = ", ";
	}
	ht_text_end_line(page);
	for (size_t i = 0; i < misuses->n_groups && i < report->n_top; i++)
		put_group(page, report, &misuses->groups[i]);
	if (misuses->n_groups > report->n_top) {
		ht_text_end_line(page);
		ht_text_to_column(page, STEP_COLUMN);
		ht_text_putf(page, HT_PAINT_DIM,
		             "... and %s more of other kinds or from other places",
		             ht_human_count(h.a, misuses->n_groups - report->n_top));
		ht_text_end_line(page);
	}
}
