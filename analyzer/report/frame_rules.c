/* SPDX-License-Identifier: MIT */
/* What users say about frames: which to hide, which only allocate for others, which a stack must have. Analyzer. */
#include "analyzer/report/frame_rules.h"

#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/report/rule_file.h"

#include <regex.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum field { FUNCTION, MODULE, FILE_NAME, N_FIELDS };

static const char *const field_names[] = { "fn", "module", "file" };

struct ht_frame_rule {
	enum field field;
	uint32_t what;
	bool is_regex;
	regex_t regex;
	char *text; /* when it is no regex */
};

void ht_frame_rules_done(struct ht_frame_rules *rules)
{
	if (!rules)
		return;
	for (size_t i = 0; i < rules->n_rules; i++) {
		if (rules->rules[i].is_regex)
			regfree(&rules->rules[i].regex);
		free(rules->rules[i].text);
	}
	free(rules->rules);
	*rules = (struct ht_frame_rules){ 0 };
}

static bool add_regex(struct ht_frame_rules *rules, enum field field, uint32_t what,
                      const char *regex, char error[HT_RULE_ERROR_BYTES])
{
	struct ht_frame_rule rule = { .field = field, .what = what, .is_regex = true };
	int err = regcomp(&rule.regex, regex, REG_EXTENDED | REG_NOSUB);

	if (err) {
		char why[80];

		regerror(err, &rule.regex, why, sizeof(why));
		snprintf(error, HT_RULE_ERROR_BYTES, "\"%.60s\" is no regular expression: %s",
		         regex, why);
		return false;
	}
	rules->rules = ht_xalloc_grow(rules->rules, &rules->capacity, rules->n_rules + 1,
	                              sizeof(*rules->rules));
	rules->rules[rules->n_rules++] = rule;
	return true;
}

static void add_text(struct ht_frame_rules *rules, enum field field, uint32_t what,
                     const char *text)
{
	struct ht_frame_rule rule = { .field = field, .what = what };
	size_t n_bytes = strlen(text) + 1;

	rule.text = ht_xalloc(n_bytes);
	memcpy(rule.text, text, n_bytes);
	rules->rules = ht_xalloc_grow(rules->rules, &rules->capacity, rules->n_rules + 1,
	                              sizeof(*rules->rules));
	rules->rules[rules->n_rules++] = rule;
}

bool ht_frame_rules_add(struct ht_frame_rules *rules, uint32_t what, const char *regex,
                        char error[HT_RULE_ERROR_BYTES])
{
	return add_regex(rules, FUNCTION, what, regex, error);
}

bool ht_frame_rules_add_module(struct ht_frame_rules *rules, uint32_t what, const char *regex,
                               char error[HT_RULE_ERROR_BYTES])
{
	return add_regex(rules, MODULE, what, regex, error);
}

void ht_frame_rules_add_suppression(struct ht_frame_rules *rules, const char *pattern)
{
	struct ht_strbuf regex = { 0 };
	char error[HT_RULE_ERROR_BYTES];
	const char *p = pattern;

	if (*p == '^')
		ht_strbuf_add_char(&regex, *p++);
	for (; *p; p++) {
		if (*p == '*')
			ht_strbuf_add_str(&regex, ".*");
		else if (*p == '$' && p[1] == '\0')
			ht_strbuf_add_char(&regex, '$');
		else if (strchr(".[]()\\+?{}|^$", *p))
			ht_strbuf_addf(&regex, *p == '\\' || *p == '^' ? "\\%c" : "[%c]", *p);
		else
			ht_strbuf_add_char(&regex, *p);
	}
	for (int field = 0; field < N_FIELDS; field++) {
		if (!add_regex(rules, (enum field)field, HT_FRAME_SUPPRESSED, ht_strbuf_str(&regex),
		               error))
			abort();
	}
	ht_strbuf_done(&regex);
}

static bool read_suppression(void *context, char *line, const char *path, uint32_t n_line,
                             char why[HT_RULE_ERROR_BYTES])
{
	const char *text = line + strspn(line, " \t");

	(void)path;
	(void)n_line;
	if (*text == '\0' || *text == '#')
		return true;
	if (strncmp(text, "leak:", 5) != 0 || !text[5]) {
		snprintf(why, HT_RULE_ERROR_BYTES, "\"%.40s\" is no leak:PATTERN", text);
		return false;
	}
	ht_frame_rules_add_suppression(context, text + 5);
	return true;
}

bool ht_frame_rules_read_suppressions(struct ht_frame_rules *rules, const char *path,
                                      char error[HT_RULE_ERROR_BYTES])
{
	return ht_rule_file_read(path, read_suppression, rules, error);
}

void ht_frame_rules_add_usual_allocators(struct ht_frame_rules *rules)
{
	static const char *const usual[] = {
		"^operator new(\\[\\])?($|\\()",
		"^_Zn[aw]m",
		"^(std|__gnu_cxx)::(__1::|__cxx11::)?(__)?(new_allocator|allocator|allocator_"
		"traits)"
		"<.*>::allocate($|\\()",
		"^std::(__1::)?__libcpp_(operator_new|allocate)",
	};
	char error[HT_RULE_ERROR_BYTES];

	for (size_t i = 0; i < sizeof(usual) / sizeof(*usual); i++) {
		if (!ht_frame_rules_add(rules, HT_FRAME_ALLOCATOR, usual[i], error))
			abort();
	}
}

