/* SPDX-License-Identifier: MIT */
/* What changed from some runs to others, for people and scripts. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/report/diff.h"
#include "analyzer/report/escape_text.h"
#include "analyzer/report/json_writer.h"
#include "analyzer/report/stack_names.h"

#include <stdlib.h>

#define MAX_SHOWN 5u /* functions of a path */

static char *value_text(char buf[HT_HUMAN_BYTES], enum ht_measure measure, uint64_t value)
{
	return ht_measure_is_bytes(measure) ? ht_human_bytes(buf, value)
	                                    : ht_human_count(buf, value);
}

/* "+9.8 KiB", "-3", "same", "no change" when it is not more than the runs differ anyway. */
static void add_change(const struct ht_diff_change *change, enum ht_measure measure,
                       struct ht_strbuf *text)
{
	char value[HT_HUMAN_BYTES];
	bool is_less;
	uint64_t distance = ht_diff_distance(change, &is_less);

	if (distance == 0)
		ht_strbuf_add_str(text, "same");
	else if (!change->is_changed)
		ht_strbuf_add_str(text, "no change");
	else
		ht_strbuf_addf(text, "%c%s", is_less ? '-' : '+',
		               value_text(value, measure, distance));
}

/* "+49.8 %", or nothing. */
static void add_pct(const struct ht_diff_change *change, struct ht_strbuf *text)
{
	char value[HT_HUMAN_BYTES];
	bool is_less;
	uint64_t distance = ht_diff_distance(change, &is_less);

	if (change->is_changed && change->old_span.median > 0)
		ht_strbuf_addf(text, "%c%s", is_less ? '-' : '+',
		               ht_human_pct(value, distance, change->old_span.median));
}

/* The median, and in brackets from where to where when the runs differ. */
static void add_span(const struct ht_diff_span *span, enum ht_measure measure,
                     struct ht_strbuf *text)
{
	char median[HT_HUMAN_BYTES], least[HT_HUMAN_BYTES], most[HT_HUMAN_BYTES];

	ht_strbuf_add_str(text, value_text(median, measure, span->median));
	if (span->least != span->most)
		ht_strbuf_addf(text, " [%s to %s]", value_text(least, measure, span->least),
		               value_text(most, measure, span->most));
}

static void add_path(const struct ht_path *path, struct ht_strbuf *text)
{
	struct ht_named_stack stack = { 0 };

	ht_stack_names_resolve(path->run->model, path->run->symbolizer, path->site->stack, &stack);
	ht_path_describe(&stack, MAX_SHOWN, text);
	ht_named_stack_done(&stack);
}

/* "peak by path: 1 new, 2 gone, 0 grown, 1 shrunk, 0 moved, 12 same" */
static void add_summary(const struct ht_diff *diff, struct ht_strbuf *text)
{
	ht_strbuf_addf(text, "%s by path: ", ht_measure_name(diff->question->measure));
	for (unsigned k = 0; k < HT_N_DIFF_KINDS; k++)
		ht_strbuf_addf(text, "%s%zu %s", k > 0 ? ", " : "", diff->n_of_kind[k],
		               ht_diff_kind_name((enum ht_diff_kind)k));
}

static size_t count_shown(const struct ht_diff *diff, size_t max_entries)
{
	return diff->n_entries < max_entries ? diff->n_entries : max_entries;
}

static void put_plain(struct ht_strbuf *text, FILE *out)
{
	ht_escape_text_put(ht_strbuf_str(text), ht_escape_text_plain, out);
	putc('\n', out);
	ht_strbuf_clear(text);
}

static void put_side(const char *name, const struct ht_named_run *runs, size_t n,
                     struct ht_strbuf *text, FILE *out)
{
	ht_strbuf_addf(text, "%s  %s", name, runs[0].path);
	if (n > 1)
		ht_strbuf_addf(text, " and %zu more run%s", n - 1, ht_plural(n - 1));
	put_plain(text, out);
}

