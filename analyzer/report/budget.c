/* SPDX-License-Identifier: MIT */
/* Whether runs of a program keep to what they may use. Analyzer. */
#include "analyzer/report/budget.h"

#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/report/stack_names.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SHOWN 4u /* functions of a path */

/* What all stacks that call the same functions have together. */
struct culprit {
	const struct ht_path *path; /* of the stack with most of it */
	uint64_t value;
	uint64_t old_value; /* in the baseline */
};

/* The path that has most, or grew most; path is NULL when none has any. */
static struct culprit find_culprit(const struct ht_path_list *list, const struct ht_named_run *run,
                                   enum ht_measure measure)
{
	struct culprit best = { 0 };

	for (size_t i = 0, next; i < list->n_paths; i = next) {
		struct culprit sum = { 0 };
		uint64_t most = 0;

		next = ht_path_list_next(list, i);
		for (size_t p = i; p < next; p++) {
			const struct ht_path *path = &list->paths[p];
			uint64_t value = ht_measure_of_site(path->site, measure);

			if (path->run != run) {
				sum.old_value += value;
				continue;
			}
			sum.value += value;
			if (value > most) {
				sum.path = path;
				most = value;
			}
		}
		if (sum.value > sum.old_value &&
		    (!best.path || sum.value - sum.old_value > best.value - best.old_value))
			best = sum;
	}
	return best;
}

static void describe(const struct culprit *culprit, struct ht_budget_verdict *verdict)
{
	const struct ht_path *path = culprit->path;
	struct ht_named_stack stack = { 0 };
	struct ht_strbuf text = { 0 };

	ht_stack_names_resolve(path->run->model, path->run->symbolizer, path->site->stack, &stack);
	for (size_t i = 0; i < stack.n_frames && !verdict->file; i++) {
		const struct ht_frame_name *name = &stack.frames[i].name;

		if (name->file) {
			verdict->file = ht_xalloc_str(name->file);
			verdict->line = name->line;
		}
	}
	ht_path_describe(&stack, MAX_SHOWN, &text);
	verdict->path = ht_strbuf_take(&text);
	verdict->path_value = culprit->value - culprit->old_value;
	ht_named_stack_done(&stack);
}

/* Say whether it holds and, when not, why. */
static void conclude(const struct ht_named_run *baseline, struct ht_budget_verdict *verdict)
{
	struct ht_path_list list = { 0 };

	verdict->holds = verdict->value <= verdict->allowed;
	if (verdict->holds)
		return;
	ht_path_list_add_run(&list, verdict->run);
	if (baseline)
		ht_path_list_add_run(&list, baseline);
	ht_path_list_sort(&list);

	struct culprit culprit = find_culprit(&list, verdict->run, verdict->metric);

	if (culprit.path)
		describe(&culprit, verdict);
	ht_path_list_done(&list);
}

/* By the run that is furthest above what it may have, or least below. */
static struct ht_budget_verdict judge_limit(const struct ht_budget_question *q,
                                            enum ht_measure metric)
{
	const struct ht_budget_limit *limit = &q->limits[metric];
	struct ht_budget_verdict worst = { .metric = metric };
	double worst_excess = 0;

	for (size_t i = 0; i < q->n_runs; i++) {
		const struct ht_results *results = q->runs[i].results;
		uint64_t value = ht_measure_of_results(results, metric);
		uint64_t allowed = limit->is_part ? ht_measure_part(limit->value,
		                                                    results->totals.n_allocations)
		                                  : limit->value;
		double excess = (double)value - (double)allowed;

		if (worst.run && excess <= worst_excess)
			continue;
		worst.run = &q->runs[i];
		worst.value = value;
		worst.allowed = allowed;
		worst_excess = excess;
	}
	conclude(NULL, &worst);
	return worst;
}

static struct ht_budget_verdict judge_baseline(const struct ht_budget_question *q,
                                               enum ht_measure metric)
{
	struct ht_budget_verdict verdict = { .metric = metric, .is_baseline = true };
	const struct ht_named_run *old = NULL;

	for (size_t i = 0; i < q->n_runs; i++) {
		uint64_t value = ht_measure_of_results(q->runs[i].results, metric);

		if (verdict.run && value >= verdict.value)
			continue;
		verdict.run = &q->runs[i];
		verdict.value = value;
	}
	for (size_t i = 0; i < q->n_baselines; i++) {
		uint64_t value = ht_measure_of_results(q->baselines[i].results, metric);

		if (old && value <= verdict.baseline_value)
			continue;
		old = &q->baselines[i];
		verdict.baseline_value = value;
	}

	uint64_t more = ht_measure_part(q->tolerance, verdict.baseline_value);

	verdict.allowed = more > UINT64_MAX - verdict.baseline_value
	                          ? UINT64_MAX
	                          : verdict.baseline_value + more;
	conclude(old, &verdict);
	return verdict;
}

size_t ht_budget_judge(const struct ht_budget_question *question,
                       struct ht_budget_verdict ret_verdicts[HT_BUDGET_MAX_VERDICTS])
{
	size_t n = 0;

	for (unsigned m = 0; m < HT_N_BUDGET_MEASURES; m++) {
		if (question->limits[m].is_set)
			ret_verdicts[n++] = judge_limit(question, (enum ht_measure)m);
	}
	for (unsigned m = 0; m < HT_N_BUDGET_MEASURES && question->n_baselines > 0; m++)
		ret_verdicts[n++] = judge_baseline(question, (enum ht_measure)m);
	return n;
}

void ht_budget_verdict_done(struct ht_budget_verdict *verdict)
{
	if (!verdict)
		return;
	free(verdict->path);
	free(verdict->file);
	*verdict = (struct ht_budget_verdict){ 0 };
}
