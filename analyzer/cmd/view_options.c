/* SPDX-License-Identifier: MIT */
/* The options of a report about which stacks it lists, and how. Analyzer. */
#include "analyzer/cmd/view_options.h"

#include "analyzer/cmd/block_conditions.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ht_view_options_by(struct ht_view_options *o, const char *text)
{
	for (int kind = HT_VIEW_STACK; kind <= HT_VIEW_INVERTED; kind++) {
		const char *name = ht_view_name((enum ht_view_kind)kind);
		size_t n = strlen(name);
		bool is_calls = kind == HT_VIEW_CALLERS || kind == HT_VIEW_CALLEES;

		if (strncmp(text, name, n) != 0 || text[n] != (is_calls ? ':' : '\0'))
			continue;
		o->kind = (enum ht_view_kind)kind;
		return !is_calls || (text[n + 1] && ht_frame_rules_add(&o->rules, HT_FRAME_FOCUS,
		                                                       text + n + 1, o->error));
	}
	return false;
}

bool ht_view_options_sort(struct ht_view_options *o, const char *text)
{
	const struct ht_metric *metric = ht_metric_find(text);

	o->is_by_total = o->is_by_total || strcmp(text, "total") == 0;
	o->is_by_self = o->is_by_self || strcmp(text, "self") == 0;
	if (strcmp(text, "total") == 0 || strcmp(text, "self") == 0)
		return true;
	o->choice.is_by_leak_age = strcmp(text, "age") == 0;
	if (o->choice.is_by_leak_age)
		return true;
	o->choice.has_sort = true;
	if (metric) {
		o->choice.sort = metric->value;
		return true;
	}
	for (int v = 0; v < HT_N_SITE_VALUES; v++) {
		if (strcmp(text, ht_site_value_name((enum ht_site_value)v)) == 0) {
			o->choice.sort = (enum ht_site_value)v;
			return true;
		}
	}
	return false;
}

/* A copy of what a filter says goes to text, which has what others said. */
static void add_text(struct ht_strbuf *text, const char *begin, size_t n)
{
	if (text->n_bytes > 0)
		ht_strbuf_add_char(text, ',');
	ht_strbuf_add(text, begin, n);
}

static bool add_block_condition(struct ht_view_options *o, const char *text, const char **ret_end)
{
	if (o->block_filter.n_bytes == 0)
		o->blocks = HT_BLOCK_FILTER_INIT;
	if (!ht_block_condition_add(&o->blocks, text, ret_end, o->error))
		return false;
	add_text(&o->block_filter, text, (size_t)(*ret_end - text));
	return true;
}

/* Conditions for frames, from text to the next one for blocks. */
static bool add_frame_conditions(struct ht_view_options *o, const char *text, const char **ret_end)
{
	const char *next = ht_block_condition_find(text);
	size_t n = next ? (size_t)(next - 1 - text) : strlen(text);
	char *copy = strndup(text, n);
	bool is_good = copy && ht_frame_rules_add_filter(&o->rules, copy, o->error);

	free(copy);
	if (is_good)
		add_text(&o->filter, text, n);
	*ret_end = text + n;
	return is_good;
}

bool ht_view_options_filter(struct ht_view_options *o, const char *text)
{
	for (;;) {
		const char *end;

		if (!(ht_block_condition_begins(text) ? add_block_condition(o, text, &end)
		                                      : add_frame_conditions(o, text, &end)))
			return false;
		if (!*end)
			return true;
		text = end + 1;
	}
}

struct ht_block_choice *ht_view_options_blocks(const struct ht_view_options *o,
                                               struct ht_trace_input *input, unsigned n_jobs)
{
	return o->block_filter.n_bytes == 0 ?
	               NULL :
	               ht_block_choice_new(input->file, &input->model, &o->blocks, n_jobs);
}

bool ht_view_options_suppressions(struct ht_view_options *o, const char *path)
{
	return ht_frame_rules_read_suppressions(&o->suppressions, path, o->error);
}

bool ht_view_options_frames(struct ht_view_options *o, uint32_t what, const char *regex)
{
	return ht_frame_rules_add(&o->rules, what, regex, o->error);
}

void ht_view_options_apply(struct ht_view_options *o, struct ht_report *report)
{
	const struct ht_site_table *table = &report->results->sites;

	if (!report->results->window.is_instant) {
		o->leaks = ht_leak_classes_new(report->model, table, report->symbolizer,
		                               &o->suppressions);
		report->leaks = &o->leaks;
	}
	report->choice = o->choice;
	report->rules = &o->rules;
	if (o->filter.n_bytes > 0) {
		o->is_shown =
		        ht_view_find_shown(report->model, table, report->symbolizer, &o->rules);
		report->choice.is_shown = o->is_shown;
		report->filter = ht_strbuf_str(&o->filter);
	}
	if (o->block_filter.n_bytes > 0)
		report->block_filter = ht_strbuf_str(&o->block_filter);
	if (o->kind == HT_VIEW_STACK)
		return;
	if (o->kind != HT_VIEW_CALLERS && o->kind != HT_VIEW_CALLEES)
		ht_frame_rules_add_usual_allocators(&o->rules);
	o->view = ht_view_new(o->kind, report->model, table, report->symbolizer, &o->rules,
	                      o->is_shown);
	o->view.is_by_total = !o->is_by_self && (o->is_by_total || o->view.is_by_total);
	report->view = &o->view;
}

void ht_view_options_done(struct ht_view_options *o)
{
	ht_leak_classes_done(&o->leaks);
	ht_frame_rules_done(&o->suppressions);
	free(o->is_shown);
	ht_strbuf_done(&o->filter);
	ht_strbuf_done(&o->block_filter);
	ht_frame_rules_done(&o->rules);
	ht_view_done(&o->view);
}
