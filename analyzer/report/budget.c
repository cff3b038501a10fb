/* SPDX-License-Identifier: MIT */
/* Whether runs of a program keep to what they may use. Analyzer. */
#include "analyzer/report/budget.h"

#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/report/stack_names.h"
#include "analyzer/report/view.h"

#include <stdlib.h>
#include <string.h>

#define MAX_SHOWN 4u /* functions of a path */

/* Of the measures, the first ones are compared with baselines. */
#define N_BASELINE_MEASURES 4u

/* Which sites of a run count, by index; NULL: all. */
struct scope {
	bool *is_in;
};

static bool is_excused(const struct ht_named_run *run, size_t i_site)
{
	enum ht_leak_class leak_class =
	        run->leaks ? (enum ht_leak_class)run->leaks->of_site[i_site] : HT_LEAK_REST;

	return leak_class == HT_LEAK_RUNTIME || leak_class == HT_LEAK_SUPPRESSED;
}

static uint64_t value_of_site(const struct ht_named_run *run, const struct scope *scope,
                              enum ht_measure measure, size_t i_site)
{
	if ((scope->is_in && !scope->is_in[i_site]) ||
	    (measure == HT_MEASURE_LEAKED && is_excused(run, i_site)))
		return 0;
	return ht_measure_of_site(&run->results->sites.sites[i_site], measure);
}

static uint64_t value_of_run(const struct ht_named_run *run, const struct scope *scope,
                             enum ht_measure measure)
{
	uint64_t value = 0;

	if (!scope->is_in && measure != HT_MEASURE_LEAKED)
		return ht_measure_of_results(run->results, measure);
	for (size_t i = 0; i < run->results->sites.n_sites; i++)
		value += value_of_site(run, scope, measure, i);
	return value;
}

static void sum_leaks(const struct ht_named_run *run, const struct scope *scope,
                      uint64_t sums[HT_N_LEAK_CLASSES])
{
	const struct ht_site_table *table = &run->results->sites;

	for (size_t i = 0; run->leaks && i < table->n_sites; i++) {
		if (!scope->is_in || scope->is_in[i])
			sums[run->leaks->of_site[i]] += table->sites[i].leaked_bytes;
	}
}

/* What all stacks that call the same functions have together. */
struct culprit {
	const struct ht_path *path; /* of the stack with most of it */
	uint64_t value;
	uint64_t old_value; /* in the baseline */
};

