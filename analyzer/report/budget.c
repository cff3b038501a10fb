/* SPDX-License-Identifier: MIT */
/* Whether runs of a program keep to what they may use. Analyzer. */
#include "analyzer/report/budget.h"

#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/report/stack_names.h"

#include <stdlib.h>
#include <string.h>

#define HUNDRED_PCT 100000u /* thousandths of a percent */
#define MAX_SHOWN   4u      /* functions of a path */

/* What all stacks that call the same functions have together. */
struct path {
	char *key;      /* functions, innermost first, a newline after each */
	uint32_t stack; /* one of them */
	uint64_t value;
	uint64_t old_value;              /* in the baseline */
	const struct ht_budget_run *run; /* that stack is of */
};

struct path_list {
	struct path *paths;
	size_t n_paths;
	size_t capacity;
};

const char *ht_budget_name(enum ht_budget_metric metric)
{
	static const char *const names[] = { "peak", "leaked", "allocations", "temporary" };

	return names[metric];
}

static uint64_t value_of_run(const struct ht_results *results, enum ht_budget_metric metric)
{
	switch (metric) {
	case HT_BUDGET_PEAK: return results->sites.peak_bytes;
	case HT_BUDGET_LEAKED: return results->totals.leaked_bytes;
	case HT_BUDGET_ALLOCATIONS: return results->totals.n_allocations;
	default: return results->n_temporary;
	}
}

static uint64_t value_of_site(const struct ht_site *site, enum ht_budget_metric metric)
{
	switch (metric) {
	case HT_BUDGET_PEAK: return site->at_peak_bytes;
	case HT_BUDGET_LEAKED: return site->leaked_bytes;
	case HT_BUDGET_ALLOCATIONS: return site->n_allocations;
	default: return site->n_temporary;
	}
}

