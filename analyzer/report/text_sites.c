/* SPDX-License-Identifier: MIT */
/* Lists of sites with their stacks, as text. Analyzer. */
#include "analyzer/report/text_sites.h"

#include "analyzer/base/human.h"
#include "analyzer/base/utf8.h"
#include "analyzer/report/stack_names.h"

#include <string.h>

#define PCT_END_COLUMN    9u
#define AMOUNT_END_COLUMN 21u
#define DETAIL_COLUMN     23u
#define STACK_COLUMN      11u
#define MIN_PLACE_COLUMNS 24u /* kept free for file:line, right of long function names */

/* What a line about one site, or about several together, says. */
struct amounts {
	uint64_t n_allocations, allocated_bytes;
	uint64_t n_at_peak, at_peak_bytes;
	uint64_t n_leaked, leaked_bytes;
	uint64_t n_short_lived, n_temporary, short_lived_bytes;
};

static void add_site(struct amounts *sum, const struct ht_site *site)
{
	sum->n_allocations += site->n_allocations;
	sum->allocated_bytes += site->allocated_bytes;
	sum->n_at_peak += site->n_at_peak;
	sum->at_peak_bytes += site->at_peak_bytes;
	sum->n_leaked += site->n_leaked;
	sum->leaked_bytes += site->leaked_bytes;
	sum->n_short_lived += site->n_short_lived;
	sum->n_temporary += site->n_temporary;
	sum->short_lived_bytes += site->short_lived_bytes;
}

static const char *plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

