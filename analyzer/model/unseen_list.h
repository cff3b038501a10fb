/* SPDX-License-Identifier: MIT */
/* What a recording knew that it could not see. Analyzer. */
#ifndef HT_UNSEEN_LIST_H
#define HT_UNSEEN_LIST_H

#include "analyzer/base/arena.h"

#include <heaptide/trace_codec.h>
#include <heaptide/trace_format.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_unseen_item {
	enum ht_unseen_kind kind;
	uint64_t n;
	const char *path;
	const char *detail;
};

/* All zero is an empty list. Strings live in the arena. */
struct ht_unseen_list {
	struct ht_arena arena;
	struct ht_unseen_item *items;
	size_t n_items; /* but for OPERATORS, which hide nothing */
	size_t capacity;
	const char **operators; /* paths of files that have some */
	size_t n_operators;
	size_t operators_capacity;
};

void ht_unseen_list_done(struct ht_unseen_list *list);

/* Take the body of an UNSEEN block. False at an impossible value; what came before it stays. */
bool ht_unseen_list_add(struct ht_unseen_list *list, struct ht_get *get, uint64_t n_items);

#endif
