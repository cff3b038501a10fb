/* SPDX-License-Identifier: MIT */
/* What a program may use, as users say it: limits of the whole program, of functions, modules and files. Analyzer. */
#ifndef HT_BUDGET_LIST_H
#define HT_BUDGET_LIST_H

#include "analyzer/report/frame_rules.h"
#include "analyzer/report/measure.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What is allowed: a number, or a part of the allocations that it is about. */
struct ht_budget_limit {
	enum ht_measure measure;
	bool is_part;
	uint64_t value;   /* is_part: in thousandths of a percent */
	size_t i_scope;   /* of the list, when has_scope */
	bool has_scope;   /* else it is about the whole program */
	const char *file; /* where it was said; NULL: not in a file; as the caller gave it */
	uint32_t line;
};

/* The stacks that have such frames. */
struct ht_budget_scope {
	char *text; /* as it was written: "fn:parse" */
	struct ht_frame_rules rules;
};

/* All zero is empty; to be released with ht_budget_list_done. */
struct ht_budget_list {
	struct ht_budget_limit *limits;
	size_t n_limits;
	size_t limits_capacity;
	struct ht_budget_scope *scopes;
	size_t n_scopes;
	size_t scopes_capacity;
};

/* "max-peak" ...: how users name a limit. */
const char *ht_budget_key(enum ht_measure measure);

/*
 * Add a limit of the whole program: "512M", "80K" bytes (units of 1024), "2M" allocations (units of 1000), for temporary
 * ones also "10%" of all. A measure that has a limit of the whole program gets this one instead. False when text is no
 * such value.
 */
bool ht_budget_list_add(struct ht_budget_list *list, enum ht_measure measure, const char *text);

/*
 * Add the limits of a file: lines [SCOPE] KEY VALUE [KEY VALUE]..., empty ones, and comments behind '#'. A scope is a
 * filter as ht_frame_rules_add_filter() has it, in which ':' may stand for the first '='; "all", or none, is the whole
 * program. path must outlive the list. False, with why and where in error, when it cannot be read or says anything else.
 */
bool ht_budget_list_read(struct ht_budget_list *list, const char *path,
                         char error[HT_RULE_ERROR_BYTES]);

/* NULL is fine. */
void ht_budget_list_done(struct ht_budget_list *list);

#endif
