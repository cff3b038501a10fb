/* SPDX-License-Identifier: MIT */
/* Whether runs of a program keep to what they may use, and which path of calls is why not. Analyzer. */
#ifndef HT_BUDGET_H
#define HT_BUDGET_H

#include "analyzer/report/budget_list.h"
#include "analyzer/report/leak_class.h"
#include "analyzer/report/measure.h"
#include "analyzer/report/path_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

struct ht_budget_question {
	const struct ht_named_run
	        *runs; /* one or more; with leak classes, which say what counts as leaked */
	size_t n_runs;
	const struct ht_named_run *baselines; /* of the older program; may be none */
	size_t n_baselines;
	uint64_t
	        tolerance; /* how much more than the baseline is no change, thousandths of a percent */
	const struct ht_budget_list *budgets;
};

/* One answer. What is leaked is so by blocks that are neither the runtime's nor suppressed. */
struct ht_budget_verdict {
	enum ht_measure metric;
	const char *
	        scope; /* of the limit, NULL for the whole program; owned by the question's budgets */
	bool has_no_stack; /* no stack is in the scope: it may be misspelt */
	bool is_baseline;  /* compared with the baselines; else with a limit */
	bool holds;
	uint64_t value;
	uint64_t allowed; /* the largest value that holds */
	uint64_t baseline_value;
	const struct ht_named_run *run;           /* the one judged by */
	uint64_t leaked_bytes[HT_N_LEAK_CLASSES]; /* in the scope, when it is about leaks */
	const char *limit_file; /* where the limit was said, or NULL; as the question has it */
	uint32_t limit_line;
	/* When it does not hold: the path that has most of it (of the growth, with a baseline). */
	uint64_t path_value;
	char *path; /* "copy (words.c:7) < main (words.c:18)", or NULL: no path did */
	char *file; /* of the innermost frame that has one; or NULL */
	uint32_t line;
};

/*
 * Judge every limit, by the run that exceeds it most; and with baselines the peak, leaks, allocations and temporary
 * ones, by the run with the least of it against the baseline with the most: what differs from run to run is no growth.
 * The limits of a scope are about the sites in it: the bytes they have at the peak of the program, and so on.
 * Returns *ret_n verdicts, each to be released with ht_budget_verdict_done(), all with free().
 */
struct ht_budget_verdict *ht_budget_judge(const struct ht_budget_question *question, size_t *ret_n);

void ht_budget_verdict_done(struct ht_budget_verdict *verdict);

/* Each writes all verdicts; errors of out are left in out. */
typedef void ht_budget_write_fn(const struct ht_budget_verdict *verdicts, size_t n, FILE *out);

ht_budget_write_fn ht_budget_text;     /* a line each */
ht_budget_write_fn ht_budget_github;   /* an annotation for each that does not hold */
ht_budget_write_fn ht_budget_junit;    /* XML, a test case each */
ht_budget_write_fn ht_budget_markdown; /* a table */
ht_budget_write_fn ht_budget_sarif;    /* SARIF 2.1.0, a result for each that does not hold */
ht_budget_write_fn ht_budget_json;     /* schema heaptide.check/1 */

#endif