static void put_total(const struct ht_diff *diff, enum ht_measure m, FILE *out)
{
	const struct ht_diff_change *change = &diff->totals[m];
	struct ht_strbuf cells[4] = { 0 };

	add_span(&change->old_span, m, &cells[0]);
	add_span(&change->new_span, m, &cells[1]);
	add_change(change, m, &cells[2]);
	add_pct(change, &cells[3]);
	fprintf(out, "%-11s  %14s  ->  %14s   %12s%s%s\n", ht_measure_name(m),
	        ht_strbuf_str(&cells[0]), ht_strbuf_str(&cells[1]), ht_strbuf_str(&cells[2]),
	        cells[3].n_bytes > 0 ? "  " : "", ht_strbuf_str(&cells[3]));
	for (size_t i = 0; i < 4; i++)
		ht_strbuf_done(&cells[i]);
}

void ht_diff_text(const struct ht_diff *diff, size_t max_entries, FILE *out)
{
	const struct ht_diff_question *q = diff->question;
	size_t n = count_shown(diff, max_entries);
	struct ht_strbuf text = { 0 }, change = { 0 };

	put_side("old", q->runs, q->n_old, &text, out);
	put_side("new", q->runs + q->n_old, q->n_new, &text, out);
	putc('\n', out);
	for (unsigned m = 0; m < HT_N_MEASURES; m++)
		put_total(diff, (enum ht_measure)m, out);
	putc('\n', out);
	add_summary(diff, &text);
	put_plain(&text, out);
	for (size_t i = 0; i < n; i++) {
		const struct ht_diff_entry *e = &diff->entries[i];

		ht_strbuf_clear(&change);
		add_change(&e->change, q->measure, &change);
		ht_strbuf_addf(&text, "  %-6s  %12s  ", ht_diff_kind_name(e->change.kind),
		               ht_strbuf_str(&change));
		add_path(e->path, &text);
		put_plain(&text, out);
		ht_strbuf_addf(&text, "%24s", "");
		add_span(&e->change.old_span, q->measure, &text);
		ht_strbuf_add_str(&text, " -> ");
		add_span(&e->change.new_span, q->measure, &text);
		if (e->old_path) {
			ht_strbuf_add_str(&text, ", was ");
			add_path(e->old_path, &text);
		}
		put_plain(&text, out);
	}
	if (n < diff->n_entries)
		fprintf(out, "  and %zu more (-n)\n", diff->n_entries - n);
	ht_strbuf_done(&change);
	ht_strbuf_done(&text);
}

/* One cell, behind a border, and the border behind it. */
static void put_cell(struct ht_strbuf *text, FILE *out)
{
	putc(' ', out);
	ht_escape_text_put(ht_strbuf_str(text), ht_escape_text_markdown, out);
	fputs(" |", out);
	ht_strbuf_clear(text);
}

static void put_change_cells(const struct ht_diff_change *change, enum ht_measure measure,
                             struct ht_strbuf *text, FILE *out)
{
	add_span(&change->old_span, measure, text);
	put_cell(text, out);
	add_span(&change->new_span, measure, text);
	put_cell(text, out);
	add_change(change, measure, text);
	put_cell(text, out);
}

void ht_diff_markdown(const struct ht_diff *diff, size_t max_entries, FILE *out)
{
	enum ht_measure measure = diff->question->measure;
	size_t n = count_shown(diff, max_entries);
	struct ht_strbuf text = { 0 };

	fputs("| | old | new | change | |\n|---|--:|--:|--:|--:|\n", out);
	for (unsigned m = 0; m < HT_N_MEASURES; m++) {
		fprintf(out, "| %s |", ht_measure_name((enum ht_measure)m));
		put_change_cells(&diff->totals[m], (enum ht_measure)m, &text, out);
		add_pct(&diff->totals[m], &text);
		put_cell(&text, out);
		putc('\n', out);
	}
	putc('\n', out);
	add_summary(diff, &text);
	put_plain(&text, out);
	if (n == 0)
		goto out;
	fputs("\n| | old | new | change | path |\n|---|--:|--:|--:|---|\n", out);
	for (size_t i = 0; i < n; i++) {
		const struct ht_diff_entry *e = &diff->entries[i];

		fprintf(out, "| %s |", ht_diff_kind_name(e->change.kind));
		put_change_cells(&e->change, measure, &text, out);
		add_path(e->path, &text);
		if (e->old_path) {
			ht_strbuf_add_str(&text, ", was ");
			add_path(e->old_path, &text);
		}
		put_cell(&text, out);
		putc('\n', out);
	}
	if (n < diff->n_entries)
		fprintf(out, "\n%zu more are not shown.\n", diff->n_entries - n);
out:
	ht_strbuf_done(&text);
}

