/* SPDX-License-Identifier: MIT */
/* Several traces, replayed and with names, for commands that compare them. Analyzer. */
#ifndef HT_TRACE_RUNS_H
#define HT_TRACE_RUNS_H

#include "analyzer/report/path_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_frame_rules;
struct ht_trace_run;

/* All zero is empty. */
struct ht_trace_runs {
	struct ht_trace_run *runs;
	struct ht_named_run *named; /* by the order of the paths */
	size_t n_runs;
};

/*
 * Open and replay all paths (which must live as long), complaining about what cannot be read, or is not there.
 * is_strict: a trace that is not complete is refused. are_sums: summaries are fine, too. Returns NULL, or the path that was refused.
 */
const char *ht_trace_runs_load(struct ht_trace_runs *runs, const char *const *paths, size_t n_paths,
                               bool is_strict, bool are_sums);

/* Have all of them say which leaks are the runtime's, or suppressed. */
void ht_trace_runs_class_leaks(struct ht_trace_runs *runs,
                               const struct ht_frame_rules *suppressions);

/* The path of the trace that the file is, or NULL: it must not be written over. */
const char *ht_trace_runs_find(const char *path, const struct ht_named_run *runs, size_t n_runs);

/* How many recordings are in one of them: 1 but for summaries. */
uint64_t ht_trace_runs_n_summed(const struct ht_trace_runs *runs, size_t i);

/* Half-loaded ones are fine. */
void ht_trace_runs_done(struct ht_trace_runs *runs);

#endif
