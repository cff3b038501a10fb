/* SPDX-License-Identifier: MIT */
/* What became more or less from runs of a program to runs of another version of it. Analyzer. */
#include "analyzer/report/diff.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

const char *ht_diff_kind_name(enum ht_diff_kind kind)
{
	static const char *const names[HT_N_DIFF_KINDS] = { "new",    "gone",  "grown",
		                                            "shrunk", "moved", "same" };

	return names[kind];
}

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

struct ht_diff_change ht_diff_classify(struct ht_diff_span old_span, struct ht_diff_span new_span,
                                       uint64_t tolerance)
{
	struct ht_diff_change change = {
		.kind = HT_DIFF_SAME,
		.old_span = old_span,
		.new_span = new_span,
	};
	uint64_t low = ht_measure_part(tolerance, old_span.least);

	if (new_span.least >
	    add_saturated(old_span.most, ht_measure_part(tolerance, old_span.most)))
		change.kind = old_span.most == 0 ? HT_DIFF_NEW : HT_DIFF_GROWN;
	else if (low < old_span.least && new_span.most < old_span.least - low)
		change.kind = new_span.most == 0 ? HT_DIFF_GONE : HT_DIFF_SHRUNK;
	change.is_changed = change.kind != HT_DIFF_SAME;
	return change;
}

uint64_t ht_diff_distance(const struct ht_diff_change *change, bool *ret_is_less)
{
	uint64_t old_value = change->old_span.median, new_value = change->new_span.median;

	*ret_is_less = new_value < old_value;
	return new_value < old_value ? old_value - new_value : new_value - old_value;
}

static int compare_values(const void *va, const void *vb)
{
	uint64_t a = *(const uint64_t *)va, b = *(const uint64_t *)vb;

	return a < b ? -1 : a > b;
}

/* Sorts values. */
static struct ht_diff_span span_of(uint64_t *values, size_t n)
{
	qsort(values, n, sizeof(*values), compare_values);
	return (struct ht_diff_span){ values[0], values[(n - 1) / 2], values[n - 1] };
}

/* values of all runs, in their order; sorted afterwards. */
static struct ht_diff_change change_of(const struct ht_diff_question *q, uint64_t *values)
{
	struct ht_diff_span old_span = span_of(values, q->n_old);

	return ht_diff_classify(old_span, span_of(values + q->n_old, q->n_new), q->tolerance);
}

/* Of all paths with one key. values: room for all runs. */
static struct ht_diff_entry make_entry(const struct ht_diff_question *q,
                                       const struct ht_path *paths, size_t n, uint64_t *values)
{
	struct ht_diff_entry entry = { 0 };
	bool is_new = false;
	uint64_t most = 0;

	memset(values, 0, (q->n_old + q->n_new) * sizeof(*values));
	for (size_t i = 0; i < n; i++) {
		size_t run = (size_t)(paths[i].run - q->runs);
		uint64_t value = ht_measure_of_site(paths[i].site, q->measure);

		values[run] = add_saturated(values[run], value);
		if (value == 0 || (is_new && run < q->n_old))
			continue;
		if (value > most || (!is_new && run >= q->n_old)) {
			entry.path = &paths[i];
			most = value;
			is_new = run >= q->n_old;
		}
	}
	entry.change = change_of(q, values);
	return entry;
}

/* The largest change first; what only moved, without a change, last. */
static int compare_entries(const void *va, const void *vb)
{
	const struct ht_diff_entry *a = va, *b = vb;
	bool is_less;
	uint64_t change_a = a->change.is_changed ? ht_diff_distance(&a->change, &is_less) : 0;
	uint64_t change_b = b->change.is_changed ? ht_diff_distance(&b->change, &is_less) : 0;

	if (change_a != change_b)
		return change_a > change_b ? -1 : 1;
	return strcmp(a->path->key, b->path->key);
}

void ht_diff_make(const struct ht_diff_question *question, struct ht_diff *ret_diff)
{
	size_t n_runs = question->n_old + question->n_new;
	uint64_t *values = ht_xalloc_zeroed(n_runs, sizeof(*values));
	struct ht_diff diff = { .question = question };
	size_t capacity = 0, n = 0;

	for (unsigned m = 0; m < HT_N_MEASURES; m++) {
		for (size_t r = 0; r < n_runs; r++)
			values[r] = ht_measure_of_results(question->runs[r].results,
			                                  (enum ht_measure)m);
		diff.totals[m] = change_of(question, values);
	}
	for (size_t r = 0; r < n_runs; r++)
		ht_path_list_add_run(&diff.paths, &question->runs[r]);
	ht_path_list_sort(&diff.paths);
	for (size_t i = 0, next; i < diff.paths.n_paths; i = next) {
		next = ht_path_list_next(&diff.paths, i);

		struct ht_diff_entry entry =
		        make_entry(question, &diff.paths.paths[i], next - i, values);

		if (!entry.path)
			continue;
		if (entry.change.kind == HT_DIFF_SAME) {
			diff.n_of_kind[HT_DIFF_SAME]++;
			continue;
		}
		diff.entries =
		        ht_xalloc_grow(diff.entries, &capacity, n + 1, sizeof(*diff.entries));
		diff.entries[n++] = entry;
	}
	if (n > 0) {
		qsort(diff.entries, n, sizeof(*diff.entries), compare_entries);
		ht_diff_find_moves(diff.entries, n, question->tolerance);
	}
	for (size_t i = 0; i < n; i++) {
		if (diff.entries[i].change.kind == HT_N_DIFF_KINDS)
			continue;
		diff.n_of_kind[diff.entries[i].change.kind]++;
		diff.entries[diff.n_entries++] = diff.entries[i];
	}
	if (diff.n_entries > 0)
		qsort(diff.entries, diff.n_entries, sizeof(*diff.entries), compare_entries);
	free(values);
	*ret_diff = diff;
}

void ht_diff_done(struct ht_diff *diff)
{
	ht_path_list_done(&diff->paths);
	free(diff->entries);
}
