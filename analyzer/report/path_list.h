/* SPDX-License-Identifier: MIT */
/* Paths of calls of several runs, put together by the functions they go through. Analyzer. */
#ifndef HT_PATH_LIST_H
#define HT_PATH_LIST_H

#include "analyzer/agg/results.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/report/stack_names.h"
#include "analyzer/symbols/symbolizer.h"

#include <stddef.h>
#include <stdint.h>

struct ht_leak_classes;

/* One trace. All owned by the caller. */
struct ht_named_run {
	const char *path;
	const struct ht_trace_model *model;
	const struct ht_results *results;
	struct ht_symbolizer *symbolizer;
	const struct ht_leak_classes *leaks; /* NULL where all leaks are alike */
};

/* A site of a run. */
struct ht_path {
	char *key; /* functions, innermost first, a newline after each */
	const struct ht_named_run *run;
	const struct ht_site *site;
};

/* All zero is an empty list. */
struct ht_path_list {
	struct ht_path *paths;
	size_t n_paths;
	size_t capacity;
};

/*
 * Add all sites of a run; run must live as long as the list. Two sites have the same key when they go through
 * the same functions: lines, addresses, what lies outside of main, how deep a function calls itself, what compilers
 * add to the names of copies (.isra, .part, .cold, .constprop, .lto_priv, [clone]) and the numbers of lambdas
 * and of things without a name do not count. Code without names counts as its module, without its version.
 */
void ht_path_list_add_run(struct ht_path_list *list, const struct ht_named_run *run);

/* Paths of one key behind each other, each run's together, in the order of the runs in memory. */
void ht_path_list_sort(struct ht_path_list *list);

/* Where the paths of another key begin, from the first path of a key on. Sorted lists only. */
size_t ht_path_list_next(const struct ht_path_list *list, size_t first);

void ht_path_list_done(struct ht_path_list *list);

/* The name as it counts for the key. */
void ht_path_add_function(const struct ht_frame_name *name, struct ht_strbuf *text);

/*
 * "copy (words.c:7) < main (words.c:18)": at most max_shown frames, none outside of main, the last followed by
 * "< ..." when there are more.
 */
void ht_path_describe(const struct ht_named_stack *stack, size_t max_shown, struct ht_strbuf *text);

#endif