static void put_json_span(struct ht_json_writer *json, const char *key,
                          const struct ht_diff_span *span)
{
	ht_json_key(json, key);
	ht_json_begin_object(json);
	ht_json_put_u64(json, "least", span->least);
	ht_json_put_u64(json, "median", span->median);
	ht_json_put_u64(json, "most", span->most);
	ht_json_end_object(json);
}

static void put_json_change(struct ht_json_writer *json, const struct ht_diff_change *change)
{
	put_json_span(json, "old", &change->old_span);
	put_json_span(json, "new", &change->new_span);
	ht_json_put_bool(json, "changed", change->is_changed);
}

/* Of the trace that it is of: its functions as they count for matching, and where the innermost line is. */
static void put_json_path(struct ht_json_writer *json, const char *key, const struct ht_path *path)
{
	struct ht_named_stack stack = { 0 };
	struct ht_strbuf function = { 0 };

	ht_json_key(json, key);
	if (!path) {
		ht_json_null(json);
		return;
	}
	ht_stack_names_resolve(path->run->model, path->run->symbolizer, path->site->stack, &stack);
	ht_json_begin_array(json);
	for (size_t i = 0; i < stack.n_frames; i++) {
		const struct ht_frame_name *name = &stack.frames[i].name;

		ht_strbuf_clear(&function);
		ht_path_add_function(name, &function);
		ht_json_begin_object(json);
		ht_json_put_string(json, "function", ht_strbuf_str(&function));
		ht_json_put_string(json, "module", name->module);
		ht_json_put_string(json, "file", name->file);
		ht_json_key(json, "line");
		if (name->file && name->line)
			ht_json_u64(json, name->line);
		else
			ht_json_null(json);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
	ht_strbuf_done(&function);
	ht_named_stack_done(&stack);
}

static void put_json_runs(struct ht_json_writer *json, const char *key,
                          const struct ht_named_run *runs, size_t n)
{
	ht_json_key(json, key);
	ht_json_begin_array(json);
	for (size_t i = 0; i < n; i++)
		ht_json_string(json, runs[i].path);
	ht_json_end_array(json);
}

void ht_diff_json(const struct ht_diff *diff, size_t max_entries, FILE *out)
{
	const struct ht_diff_question *q = diff->question;
	struct ht_json_writer json = ht_json_writer_init(out);
	size_t n = count_shown(diff, max_entries);

	ht_json_begin_object(&json);
	ht_json_put_string(&json, "schema", "heaptide.diff/1");
	put_json_runs(&json, "old", q->runs, q->n_old);
	put_json_runs(&json, "new", q->runs + q->n_old, q->n_new);
	ht_json_key(&json, "totals");
	ht_json_begin_object(&json);
	for (unsigned m = 0; m < HT_N_MEASURES; m++) {
		ht_json_key(&json, ht_measure_name((enum ht_measure)m));
		ht_json_begin_object(&json);
		put_json_change(&json, &diff->totals[m]);
		ht_json_end_object(&json);
	}
	ht_json_end_object(&json);
	ht_json_put_string(&json, "by", ht_measure_name(q->measure));
	ht_json_put_string(&json, "unit",
	                   ht_measure_is_bytes(q->measure) ? "bytes" : "allocations");
	ht_json_key(&json, "counts");
	ht_json_begin_object(&json);
	for (unsigned k = 0; k < HT_N_DIFF_KINDS; k++)
		ht_json_put_u64(&json, ht_diff_kind_name((enum ht_diff_kind)k), diff->n_of_kind[k]);
	ht_json_end_object(&json);
	ht_json_key(&json, "paths");
	ht_json_begin_array(&json);
	for (size_t i = 0; i < n; i++) {
		const struct ht_diff_entry *e = &diff->entries[i];

		ht_json_begin_object(&json);
		ht_json_put_string(&json, "kind", ht_diff_kind_name(e->change.kind));
		put_json_change(&json, &e->change);
		put_json_path(&json, "stack", e->path);
		put_json_path(&json, "old_stack", e->old_path);
		ht_json_end_object(&json);
	}
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	putc('\n', out);
}
