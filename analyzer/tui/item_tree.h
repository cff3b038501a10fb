/* SPDX-License-Identifier: MIT */
/* Rows that stand below each other, open and close, and are sorted by a number: what a browser lists. Analyzer, one thread. */
#ifndef HT_ITEM_TREE_H
#define HT_ITEM_TREE_H

#include "analyzer/report/site_value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HT_ITEM_NO_FRAME UINT32_MAX

/* Item 0 is the root, which is not listed. Numbers and text belong to the caller, and outlive the tree. */
struct ht_item {
	uint32_t parent; /* index, less than the item's own */
	uint32_t frame;  /* of the frame list, or HT_ITEM_NO_FRAME */
	bool is_open;
	const char *text;      /* without a frame */
	const uint64_t *self;  /* HT_N_SITE_VALUES each; NULL: no numbers, and the place among */
	const uint64_t *total; /* its siblings is that in which they were added */
};

/* An item where it is to be seen. */
struct ht_item_line {
	uint32_t item;
	uint32_t indent; /* how many items above it have more than one below */
};

/* All zero is an empty tree without a root. */
struct ht_item_tree {
	struct ht_item *items;
	size_t n_items;
	size_t capacity;
	uint32_t *children; /* of item i, in order: from first[i] up to first[i + 1] */
	size_t *first;
	struct ht_item_line *lines;
	size_t n_lines;
	size_t lines_capacity;
};

/* NULL is fine. */
void ht_item_tree_done(struct ht_item_tree *tree);

/* Add an item, the root first; its index. Items may move. */
uint32_t ht_item_tree_add(struct ht_item_tree *tree, struct ht_item item);

/* Put children into the order of a value, the largest first; those whose total is 0 are none. */
void ht_item_tree_sort(struct ht_item_tree *tree, enum ht_site_value value, bool is_by_self);

/* How many children there are, as sorted. */
size_t ht_item_tree_n_children(const struct ht_item_tree *tree, uint32_t item);

/* Open or close an item and, when is_deep, all below it. An only child is opened with its parent. */
void ht_item_tree_set_open(struct ht_item_tree *tree, uint32_t item, bool is_open, bool is_deep);

/* Make lines what is to be seen: children of the root, and of what is open. */
void ht_item_tree_list(struct ht_item_tree *tree);

/* The line of an item, or of what it is closed in; 0 when there is none. */
size_t ht_item_tree_line_of(const struct ht_item_tree *tree, uint32_t item);

/*
 * The first item after `from` (before it: is_backward), closed ones too, that matches says yes to; all around up to from
 * itself. Everything it is in is opened. 0: there is none.
 */
uint32_t ht_item_tree_find(struct ht_item_tree *tree, uint32_t from, bool is_backward,
                           bool (*matches)(void *context, const struct ht_item *item),
                           void *context);

#endif
