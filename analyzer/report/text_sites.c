/* SPDX-License-Identifier: MIT */
/* Lists of sites with their stacks, as text. Analyzer. */
#include "analyzer/report/text_sites.h"

#include "analyzer/base/human.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/utf8.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/report/frame_list.h"
#include "analyzer/report/leak_age.h"
#include "analyzer/report/leak_class.h"
#include "analyzer/report/short_name.h"
#include "analyzer/report/stack_names.h"
#include "analyzer/report/text_parts.h"

#include <stdlib.h>
#include <string.h>

#define PCT_END_COLUMN    9u
#define AMOUNT_END_COLUMN 21u
#define DETAIL_COLUMN     23u
#define STACK_COLUMN      11u
#define MAX_PLACE_COLUMNS 32u /* at most kept free for file:line, right of long function names */

/* What a line about one site, or about several together, says. */
struct amounts {
	uint64_t n_allocations, allocated_bytes;
	uint64_t n_at_peak, at_peak_bytes;
	uint64_t n_leaked, leaked_bytes, oldest_leak_tick, newest_leak_tick;
	uint64_t n_short_lived, n_temporary, short_lived_bytes;
	uint64_t own_peak_bytes, own_peak_tick; /* of one site; peaks of several do not add up */
};

static void add_site(struct amounts *sum, const struct ht_site *site)
{
	sum->n_allocations += site->n_allocations;
	sum->allocated_bytes += site->allocated_bytes;
	sum->n_at_peak += site->n_at_peak;
	sum->at_peak_bytes += site->at_peak_bytes;
	if (site->n_leaked && (sum->n_leaked == 0 || site->oldest_leak_tick < sum->oldest_leak_tick))
		sum->oldest_leak_tick = site->oldest_leak_tick;
	if (site->n_leaked && (sum->n_leaked == 0 || site->newest_leak_tick > sum->newest_leak_tick))
		sum->newest_leak_tick = site->newest_leak_tick;
	sum->n_leaked += site->n_leaked;
	sum->leaked_bytes += site->leaked_bytes;
	sum->n_short_lived += site->n_short_lived;
	sum->n_temporary += site->n_temporary;
	sum->short_lived_bytes += site->short_lived_bytes;
	sum->own_peak_bytes = site->own_peak_bytes;
	sum->own_peak_tick = site->own_peak_tick;
}

/* Of a site, its own peak and what it allocated; of n_sites others, that only. */
static void put_own_peak(struct ht_text_page *page, const struct ht_report *report,
                         const struct amounts *a, uint64_t n_sites)
{
	char pct[HT_HUMAN_BYTES] = "", amount[HT_HUMAN_BYTES] = "", n[HT_HUMAN_BYTES];

	if (n_sites == 0) {
		ht_human_pct(pct, a->own_peak_bytes, report->results->sites.peak_bytes);
		ht_human_bytes(amount, a->own_peak_bytes);
	}
	ht_text_amount(page, pct, amount, n_sites == 0);
	if (n_sites == 0)
		ht_text_putf(page, HT_PAINT_PLAIN, "first at %s; ",
		             ht_human_ns(amount, ht_tick_clock_ns(&report->model->clock,
		                                                  a->own_peak_tick)));
	ht_text_putf(page, HT_PAINT_PLAIN, "%s allocation%s, %s",
	             ht_human_count(n, a->n_allocations), ht_plural(a->n_allocations),
	             ht_human_bytes(amount, a->allocated_bytes));
	if (a->n_leaked)
		ht_text_putf(page, HT_PAINT_PLAIN, "; %s left in %s block%s",
		             ht_human_bytes(amount, a->leaked_bytes),
		             ht_human_count(n, a->n_leaked), ht_plural(a->n_leaked));
}

/* How old what leaked is at the end, from the newest to the oldest. */
static void put_leak_ages(struct ht_text_page *page, const struct ht_report *report,
                          const struct amounts *a)
{
	const struct ht_tick_clock *clock = &report->model->clock;
	char newest[HT_HUMAN_BYTES], oldest[HT_HUMAN_BYTES];

	ht_human_ns(newest, ht_leak_age_ns(clock, report->results, a->newest_leak_tick));
	ht_human_ns(oldest, ht_leak_age_ns(clock, report->results, a->oldest_leak_tick));
	if (strcmp(newest, oldest) == 0)
		ht_text_putf(page, HT_PAINT_PLAIN, ", %s old", oldest);
	else
		ht_text_putf(page, HT_PAINT_PLAIN, ", %s to %s old", newest, oldest);
}

