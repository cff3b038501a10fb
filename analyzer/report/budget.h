/* SPDX-License-Identifier: MIT */
/* Whether runs of a program keep to what they may use, and which path of calls is why not. Analyzer. */
#ifndef HT_BUDGET_H
#define HT_BUDGET_H

#include "analyzer/report/measure.h"
#include "analyzer/report/path_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* The first ones of enum ht_measure have budgets. */
#define HT_N_BUDGET_MEASURES 4u

/* What is allowed: a number, or a part of the allocations of the same run. */
struct ht_budget_limit {
	bool is_set;
	bool is_part;
	uint64_t value; /* is_part: in thousandths of a percent */
};

struct ht_budget_question {
	const struct ht_named_run *runs; /* one or more */
	size_t n_runs;
	const struct ht_named_run *baselines; /* of the older program; may be none */
	size_t n_baselines;
	uint64_t
	        tolerance; /* how much more than the baseline is no change, thousandths of a percent */
	struct ht_budget_limit limits[HT_N_BUDGET_MEASURES];
};

/* One answer. */
struct ht_budget_verdict {
	enum ht_measure metric;
	bool is_baseline; /* compared with the baselines; else with a limit */
	bool holds;
	uint64_t value;
	uint64_t allowed; /* the largest value that holds */
	uint64_t baseline_value;
	const struct ht_named_run *run; /* the one judged by */
	/* When it does not hold: the path that has most of it (of the growth, with a baseline). */
	uint64_t path_value;
	char *path; /* "copy (words.c:7) < main (words.c:18)", or NULL: no path did */
	char *file; /* of the innermost frame that has one; or NULL */
	uint32_t line;
};

#define HT_BUDGET_MAX_VERDICTS (2 * HT_N_BUDGET_MEASURES)

/*
 * Judge every limit that is set, by the run that exceeds it most; and with baselines every metric, by the run
 * with the least of it against the baseline with the most: what differs from run to run is no growth.
 * Returns how many of ret_verdicts were filled; each is to be released with ht_budget_verdict_done().
 */
size_t ht_budget_judge(const struct ht_budget_question *question,
                       struct ht_budget_verdict ret_verdicts[HT_BUDGET_MAX_VERDICTS]);

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