/* The path that has most, or grew most; path is NULL when none has any. */
static struct culprit find_culprit(const struct ht_path_list *list, const struct ht_named_run *run,
                                   const struct scope *scope, enum ht_measure measure)
{
	struct culprit best = { 0 };

	for (size_t i = 0, next; i < list->n_paths; i = next) {
		struct culprit sum = { 0 };
		uint64_t most = 0;

		next = ht_path_list_next(list, i);
		for (size_t p = i; p < next; p++) {
			const struct ht_path *path = &list->paths[p];
			size_t i_site = (size_t)(path->site - path->run->results->sites.sites);
			uint64_t value = value_of_site(path->run, scope, measure, i_site);

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
static void conclude(const struct ht_named_run *baseline, const struct scope *scope,
                     struct ht_budget_verdict *verdict)
{
	struct ht_path_list list = { 0 };

	if (verdict->metric == HT_MEASURE_LEAKED)
		sum_leaks(verdict->run, scope, verdict->leaked_bytes);
	verdict->holds = verdict->value <= verdict->allowed;
	if (verdict->holds)
		return;
	ht_path_list_add_run(&list, verdict->run);
	if (baseline)
		ht_path_list_add_run(&list, baseline);
	ht_path_list_sort(&list);

	struct culprit culprit = find_culprit(&list, verdict->run, scope, verdict->metric);

	if (culprit.path)
		describe(&culprit, verdict);
	ht_path_list_done(&list);
}

/* By the run that is furthest above what it may have, or least below; scopes has one for each run. */
static struct ht_budget_verdict judge_limit(const struct ht_budget_question *q,
                                            const struct ht_budget_limit *limit,
                                            const struct scope *scopes)
{
	struct ht_budget_verdict worst = {
		.metric = limit->measure,
		.scope = limit->has_scope ? q->budgets->scopes[limit->i_scope].text : NULL,
		.has_no_stack = limit->has_scope,
		.limit_file = limit->file,
		.limit_line = limit->line,
	};
	double worst_excess = 0;
	size_t i_worst = 0;

	for (size_t i = 0; i < q->n_runs; i++) {
		const struct ht_named_run *run = &q->runs[i];
		uint64_t value = value_of_run(run, &scopes[i], limit->measure);
		uint64_t allowed = limit->value;

		if (limit->is_part)
			allowed =
			        ht_measure_part(limit->value, value_of_run(run, &scopes[i],
			                                                   HT_MEASURE_ALLOCATIONS));
		for (size_t s = 0; worst.has_no_stack && s < run->results->sites.n_sites; s++)
			worst.has_no_stack = !scopes[i].is_in[s];

		double excess = (double)value - (double)allowed;

		if (worst.run && excess <= worst_excess)
			continue;
		worst.run = run;
		worst.value = value;
		worst.allowed = allowed;
		worst_excess = excess;
		i_worst = i;
	}
	conclude(NULL, &scopes[i_worst], &worst);
	return worst;
}

static struct ht_budget_verdict judge_baseline(const struct ht_budget_question *q,
                                               enum ht_measure metric)
{
	struct ht_budget_verdict verdict = { .metric = metric, .is_baseline = true };
	const struct ht_named_run *old = NULL;
	const struct scope all = { NULL };

	for (size_t i = 0; i < q->n_runs; i++) {
		uint64_t value = value_of_run(&q->runs[i], &all, metric);

		if (verdict.run && value >= verdict.value)
			continue;
		verdict.run = &q->runs[i];
		verdict.value = value;
	}
	for (size_t i = 0; i < q->n_baselines; i++) {
		uint64_t value = value_of_run(&q->baselines[i], &all, metric);

		if (old && value <= verdict.baseline_value)
			continue;
		old = &q->baselines[i];
		verdict.baseline_value = value;
	}

	uint64_t more = ht_measure_part(q->tolerance, verdict.baseline_value);

	verdict.allowed = more > UINT64_MAX - verdict.baseline_value
	                          ? UINT64_MAX
	                          : verdict.baseline_value + more;
	conclude(old, &all, &verdict);
	return verdict;
}

/* What is in the scope of a limit, of each run. */
static void find_scopes(const struct ht_budget_question *q, const struct ht_budget_limit *limit,
                        struct scope *scopes)
{
	for (size_t i = 0; i < q->n_runs; i++) {
		const struct ht_named_run *run = &q->runs[i];

		free(scopes[i].is_in);
		scopes[i].is_in =
		        limit->has_scope
		                ? ht_view_find_shown(run->model, &run->results->sites,
		                                     run->symbolizer,
		                                     &q->budgets->scopes[limit->i_scope].rules)
		                : NULL;
	}
}

struct ht_budget_verdict *ht_budget_judge(const struct ht_budget_question *question, size_t *ret_n)
{
	const struct ht_budget_list *budgets = question->budgets;
	struct ht_budget_verdict *verdicts =
	        ht_xalloc_zeroed(budgets->n_limits + N_BASELINE_MEASURES, sizeof(*verdicts));
	struct scope *scopes = ht_xalloc_zeroed(question->n_runs, sizeof(*scopes));
	const struct ht_budget_limit *before = NULL;
	size_t n = 0;

	for (size_t i = 0; i < budgets->n_limits; i++) {
		const struct ht_budget_limit *limit = &budgets->limits[i];

		/* Limits of one scope stand behind each other. */
		if (!before || before->has_scope != limit->has_scope ||
		    before->i_scope != limit->i_scope)
			find_scopes(question, limit, scopes);
		before = limit;
		verdicts[n++] = judge_limit(question, limit, scopes);
	}
	for (size_t i = 0; i < question->n_runs; i++)
		free(scopes[i].is_in);
	free(scopes);
	for (unsigned m = 0; m < N_BASELINE_MEASURES && question->n_baselines > 0; m++)
		verdicts[n++] = judge_baseline(question, (enum ht_measure)m);
	*ret_n = n;
	return verdicts;
}

void ht_budget_verdict_done(struct ht_budget_verdict *verdict)
{
	if (!verdict)
		return;
	free(verdict->path);
	free(verdict->file);
	*verdict = (struct ht_budget_verdict){ 0 };
}