/* One site, or with n_sites > 0 so many "other" or "matching" ones together. */
static void put_amounts(struct ht_text_page *page, const struct ht_report *report,
                        enum ht_site_order order, const struct amounts *a,
                        const struct amounts *all, uint64_t n_sites, const char *which)
{
	char pct[HT_HUMAN_BYTES], amount[HT_HUMAN_BYTES], n[HT_HUMAN_BYTES], more[HT_HUMAN_BYTES];

	switch (order) {
	case HT_BY_AT_PEAK_BYTES:
	case HT_BY_LEAKED_BYTES: {
		bool is_peak = order == HT_BY_AT_PEAK_BYTES;
		uint64_t n_blocks = is_peak ? a->n_at_peak : a->n_leaked;

		ht_human_pct(pct, is_peak ? a->at_peak_bytes : a->leaked_bytes,
		             is_peak ? all->at_peak_bytes : all->leaked_bytes);
		ht_human_bytes(amount, is_peak ? a->at_peak_bytes : a->leaked_bytes);
		ht_text_amount(page, pct, amount, n_sites == 0);
		ht_text_putf(page, HT_PAINT_PLAIN, "in %s block%s", ht_human_count(n, n_blocks),
		             ht_plural(n_blocks));
		if (!is_peak && n_blocks)
			put_leak_ages(page, report, a);
		break;
	}
	case HT_BY_SHORT_LIVED:
		ht_human_pct(pct, a->n_short_lived, all->n_short_lived);
		ht_text_amount(page, pct, ht_human_count(amount, a->n_short_lived), n_sites == 0);
		ht_text_putf(page, HT_PAINT_PLAIN, "short-lived (%s temporary), %s",
		             ht_human_count(n, a->n_temporary),
		             ht_human_bytes(more, a->short_lived_bytes));
		break;
	case HT_BY_OWN_PEAK_BYTES: put_own_peak(page, report, a, n_sites); break;
	case HT_BY_ALLOCATIONS:
		ht_human_pct(pct, a->n_allocations, all->n_allocations);
		ht_text_amount(page, pct, ht_human_count(amount, a->n_allocations), n_sites == 0);
		ht_text_putf(page, HT_PAINT_PLAIN, "allocation%s, %s", ht_plural(a->n_allocations),
		             ht_human_bytes(n, a->allocated_bytes));
		break;
	}
	if (n_sites)
		ht_text_putf(page, HT_PAINT_DIM, ", at %s %s place%s", ht_human_count(n, n_sites),
		             which, ht_plural(n_sites));
	ht_text_end_line(page);
}

/* A line of a stack: one frame, or the same one again and again. */
struct stack_line {
	const struct ht_named_frame *frame;
	size_t n_frames;
	char place[192]; /* a name of 100, a line, and what else there is to say */
};

static const char *function_of(const struct ht_named_frame *frame, char buf[HT_HUMAN_BYTES])
{
	if (frame->name.function)
		return frame->name.function;
	snprintf(buf, HT_HUMAN_BYTES, "0x%llx", (unsigned long long)frame->addr);
	return buf;
}

static bool is_same_frame(const struct ht_named_frame *a, const struct ht_named_frame *b)
{
	return a->addr == b->addr && a->name.line == b->name.line && a->name.module &&
	       b->name.module && strcmp(a->name.module, b->name.module) == 0 && a->name.function &&
	       b->name.function && strcmp(a->name.function, b->name.function) == 0;
}

/* The line that begins with frame i; how many frames it takes is in it. */
static struct stack_line line_at(const struct ht_named_stack *stack, size_t i)
{
	struct stack_line line = { .frame = &stack->frames[i], .n_frames = 1 };
	const struct ht_frame_name *name = &line.frame->name;
	char times[HT_HUMAN_BYTES + 16] = "", n[HT_HUMAN_BYTES];

