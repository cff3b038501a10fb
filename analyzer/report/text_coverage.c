/* SPDX-License-Identifier: MIT */
/* The part of the text report about what is not in the trace. Analyzer. */
#include "analyzer/base/strbuf.h"
#include "analyzer/report/frame_list.h"
#include "analyzer/report/stack_names.h"
#include "analyzer/report/text_parts.h"

#include <string.h>

/* One line about something that was not seen, how often. */
static void put_count(struct ht_text_page *page, uint64_t n, const char *what)
{
	char text[HT_HUMAN_BYTES];

	ht_text_put_right(page, n ? HT_PAINT_WARNING : HT_PAINT_DIM, ht_human_count(text, n),
	                  HT_LABEL_COLUMNS - 2);
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_put(page, HT_PAINT_PLAIN, what);
	ht_text_end_line(page);
}

static bool is_python(const char *path)
{
	const char *name = ht_base_name(path);

	return strncmp(name, "libpython3", 10) == 0 || strncmp(name, "python3", 7) == 0;
}

/* The file of a Python interpreter whose allocator kept small objects to itself, as far as we know. */
static const char *hidden_python(const struct ht_trace_model *model)
{
	for (size_t i = 0; model->python.n_interpreters == 0 && i < model->modules.n_images; i++) {
		if (is_python(model->modules.images[i].path))
			return ht_base_name(model->modules.images[i].path);
	}
	return NULL;
}

static const struct ht_python_interpreter *silent_python(const struct ht_trace_model *model)
{
	for (size_t i = 0; i < model->python.n_interpreters; i++) {
		if (model->python.interpreters[i].problem[0])
			return &model->python.interpreters[i];
	}
	return NULL;
}

static void put_python(struct ht_text_page *page, const struct ht_trace_model *model)
{
	const char *hidden = hidden_python(model);
	const struct ht_python_interpreter *silent = silent_python(model);

	if (hidden) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_WARNING,
		             "%s keeps objects of up to 512 bytes in pools of its own, unless",
		             hidden);
		ht_text_end_line(page);
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_put(page, HT_PAINT_WARNING,
		            "PYTHONMALLOC=malloc was set; \"record --python\" shows them, and "
		            "Python's stacks.");
		ht_text_end_line(page);
	}
	if (silent) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_WARNING, "No stacks of Python %s: %s", silent->version,
		             silent->problem);
		ht_text_end_line(page);
	}
}

/* Enough to know where to look; "info --coverage" has all. */
#define MAX_UNSEEN_LINES 4u

/* The reason without what follows from it and what to do, which JSON has. */
static void put_unrecorded(struct ht_text_page *page, const char *name,
                           const struct ht_unseen_item *item)
{
	char text[HT_HUMAN_BYTES];
	int n_bytes = (int)strcspn(item->detail, ",;");

	if (item->n == 1)
		ht_text_putf(page, HT_PAINT_WARNING, "%s ran and was not recorded: it %.*s.", name,
		             n_bytes, item->detail);
	else
		ht_text_putf(page, HT_PAINT_WARNING,
		             "%s ran %s times and was not recorded: it %.*s.", name,
		             ht_human_count(text, item->n), n_bytes, item->detail);
}

static void put_unseen(struct ht_text_page *page, const struct ht_report *report, size_t max_lines)
{
	const struct ht_unseen_list *list = &report->model->unseen;
	struct ht_humans h;

	for (size_t i = 0; i < list->n_items && i < max_lines; i++) {
		const struct ht_unseen_item *item = &list->items[i];
		const char *name = ht_base_name(item->path);

		ht_text_to_column(page, HT_LABEL_COLUMNS);
		if (item->kind == HT_UNSEEN_OWN_ALLOCATOR && strcmp(item->detail, "malloc") == 0)
			ht_text_putf(
			        page, HT_PAINT_WARNING,
			        "%s has a malloc of its own: what that serves is not recorded.",
			        name);
		else if (item->kind == HT_UNSEEN_OWN_ALLOCATOR)
			ht_text_putf(page, HT_PAINT_WARNING,
			             "%s has %s built in: what that serves is not recorded.", name,
			             item->detail);
		else if (item->kind == HT_UNSEEN_BYPASSING)
			ht_text_putf(page, HT_PAINT_WARNING,
			             "%s calls another malloc (RTLD_DEEPBIND, dlmopen): not recorded.",
			             name);
		else if (item->kind == HT_UNSEEN_MALLOC) {
			ht_text_putf(page, HT_PAINT_WARNING,
			             "%s process%s the malloc of %s: what that serves is not recorded.",
			             ht_human_count(h.a, item->n), item->n == 1 ? " has" : "es have", name);
			ht_text_end_line(page);
			ht_text_to_column(page, HT_LABEL_COLUMNS);
			ht_text_put(page, HT_PAINT_WARNING,
			            "Where it is preloaded, name it after heaptide's library.");
		} else {
			put_unrecorded(page, name, item);
		}
		ht_text_end_line(page);
	}
	if (list->n_items <= max_lines)
		return;
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_WARNING, "%zu more like these: heaptide info --coverage",
	             list->n_items - max_lines);
	ht_text_end_line(page);
}

