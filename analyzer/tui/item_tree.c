/* SPDX-License-Identifier: MIT */
/* Rows that stand below each other, open and close, and are sorted by a number. Analyzer, one thread. */
#include "analyzer/tui/item_tree.h"

#include "analyzer/base/tree_child.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>

void ht_item_tree_done(struct ht_item_tree *tree)
{
	if (!tree)
		return;
	free(tree->items);
	free(tree->children);
	free(tree->first);
	free(tree->lines);
	*tree = (struct ht_item_tree){ 0 };
}

uint32_t ht_item_tree_add(struct ht_item_tree *tree, struct ht_item item)
{
	tree->items = ht_xalloc_grow(tree->items, &tree->capacity, tree->n_items + 1,
	                             sizeof(*tree->items));
	tree->items[tree->n_items] = item;
	return (uint32_t)tree->n_items++;
}

void ht_item_tree_sort(struct ht_item_tree *tree, enum ht_site_value value, bool is_by_self)
{
	struct ht_tree_child *children = ht_xalloc_zeroed(tree->n_items, sizeof(*children));
	size_t n = 0;

	for (uint32_t i = 1; i < tree->n_items; i++) {
		const struct ht_item *item = &tree->items[i];

		if (!item->total)
			children[n++] = (struct ht_tree_child){ item->parent, i, 0 };
		else if (item->total[value] > 0)
			children[n++] = (struct ht_tree_child){ item->parent, i,
				                        is_by_self ? item->self[value]
				                                   : item->total[value] };
	}
	qsort(children, n, sizeof(*children), ht_tree_child_compare);
	tree->children = ht_xalloc_resize(tree->children, n + 1, sizeof(*tree->children));
	tree->first = ht_xalloc_resize(tree->first, tree->n_items + 1, sizeof(*tree->first));
	for (size_t i = 0; i < n; i++)
		tree->children[i] = children[i].node;
	for (size_t item = 0, i = 0; item <= tree->n_items; item++) {
		while (i < n && children[i].parent < item)
			i++;
		tree->first[item] = i;
	}
	free(children);
}

size_t ht_item_tree_n_children(const struct ht_item_tree *tree, uint32_t item)
{
	return tree->first[item + 1] - tree->first[item];
}

void ht_item_tree_set_open(struct ht_item_tree *tree, uint32_t item, bool is_open, bool is_deep)
{
	tree->items[item].is_open = is_open;
	if (is_deep) {
		/* Parents come before their children: one pass reaches all that is below. */
		bool *is_below = ht_xalloc_zeroed(tree->n_items, sizeof(*is_below));

		is_below[item] = true;
		for (uint32_t i = item + 1; i < tree->n_items; i++) {
			is_below[i] = is_below[tree->items[i].parent];
			if (is_below[i])
				tree->items[i].is_open = is_open;
		}
		free(is_below);
		return;
	}
	while (is_open && ht_item_tree_n_children(tree, item) == 1) {
		item = tree->children[tree->first[item]];
		tree->items[item].is_open = true;
	}
}

/* Where a walk is below an item of the path to where it is. */
struct level {
	size_t i, end; /* of the children */
	uint32_t indent;
};

/* All items in their order, or with is_listing only those that are to be seen. */
static void walk(struct ht_item_tree *tree, bool is_listing, struct ht_item_line **lines,
                 size_t *n_lines, size_t *capacity)
{
	struct level *levels = NULL;
	size_t n_open = 0, levels_capacity = 0;

	*n_lines = 0;
	if (tree->n_items == 0)
		return;
	levels = ht_xalloc_grow(levels, &levels_capacity, 1, sizeof(*levels));
	levels[n_open++] = (struct level){ tree->first[0], tree->first[1], 0 };
	while (n_open > 0) {
		struct level *level = &levels[n_open - 1];

		if (level->i == level->end) {
			n_open--;
			continue;
		}

		uint32_t item = tree->children[level->i++];
		uint32_t indent = level->indent;
		bool has_siblings = tree->first[item + 1] - tree->first[item] > 1;

		*lines = ht_xalloc_grow(*lines, capacity, *n_lines + 1, sizeof(**lines));
		(*lines)[(*n_lines)++] = (struct ht_item_line){ item, indent };
		if (is_listing && !tree->items[item].is_open)
			continue;
		levels = ht_xalloc_grow(levels, &levels_capacity, n_open + 1, sizeof(*levels));
		levels[n_open++] = (struct level){ tree->first[item], tree->first[item + 1],
			                           indent + has_siblings };
	}
	free(levels);
}

void ht_item_tree_list(struct ht_item_tree *tree)
{
	walk(tree, true, &tree->lines, &tree->n_lines, &tree->lines_capacity);
}

size_t ht_item_tree_line_of(const struct ht_item_tree *tree, uint32_t item)
{
	for (; item; item = tree->items[item].parent) {
		for (size_t i = 0; i < tree->n_lines; i++) {
			if (tree->lines[i].item == item)
				return i;
		}
	}
	return 0;
}

uint32_t ht_item_tree_find(struct ht_item_tree *tree, uint32_t from, bool is_backward,
                           bool (*matches)(void *context, const struct ht_item *item),
                           void *context)
{
	struct ht_item_line *all = NULL;
	size_t n, capacity = 0, start = 0;
	uint32_t found = 0;

	walk(tree, false, &all, &n, &capacity);
	for (size_t i = 0; i < n; i++) {
		if (all[i].item == from)
			start = i;
	}
	for (size_t step = 1; step <= n && !found; step++) {
		size_t i = is_backward ? (start + n - step) % n : (start + step) % n;

		if (matches(context, &tree->items[all[i].item]))
			found = all[i].item;
	}
	free(all);
	for (uint32_t i = tree->items[found].parent; found && i; i = tree->items[i].parent)
		tree->items[i].is_open = true;
	return found;
}
