/* SPDX-License-Identifier: MIT */
/* What a program may use, as users say it. Analyzer. */
#include "analyzer/report/budget_list.h"

#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/report/rule_file.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define BLANKS " \t\r\n"
#define KEY    "max-" /* what keys of limits begin with */

const char *ht_budget_key(enum ht_measure measure)
{
	static const char *const keys[HT_N_MEASURES] = { "max-peak", "max-leaked", "max-allocs",
		                                         "max-temporary", "max-allocated" };

	return keys[measure];
}

static bool parse_limit(const char *text, enum ht_measure measure,
                        struct ht_budget_limit *ret_limit)
{
	struct ht_budget_limit limit = { .measure = measure };

	if (measure == HT_MEASURE_TEMPORARY && strchr(text, '%')) {
		limit.is_part = true;
		if (!ht_measure_parse_part(text, &limit.value))
			return false;
	} else if (!ht_measure_parse_number(text, ht_measure_is_bytes(measure) ? 1024 : 1000,
	                                    &limit.value)) {
		return false;
	}
	*ret_limit = limit;
	return true;
}

static void put_limit(struct ht_budget_list *list, const struct ht_budget_limit *limit)
{
	list->limits = ht_xalloc_grow(list->limits, &list->limits_capacity, list->n_limits + 1,
	                              sizeof(*list->limits));
	list->limits[list->n_limits++] = *limit;
}

bool ht_budget_list_add(struct ht_budget_list *list, enum ht_measure measure, const char *text)
{
	struct ht_budget_limit limit;

	if (!parse_limit(text, measure, &limit))
		return false;
	for (size_t i = 0; i < list->n_limits; i++) {
		if (!list->limits[i].file && list->limits[i].measure == measure) {
			list->limits[i] = limit;
			return true;
		}
	}
	put_limit(list, &limit);
	return true;
}

/* Add the scope that a line begins with. */
static bool add_scope(struct ht_budget_list *list, const char *text,
                      char error[HT_RULE_ERROR_BYTES])
{
	struct ht_budget_scope scope = { 0 };
	struct ht_strbuf filter = { 0 };
	size_t n_kind = strspn(text, "abcdefghijklmnopqrstuvwxyz!");

	ht_strbuf_add(&filter, text, n_kind);
	if (text[n_kind] == ':')
		ht_strbuf_addf(&filter, "=%s", text + n_kind + 1);
	else
		ht_strbuf_add_str(&filter, text + n_kind);

	bool is_good = ht_frame_rules_add_filter(&scope.rules, ht_strbuf_str(&filter), error);

	ht_strbuf_done(&filter);
	if (!is_good) {
		ht_frame_rules_done(&scope.rules);
		return false;
	}
	scope.text = ht_xalloc_str(text);
	list->scopes = ht_xalloc_grow(list->scopes, &list->scopes_capacity, list->n_scopes + 1,
	                              sizeof(*list->scopes));
	list->scopes[list->n_scopes++] = scope;
	return true;
}

/* Where the first key of a line is: at a word that begins as keys do; NULL when there is none. */
static char *find_key(char *line)
{
	for (char *at = line; (at = strstr(at, KEY)) != NULL; at++) {
		if (at == line || strchr(BLANKS, at[-1]))
			return at;
	}
	return NULL;
}

static bool find_measure(const char *key, enum ht_measure *ret_measure)
{
	for (unsigned m = 0; m < HT_N_MEASURES; m++) {
		if (strcmp(key, ht_budget_key((enum ht_measure)m)) == 0) {
			*ret_measure = (enum ht_measure)m;
			return true;
		}
	}
	return false;
}

/* The limits of one line, without blanks around it and comments. */
static bool add_line(struct ht_budget_list *list, char *line, const char *path, uint32_t n_line,
                     char why[HT_RULE_ERROR_BYTES])
{
	char *key = find_key(line), *rest = NULL;

	if (!key) {
		snprintf(why, HT_RULE_ERROR_BYTES, "\"%.60s\" has no limit like max-leaked 0",
		         line);
		return false;
	}

	char *end = key;

	while (end > line && strchr(BLANKS, end[-1]))
		end--;

	bool has_scope = end > line && !(end - line == 3 && memcmp(line, "all", 3) == 0);
	char *word = strtok_r(key, BLANKS, &rest);

	if (has_scope)
		*end = '\0';
	if (has_scope && !add_scope(list, line, why))
		return false;
	for (; word; word = strtok_r(NULL, BLANKS, &rest)) {
		struct ht_budget_limit limit;
		enum ht_measure measure;
		char *value = strtok_r(NULL, BLANKS, &rest);

		if (!find_measure(word, &measure)) {
			snprintf(why, HT_RULE_ERROR_BYTES, "there is no limit \"%.40s\"", word);
			return false;
		}
		if (!value || !parse_limit(value, measure, &limit)) {
			snprintf(why, HT_RULE_ERROR_BYTES, "\"%.40s\" is no value for %s",
			         value ? value : "", word);
			return false;
		}
		limit.has_scope = has_scope;
		limit.i_scope = has_scope ? list->n_scopes - 1 : 0;
		limit.file = path;
		limit.line = n_line;
		put_limit(list, &limit);
	}
	return true;
}

/* Take off blanks around a line, and the comment: from a '#' on that begins it, or stands behind a blank. */
static char *strip(char *line)
{
	char *text = line + strspn(line, BLANKS);

	for (char *c = text; *c; c++) {
		if (*c == '#' && (c == text || strchr(BLANKS, c[-1]))) {
			*c = '\0';
			break;
		}
	}
	for (size_t n = strlen(text); n > 0 && strchr(BLANKS, text[n - 1]); n--)
		text[n - 1] = '\0';
	return text;
}

static bool read_line(void *context, char *line, const char *path, uint32_t n_line,
                      char why[HT_RULE_ERROR_BYTES])
{
	char *text = strip(line);

	return *text == '\0' || add_line(context, text, path, n_line, why);
}

bool ht_budget_list_read(struct ht_budget_list *list, const char *path,
                         char error[HT_RULE_ERROR_BYTES])
{
	return ht_rule_file_read(path, read_line, list, error);
}

void ht_budget_list_done(struct ht_budget_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->n_scopes; i++) {
		free(list->scopes[i].text);
		ht_frame_rules_done(&list->scopes[i].rules);
	}
	free(list->scopes);
	free(list->limits);
	*list = (struct ht_budget_list){ 0 };
}