static void put_amounts(struct ht_text_page *page, enum ht_site_order order, const struct amounts *a,
			const struct amounts *all, uint64_t n_sites)
{
	char pct[HT_HUMAN_BYTES], amount[HT_HUMAN_BYTES], n[HT_HUMAN_BYTES], more[HT_HUMAN_BYTES];
	enum ht_paint paint = n_sites ? HT_PAINT_PLAIN : HT_PAINT_STRONG;

	switch (order) {
	case HT_BY_AT_PEAK_BYTES:
	case HT_BY_LEAKED_BYTES: {
		bool is_peak = order == HT_BY_AT_PEAK_BYTES;
		uint64_t n_blocks = is_peak ? a->n_at_peak : a->n_leaked;

		ht_human_pct(pct, is_peak ? a->at_peak_bytes : a->leaked_bytes,
			     is_peak ? all->at_peak_bytes : all->leaked_bytes);
		ht_human_bytes(amount, is_peak ? a->at_peak_bytes : a->leaked_bytes);
		ht_text_put_right(page, HT_PAINT_DIM, pct, PCT_END_COLUMN);
		ht_text_put_right(page, paint, amount, AMOUNT_END_COLUMN);
		ht_text_to_column(page, DETAIL_COLUMN);
		ht_text_putf(page, HT_PAINT_PLAIN, "in %s block%s", ht_human_count(n, n_blocks),
			     plural(n_blocks));
		break;
	}
	case HT_BY_SHORT_LIVED:
		ht_human_pct(pct, a->n_short_lived, all->n_short_lived);
		ht_text_put_right(page, HT_PAINT_DIM, pct, PCT_END_COLUMN);
		ht_text_put_right(page, paint, ht_human_count(amount, a->n_short_lived),
				  AMOUNT_END_COLUMN);
		ht_text_to_column(page, DETAIL_COLUMN);
		ht_text_putf(page, HT_PAINT_PLAIN, "short-lived (%s temporary), %s",
			     ht_human_count(n, a->n_temporary),
			     ht_human_bytes(more, a->short_lived_bytes));
		break;
	case HT_BY_ALLOCATIONS:
		ht_human_pct(pct, a->n_allocations, all->n_allocations);
		ht_text_put_right(page, HT_PAINT_DIM, pct, PCT_END_COLUMN);
		ht_text_put_right(page, paint, ht_human_count(amount, a->n_allocations),
				  AMOUNT_END_COLUMN);
		ht_text_to_column(page, DETAIL_COLUMN);
		ht_text_putf(page, HT_PAINT_PLAIN, "allocation%s, %s", plural(a->n_allocations),
			     ht_human_bytes(n, a->allocated_bytes));
		break;
	}
	if (n_sites)
		ht_text_putf(page, HT_PAINT_DIM, ", at %s other place%s", ht_human_count(n, n_sites),
			     plural(n_sites));
	ht_text_end_line(page);
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

/* What stands left and right in the line of a frame. */
struct frame_text {
	char function[400];
	char place[300];
};

static void describe_frame(const struct ht_named_frame *frame, struct frame_text *ret_text)
{
	const struct ht_frame_name *name = &frame->name;

	if (name->function)
		snprintf(ret_text->function, sizeof(ret_text->function), "%s", name->function);
	else
		snprintf(ret_text->function, sizeof(ret_text->function), "0x%llx",
			 (unsigned long long)frame->addr);
	if (name->file && name->line)
		snprintf(ret_text->place, sizeof(ret_text->place), "%s:%u%s", base_name(name->file),
			 name->line, name->is_inlined ? " (inlined)" : "");
	else if (name->module)
		snprintf(ret_text->place, sizeof(ret_text->place), "[%s]", base_name(name->module));
	else
		snprintf(ret_text->place, sizeof(ret_text->place), "[no file]");
}

static void put_stack(struct ht_text_page *page, const struct ht_named_stack *stack, size_t n_frames)
{
	unsigned n_columns = page->style->n_columns;
	unsigned widest = 0;
	struct frame_text text;
	size_t n = stack->n_frames < n_frames ? stack->n_frames : n_frames;
	const char *why = ht_truncation_text(stack->truncation);

	/* "1 more" would take the line that the frame itself needs. */
	if (n + 1 == stack->n_frames)
		n++;
	for (size_t i = 0; i < n; i++) {
		describe_frame(&stack->frames[i], &text);
		unsigned width = (unsigned)ht_utf8_count(text.function);

		widest = width > widest ? width : widest;
	}
	if (n_columns - STACK_COLUMN - 2 < widest + MIN_PLACE_COLUMNS)
		widest = n_columns - STACK_COLUMN - 2 - MIN_PLACE_COLUMNS;
	for (size_t i = 0; i < n; i++) {
		describe_frame(&stack->frames[i], &text);
		ht_text_to_column(page, STACK_COLUMN);
		ht_text_put_in(page, HT_PAINT_PLAIN, text.function, widest);
		ht_text_to_column(page, STACK_COLUMN + widest + 2);
		ht_text_put(page, HT_PAINT_DIM, text.place);
		ht_text_end_line(page);
	}
	if (n < stack->n_frames) {
		describe_frame(&stack->frames[stack->n_frames - 1], &text);
		ht_text_to_column(page, STACK_COLUMN);
		ht_text_putf(page, HT_PAINT_DIM, "... %zu more, up to %s", stack->n_frames - n,
			     text.function);
		ht_text_end_line(page);
	}
	if (why) {
		ht_text_to_column(page, STACK_COLUMN);
		ht_text_putf(page, HT_PAINT_WARNING,
			     stack->n_frames ? "(the stack ends here: %s)" : "(no stack: %s)", why);
		ht_text_end_line(page);
	} else if (stack->n_frames == 0) {
		ht_text_to_column(page, STACK_COLUMN);
		ht_text_put(page, HT_PAINT_WARNING, "(no stack)");
		ht_text_end_line(page);
	}
}

void ht_text_sites(struct ht_text_page *page, const struct ht_report *report, enum ht_site_order order)
{
	struct ht_site_rank rank = ht_site_rank_new(&report->results->sites, order);
	struct ht_named_stack stack = { 0 };
	struct amounts all = { 0 }, others = { 0 };

	for (size_t i = 0; i < rank.n_sites; i++) {
		add_site(&all, rank.sites[i]);
		if (i >= report->n_top)
			add_site(&others, rank.sites[i]);
	}
	for (size_t i = 0; i < rank.n_sites && i < report->n_top; i++) {
		struct amounts one = { 0 };

		add_site(&one, rank.sites[i]);
		ht_text_end_line(page);
		put_amounts(page, order, &one, &all, 0);
		ht_stack_names_resolve(report->model, report->symbolizer, rank.sites[i]->stack, &stack);
		put_stack(page, &stack, report->n_frames);
	}
	if (rank.n_sites > report->n_top) {
		ht_text_end_line(page);
		put_amounts(page, order, &others, &all, rank.n_sites - report->n_top);
	}
	ht_named_stack_done(&stack);
	ht_site_rank_done(&rank);
}