	while (i + line.n_frames < stack->n_frames &&
	       is_same_frame(line.frame, &stack->frames[i + line.n_frames]))
		line.n_frames++;
	if (line.n_frames > 1)
		snprintf(times, sizeof(times), " (%s times)", ht_human_count(n, line.n_frames));
	if (name->file && name->line)
		snprintf(line.place, sizeof(line.place), "%.100s:%u%s%s", ht_base_name(name->file),
		         name->line, name->is_inlined ? " (inlined)" : "", times);
	else if (name->module)
		snprintf(line.place, sizeof(line.place), "[%.100s]%s", ht_base_name(name->module),
		         times);
	else
		snprintf(line.place, sizeof(line.place), "[no file]%s", times);
	return line;
}

/*
 * Where a stack begins, for people: main, or else its outermost frame. Those outside of main are
 * the same in every program.
 */
static const struct ht_named_frame *beginning_of(const struct ht_named_stack *stack, size_t from)
{
	for (size_t i = from; i < stack->n_frames; i++) {
		const char *function = stack->frames[i].name.function;

		if (function && strcmp(function, "main") == 0)
			return &stack->frames[i];
	}
	return &stack->frames[stack->n_frames - 1];
}

/* How many columns the names, and the places, of the first lines need. */
static void measure(const struct ht_named_stack *stack, size_t n_lines, unsigned *ret_names,
                    unsigned *ret_places)
{
	*ret_names = *ret_places = 0;
	for (size_t i = 0; i < stack->n_frames && n_lines > 0; n_lines--) {
		struct stack_line line = line_at(stack, i);
		char buf[HT_HUMAN_BYTES];
		unsigned n_name = (unsigned)ht_utf8_count(function_of(line.frame, buf));
		unsigned n_place = (unsigned)ht_utf8_count(line.place);

		*ret_names = n_name > *ret_names ? n_name : *ret_names;
		*ret_places = n_place > *ret_places ? n_place : *ret_places;
		i += line.n_frames;
	}
}

static void put_frames(struct ht_text_page *page, const struct ht_named_stack *stack,
                       size_t n_lines)
{
	unsigned room = page->style->n_columns - STACK_COLUMN - 2;
	unsigned n_names, n_places;
	struct ht_strbuf name = { 0 };
	char buf[HT_HUMAN_BYTES];
	size_t i = 0;

	measure(stack, n_lines, &n_names, &n_places);
	if (n_places > MAX_PLACE_COLUMNS)
		n_places = MAX_PLACE_COLUMNS;
	if (n_names > room - n_places)
		n_names = room - n_places;
	for (; i < stack->n_frames && n_lines > 0; n_lines--) {
		struct stack_line line = line_at(stack, i);

		ht_short_name(function_of(line.frame, buf), n_names,
		              page->style->has_utf8 ? "\u2026" : "~", &name);
		ht_text_to_column(page, STACK_COLUMN);
		ht_text_put_in(page, HT_PAINT_PLAIN, ht_strbuf_str(&name), n_names);
		ht_text_to_column(page, STACK_COLUMN + n_names + 2);
		ht_text_put(page, HT_PAINT_DIM, line.place);
		ht_text_end_line(page);
		i += line.n_frames;
	}
	if (i < stack->n_frames) {
		ht_text_to_column(page, STACK_COLUMN);
		ht_text_putf(page, HT_PAINT_DIM, "... %zu more, from %s", stack->n_frames - i,
		             function_of(beginning_of(stack, i), buf));
		ht_text_end_line(page);
	}
	ht_strbuf_done(&name);
}

static void put_stack(struct ht_text_page *page, const struct ht_named_stack *stack,
                      size_t n_frames)
{
	const char *why = ht_truncation_text(stack->truncation);
	size_t n_lines = 0;

	for (size_t i = 0; i < stack->n_frames; n_lines++)
		i += line_at(stack, i).n_frames;
	/* "1 more" would take the line that the frame itself needs. */
	put_frames(page, stack, n_lines > 0 && n_lines - 1 == n_frames ? n_lines : n_frames);
	if (!why && stack->n_frames > 0)
		return;
	ht_text_to_column(page, STACK_COLUMN);
	if (!why)
		ht_text_put(page, HT_PAINT_WARNING, "(no stack)");
	else
		ht_text_putf(page, HT_PAINT_WARNING, "(%s: %s)",
		             stack->n_frames ? "the stack ends here" : "no stack", why);
	ht_text_end_line(page);
}