/* part, in thousandths of a percent, of whole; rounded down. */
static uint64_t part_of(uint64_t part, uint64_t whole)
{
	unsigned __int128 product = (unsigned __int128)part * whole / HUNDRED_PCT;

	return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* The name without what a compiler adds to its copies of a function, which differs from build to build. */
static size_t stable_bytes(const char *function)
{
	static const char *const marks[] = { " [clone ",   ".isra.", ".constprop.", ".part.",
		                             ".lto_priv.", ".llvm.", ".cold" };
	size_t n_bytes = strlen(function);

	for (size_t i = 0; i < sizeof(marks) / sizeof(marks[0]); i++) {
		const char *mark = strstr(function, marks[i]);

		if (mark && mark > function && (size_t)(mark - function) < n_bytes)
			n_bytes = (size_t)(mark - function);
	}
	return n_bytes;
}

static void add_name(const struct ht_frame_name *name, struct ht_strbuf *text)
{
	if (name->function)
		ht_strbuf_add(text, name->function, stable_bytes(name->function));
	else
		ht_strbuf_addf(text, "[%s]", name->module ? base_name(name->module) : "unknown");
}

static void add_sites(const struct ht_budget_run *run, enum ht_budget_metric metric, bool is_old,
                      struct path_list *list)
{
	const struct ht_site_table *table = &run->results->sites;
	struct ht_named_stack stack = { 0 };
	struct ht_strbuf key = { 0 };

	for (size_t i = 0; i < table->n_sites; i++) {
		uint64_t value = value_of_site(&table->sites[i], metric);

		if (value == 0)
			continue;
		ht_stack_names_resolve(run->model, run->symbolizer, table->sites[i].stack, &stack);
		for (size_t f = 0; f < stack.n_frames; f++) {
			add_name(&stack.frames[f].name, &key);
			ht_strbuf_add_char(&key, '\n');
		}
		list->paths = ht_xalloc_grow(list->paths, &list->capacity, list->n_paths + 1,
		                             sizeof(*list->paths));
		list->paths[list->n_paths++] = (struct path){
			.key = ht_xalloc_str(ht_strbuf_str(&key)),
			.stack = table->sites[i].stack,
			.value = is_old ? 0 : value,
			.old_value = is_old ? value : 0,
			.run = run,
		};
		ht_strbuf_clear(&key);
	}
	ht_strbuf_done(&key);
	ht_named_stack_done(&stack);
}

/* By key; among equal ones the largest new value first, so that its stack stands for all of them. */
static int compare(const void *va, const void *vb)
{
	const struct path *a = va, *b = vb;
	int order = strcmp(a->key, b->key);

	if (order != 0)
		return order;
	if (a->value != b->value)
		return a->value > b->value ? -1 : 1;
	return a->stack < b->stack ? -1 : a->stack > b->stack;
}

/* The path that has most, or grew most; NULL when none has any. */
static const struct path *find_culprit(struct path_list *list)
{
	struct path *best = NULL;

	if (list->n_paths == 0)
		return NULL;
	qsort(list->paths, list->n_paths, sizeof(*list->paths), compare);
	for (size_t i = 0, next; i < list->n_paths; i = next) {
		struct path *path = &list->paths[i];

		for (next = i + 1; next < list->n_paths; next++) {
			if (strcmp(list->paths[next].key, path->key) != 0)
				break;
			path->value += list->paths[next].value;
			path->old_value += list->paths[next].old_value;
		}
		if (path->value > path->old_value &&
		    (!best || path->value - path->old_value > best->value - best->old_value))
			best = path;
	}
	return best;
}

static void describe(const struct path *path, struct ht_budget_verdict *verdict)
{
	struct ht_named_stack stack = { 0 };
	struct ht_strbuf text = { 0 };

	ht_stack_names_resolve(path->run->model, path->run->symbolizer, path->stack, &stack);
	for (size_t i = 0; i < stack.n_frames; i++) {
		const struct ht_frame_name *name = &stack.frames[i].name;

		if (name->file && !verdict->file) {
			verdict->file = ht_xalloc_str(name->file);
			verdict->line = name->line;
		}
		if (i >= MAX_SHOWN)
			continue;
		if (i > 0)
			ht_strbuf_add_str(&text, " < ");
		add_name(name, &text);
		if (name->file && name->line)
			ht_strbuf_addf(&text, " (%s:%u)", base_name(name->file), name->line);
		else if (name->function && name->module)
			ht_strbuf_addf(&text, " [%s]", base_name(name->module));
	}
	if (stack.n_frames > MAX_SHOWN)
		ht_strbuf_add_str(&text, " < ...");
	if (stack.n_frames == 0)
		ht_strbuf_add_str(&text, "a place without a stack");
	verdict->path = ht_strbuf_take(&text);
	verdict->path_value = path->value - path->old_value;
	ht_named_stack_done(&stack);
}

/* Say whether it holds and, when not, why. */
static void conclude(const struct ht_budget_run *baseline, struct ht_budget_verdict *verdict)
{
	struct path_list list = { 0 };

	verdict->holds = verdict->value <= verdict->allowed;
	if (verdict->holds)
		return;
	add_sites(verdict->run, verdict->metric, false, &list);
	if (baseline)
		add_sites(baseline, verdict->metric, true, &list);

	const struct path *culprit = find_culprit(&list);

	if (culprit)
		describe(culprit, verdict);
	for (size_t i = 0; i < list.n_paths; i++)
		free(list.paths[i].key);
	free(list.paths);
}

/* By the run that is furthest above what it may have, or least below. */
static struct ht_budget_verdict judge_limit(const struct ht_budget_question *q,
                                            enum ht_budget_metric metric)
{
	const struct ht_budget_limit *limit = &q->limits[metric];
	struct ht_budget_verdict worst = { .metric = metric };
	double worst_excess = 0;

	for (size_t i = 0; i < q->n_runs; i++) {
		const struct ht_results *results = q->runs[i].results;
		uint64_t value = value_of_run(results, metric);
		uint64_t allowed = limit->is_part
		                           ? part_of(limit->value, results->totals.n_allocations)
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
                                               enum ht_budget_metric metric)
{
	struct ht_budget_verdict verdict = { .metric = metric, .is_baseline = true };
	const struct ht_budget_run *old = NULL;

	for (size_t i = 0; i < q->n_runs; i++) {
		uint64_t value = value_of_run(q->runs[i].results, metric);

		if (verdict.run && value >= verdict.value)
			continue;
		verdict.run = &q->runs[i];
		verdict.value = value;
	}
	for (size_t i = 0; i < q->n_baselines; i++) {
		uint64_t value = value_of_run(q->baselines[i].results, metric);

		if (old && value <= verdict.baseline_value)
			continue;
		old = &q->baselines[i];
		verdict.baseline_value = value;
	}

	uint64_t more = part_of(q->tolerance, verdict.baseline_value);

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

	for (unsigned m = 0; m < HT_N_BUDGET_METRICS; m++) {
		if (question->limits[m].is_set)
			ret_verdicts[n++] = judge_limit(question, (enum ht_budget_metric)m);
	}
	for (unsigned m = 0; m < HT_N_BUDGET_METRICS && question->n_baselines > 0; m++)
		ret_verdicts[n++] = judge_baseline(question, (enum ht_budget_metric)m);
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