/* A condition begins at text: which, and where what it compares with begins; NULL when none does. */
static const char *begin_condition(const char *text, enum field *ret_field, bool *ret_is_regex,
                                   bool *ret_is_negated)
{
	for (int field = 0; field < N_FIELDS; field++) {
		size_t n = strlen(field_names[field]);

		if (strncmp(text, field_names[field], n) != 0)
			continue;
		const char *p = text + n;

		*ret_field = (enum field)field;
		*ret_is_negated = *p == '!';
		p += *p == '!';
		*ret_is_regex = *p == '~';
		if (*p == '~' || *p == '=')
			return p + 1;
	}
	return NULL;
}

/* Where the condition that began before text ends: at a comma with another one behind it. */
static const char *end_of_condition(const char *text)
{
	enum field field;
	bool is_regex, is_negated;

	for (; *text; text++) {
		if (*text == ',' && begin_condition(text + 1, &field, &is_regex, &is_negated))
			return text;
	}
	return text;
}

bool ht_frame_rules_add_filter(struct ht_frame_rules *rules, const char *text,
                               char error[HT_RULE_ERROR_BYTES])
{
	for (;;) {
		enum field field;
		bool is_regex, is_negated;
		const char *value = begin_condition(text, &field, &is_regex, &is_negated);

		if (!value || !*value) {
			snprintf(
			        error, HT_RULE_ERROR_BYTES,
			        "\"%.60s\" is no condition like fn~REGEX, module=NAME or file=NAME",
			        text);
			return false;
		}
		if (rules->n_conditions == HT_FRAME_MAX_CONDITIONS) {
			snprintf(error, HT_RULE_ERROR_BYTES, "more than %u conditions",
			         HT_FRAME_MAX_CONDITIONS);
			return false;
		}
		const char *end = end_of_condition(value);
		uint32_t what = HT_FRAME_CONDITION << rules->n_conditions++;
		char *copy = strndup(value, (size_t)(end - value));
		bool is_good = copy != NULL;

		if (is_negated)
			rules->negated |= what;
		if (is_good && is_regex)
			is_good = add_regex(rules, field, what, copy, error);
		else if (is_good)
			add_text(rules, field, what, copy);
		free(copy);
		if (!is_good || !*end)
			return is_good;
		text = end + 1;
	}
}

static bool ends_with(const char *text, const char *end)
{
	size_t n = strlen(text), n_end = strlen(end);

	return n >= n_end && strcmp(text + n - n_end, end) == 0;
}

static bool is_text_of(const char *text, const char *name, enum field field)
{
	size_t n = strlen(text);
	const char *slash = strrchr(name, '/');
	const char *last = slash ? slash + 1 : name;

	if (strcmp(text, name) == 0)
		return true;
	if (field == FUNCTION)
		return strncmp(text, name, n) == 0 && name[n] == '(';
	if (field == MODULE && ends_with(text, ".so") && strncmp(text, last, n) == 0 &&
	    last[n] == '.')
		return true;
	return strcmp(text, last) == 0;
}

uint32_t ht_frame_rules_of(const struct ht_frame_rules *rules, const struct ht_frame_name *frame)
{
	const char *names[] = { frame->function, frame->module, frame->file };
	uint32_t flags = 0;

	for (size_t i = 0; i < rules->n_rules; i++) {
		const struct ht_frame_rule *rule = &rules->rules[i];
		const char *name = names[rule->field];

		if (!name || (flags & rule->what))
			continue;
		if (rule->is_regex ? regexec(&rule->regex, name, 0, NULL, 0) == 0
		                   : is_text_of(rule->text, name, rule->field))
			flags |= rule->what;
	}
	return flags;
}

bool ht_frame_rules_hold(const struct ht_frame_rules *rules, uint32_t seen)
{
	uint32_t all = HT_FRAME_CONDITION * ((1u << rules->n_conditions) - 1);

	return ((seen ^ rules->negated) & all) == all;
}

size_t ht_frame_rules_n_allocators(const uint32_t *flags, size_t n)
{
	size_t i = 0;

	while (i + 1 < n && (flags[i] & HT_FRAME_ALLOCATOR))
		i++;
	return i;
}

void ht_frame_rules_strip(const struct ht_frame_rules *rules, struct ht_named_stack *stack)
{
	size_t n_kept = 0;
	bool is_inner = true; /* only allocators so far */

	if (!rules || rules->n_rules == 0)
		return;
	for (size_t i = 0; i < stack->n_frames; i++) {
		uint32_t flags = ht_frame_rules_of(rules, &stack->frames[i].name);

		is_inner = is_inner && (flags & HT_FRAME_ALLOCATOR) && i + 1 < stack->n_frames;
		if (!is_inner && !(flags & HT_FRAME_HIDDEN))
			stack->frames[n_kept++] = stack->frames[i];
	}
	stack->n_frames = n_kept;
}
