/* SPDX-License-Identifier: MIT */
/* Sums of recordings: made of a trace, merged, read back, and told. Analyzer. */
#ifndef HT_SUM_H
#define HT_SUM_H

#include "analyzer/agg/results.h"
#include "analyzer/export/sum_input.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/report/report.h"
#include "analyzer/symbols/symbolizer.h"

#include <stdbool.h>
#include <stdio.h>

/* Write the sum of one recording. results must have log counts. */
void ht_sum_make(const struct ht_trace_file *file, const struct ht_trace_model *model,
                 const struct ht_results *results, struct ht_symbolizer *symbolizer, FILE *out);

/*
 * Write the sum of n inputs, each at its head. The order and grouping of merges does not change a byte of what comes
 * out. Memory: one place of each input.
 */
enum ht_err ht_sum_merge(struct ht_sum_input *inputs, size_t n, FILE *out,
                         struct ht_diag *diag) HT_MUST_CHECK;

/* A sum in memory, in the form of one recording's results; see ht_sum_load. */
struct ht_sum {
	struct ht_trace_model
	        model; /* stacks with names, a clock of ns, who and when; nothing else */
	struct ht_results results;
	struct ht_named_stacks stacks;
	struct ht_arena arena;
	struct ht_sum_run *runs; /* by time */
	size_t n_runs;
	struct ht_sum_place *places; /* key and where are NULL; by index of the site */
	size_t n_places;
	struct ht_log_counts sizes;
	struct ht_log_counts lifetimes;
	uint64_t totals[HT_N_SUM_VALUES];
};

/* To be released with ht_sum_free. */
enum ht_err ht_sum_load(const char *path, struct ht_sum **ret_sum,
                        struct ht_diag *diag) HT_MUST_CHECK;

/* NULL is fine. */
void ht_sum_free(struct ht_sum *sum);

/* Least, median (the lower one of two) and most of a value over runs; of one program unless program is NULL. */
struct ht_sum_span {
	uint64_t n;
	uint64_t least;
	uint64_t median;
	uint64_t most;
	uint64_t sum;
};
struct ht_sum_span ht_sum_span(const struct ht_sum *sum, enum ht_sum_value value,
                               const struct ht_sum_run *program);

/* How many hosts, or programs, the runs are of. */
size_t ht_sum_n_hosts(const struct ht_sum *sum, const struct ht_sum_run *program);
bool ht_sum_is_same_program(const struct ht_sum_run *a, const struct ht_sum_run *b);

/* For people, and as JSON, schema heaptide.summary/1. n_top and n_frames as in struct ht_report. */
void ht_sum_text(const struct ht_sum *sum, size_t n_top, size_t n_frames,
                 const struct ht_text_style *style, FILE *out);
void ht_sum_json(const struct ht_sum *sum, FILE *out);

#endif