/* How long who had recording paused; nothing when nobody did. */
static void put_pauses(struct ht_text_page *page, const struct ht_report *report,
                       const struct ht_coverage *c)
{
	const struct ht_pauses *p = &c->pauses;
	struct ht_humans h;

	if (p->n == 0 && c->n_paused_allocs == 0)
		return;
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_WARNING, "The program paused recording %s time%s",
	             ht_human_count(h.a, p->n), ht_plural(p->n));
	if (p->n_threads > 1)
		ht_text_putf(page, HT_PAINT_WARNING, " in %s threads",
		             ht_human_count(h.a, p->n_threads));
	ht_text_putf(page, HT_PAINT_WARNING, ", for %s%s",
	             ht_human_ns(h.a, ht_tick_clock_span_ns(&report->model->clock, p->ticks)),
	             p->n > 1 ? " in all:" : ":");
	ht_text_end_line(page);
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_putf(page, HT_PAINT_WARNING,
	             "%s%s allocation%s of %s in it are not recorded.",
	             p->is_counted ? "" : "at least ", ht_human_count(h.a, c->n_paused_allocs), ht_plural(c->n_paused_allocs),
	             ht_human_bytes(h.b, c->paused_bytes));
	ht_text_end_line(page);
	if (p->n_open) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_WARNING,
		             "%s of the pauses had no end and count%s to that of the process.",
		             ht_human_count(h.a, p->n_open), p->n_open == 1 ? "s" : "");
		ht_text_end_line(page);
	}
}

/* The same, if there was any. */
static void put_gap(struct ht_text_page *page, uint64_t n, const char *what)
{
	if (n)
		put_count(page, n, what);
}

static bool has_gaps(const struct ht_coverage *c)
{
	uint64_t n = c->n_lost_events | c->n_damages | c->n_unknown_frees | c->n_missed_frees |
	             c->n_nested_calls | c->n_untracked_addrs | c->n_stacks_differing |
	             c->n_anomalies | c->pauses.n | c->n_paused_allocs;

	for (int i = 1; i < HT_N_TRUNC; i++)
		n |= c->n_truncated[i];
	return n != 0 || c->is_incomplete;
}

/* All that was not seen, by put. */
static void put_all(struct ht_text_page *page, const struct ht_coverage *c,
                    void (*put)(struct ht_text_page *page, uint64_t n, const char *what))
{
	put(page, c->n_lost_events, "events were lost while recording (overload)");
	put(page, c->n_damages, "places in the file are damaged; see: heaptide verify");
	put(page, c->n_damaged_events, "events were in damaged blocks");
	put(page, c->n_anomalies, "events contradict others; see: heaptide verify");
	put(page, c->n_unknown_frees, "frees of blocks whose allocation was not seen");
	put(page, c->n_missed_frees, "blocks were freed unseen (their address came back)");
	put(page, c->n_nested_calls, "calls from signal handlers inside of other calls");
	put(page, c->n_untracked_addrs, "blocks at addresses that cannot be tracked");
	put(page, c->n_stacks_differing, "stacks differ from libunwind's");
	for (uint32_t i = 1; i < HT_N_TRUNC; i++) {
		/* The others have no meaning yet. */
		if (i > HT_TRUNC_LOST && !c->n_truncated[i])
			continue;

		struct ht_strbuf what = { 0 };

		ht_strbuf_addf(&what, "stacks end early: %s", ht_truncation_text(i));
		put(page, c->n_truncated[i], what.text);
		ht_strbuf_done(&what);
	}
}

void ht_text_coverage(struct ht_text_page *page, const struct ht_report *report)
{
	struct ht_coverage c = ht_report_coverage(report);
	const struct ht_recording *recording = &report->model->recording;

	if (!has_gaps(&c) && report->model->unseen.n_items == 0 && !hidden_python(report->model) &&
	    !silent_python(report->model))
		return;
	ht_text_heading(page, "NOT SEEN");
	ht_text_end_line(page);
	if (!recording->has_end || ht_trace_file_end(report->file) != HT_FILE_END_GOOD) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_put(page, HT_PAINT_WARNING,
		            "The end of the trace is missing; this is what was recorded before.");
		ht_text_end_line(page);
	} else if (c.is_incomplete) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_WARNING, "The recording stopped early: %s",
		             recording->end_reason[0]            ? recording->end_reason
		             : recording->end == HT_RECORD_LIMIT ? "it reached its size limit"
		                                                 : "interrupted");
		ht_text_end_line(page);
	}
	put_python(page, report->model);
	put_pauses(page, report, &c);
	put_unseen(page, report, MAX_UNSEEN_LINES);
	put_all(page, &c, put_gap);
}

void ht_report_coverage_text(const struct ht_report *report, const struct ht_text_style *style,
                             FILE *out)
{
	struct ht_text_page page = ht_text_page_init(out, style);
	struct ht_coverage c = ht_report_coverage(report);

	bool is_whole = !c.is_incomplete && c.n_damages == 0;

	ht_text_put(&page, is_whole ? HT_PAINT_PLAIN : HT_PAINT_WARNING,
	            is_whole          ? "The trace is complete."
	            : c.is_incomplete ? "The trace lacks its end."
	                              : "The trace is damaged.");
	ht_text_end_line(&page);
	put_python(&page, report->model);
	put_pauses(&page, report, &c);
	put_unseen(&page, report, SIZE_MAX);
	put_all(&page, &c, put_count);
	put_count(&page, c.n_truncated_allocations,
	          "allocations and reallocations with such a stack");
	put_count(&page, c.n_inherited_frees, "frees by forks of what their parent had allocated");
	put_count(&page, c.n_early_blocks, "blocks from before the allocator was found");
	put_count(&page, c.n_stacks_compared, "stacks compared with libunwind's");
}