void ht_text_amount(struct ht_text_page *page, const char *pct, const char *amount, bool is_strong)
{
	ht_text_put_right(page, HT_PAINT_DIM, pct, PCT_END_COLUMN);
	ht_text_put_right(page, is_strong ? HT_PAINT_STRONG : HT_PAINT_PLAIN, amount,
	                  AMOUNT_END_COLUMN);
	ht_text_to_column(page, DETAIL_COLUMN);
}

void ht_text_stack(struct ht_text_page *page, const struct ht_report *report, uint32_t stack)
{
	struct ht_named_stack named = { 0 };

	ht_stack_names_resolve(report->model, report->symbolizer, stack, &named);
	ht_frame_rules_strip(report->rules, &named);
	put_stack(page, &named, report->n_frames);
	ht_named_stack_done(&named);
}

/* How many places that the filter shows have something, and what they have. */
static void put_matching(struct ht_text_page *page, const struct ht_report *report,
                         enum ht_site_order order, const struct ht_site_rank *rank,
                         const struct amounts *all)
{
	struct amounts matching = { 0 };

	for (size_t i = 0; i < rank->n_sites; i++)
		add_site(&matching, rank->sites[i]);
	ht_text_end_line(page);
	if (rank->n_sites == 0) {
		ht_text_to_column(page, DETAIL_COLUMN);
		ht_text_put(page, HT_PAINT_DIM, "nothing at the places that match");
		ht_text_end_line(page);
		return;
	}
	put_amounts(page, report, order, &matching, all, rank->n_sites, "matching");
}

static void put_leak_class(struct ht_text_page *page, const struct ht_report *report,
                           const struct ht_site *site)
{
	const char *why = report->leaks->why[site - report->results->sites.sites];

	if (!why)
		return;
	ht_text_to_column(page, STACK_COLUMN);
	ht_text_putf(page, HT_PAINT_DIM, "(runtime: %s)", why);
	ht_text_end_line(page);
}

/* Leave out what is suppressed, and put what the runtime keeps last. */
static void order_leaks(const struct ht_report *report, struct ht_site_rank *rank)
{
	const struct ht_site **runtime = ht_xalloc_zeroed(rank->n_sites, sizeof(*runtime));
	size_t n = 0, n_runtime = 0;

	for (size_t i = 0; i < rank->n_sites; i++) {
		const struct ht_site *site = rank->sites[i];

		switch (report->leaks->of_site[site - report->results->sites.sites]) {
		case HT_LEAK_REST:
		case HT_LEAK_GROWING: rank->sites[n++] = site; break;
		case HT_LEAK_RUNTIME: runtime[n_runtime++] = site; break;
		default: break;
		}
	}
	for (size_t i = 0; i < n_runtime; i++)
		rank->sites[n++] = runtime[i];
	rank->n_sites = n;
	free(runtime);
}

void ht_text_sites(struct ht_text_page *page, const struct ht_report *report,
                   enum ht_site_order order)
{
	if (report->view) {
		ht_text_view(page, report, order);
		return;
	}

	const struct ht_site_table *table = &report->results->sites;
	struct ht_site_rank rank = ht_site_rank_new(table, order, &report->choice);
	struct amounts all = { 0 }, others = { 0 };

	for (size_t i = 0; i < table->n_sites; i++)
		add_site(&all, &table->sites[i]);
	if (order == HT_BY_LEAKED_BYTES && report->leaks)
		order_leaks(report, &rank);
	for (size_t i = report->n_top; i < rank.n_sites; i++)
		add_site(&others, rank.sites[i]);
	if (report->filter)
		put_matching(page, report, order, &rank, &all);
	for (size_t i = 0; i < rank.n_sites && i < report->n_top; i++) {
		struct amounts one = { 0 };

		add_site(&one, rank.sites[i]);
		ht_text_end_line(page);
		put_amounts(page, report, order, &one, &all, 0, NULL);
		if (order == HT_BY_LEAKED_BYTES && report->leaks)
			put_leak_class(page, report, rank.sites[i]);
		ht_text_stack(page, report, rank.sites[i]->stack);
	}
	if (rank.n_sites > report->n_top) {
		ht_text_end_line(page);
		put_amounts(page, report, order, &others, &all, rank.n_sites - report->n_top,
		            "other");
	}
	ht_site_rank_done(&rank);
}
