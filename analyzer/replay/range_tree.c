/* SPDX-License-Identifier: MIT */
/* A treap: a search tree by start that is a heap by numbers that are as good as random. Analyzer. */
#include "analyzer/replay/range_tree.h"

#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>

struct ht_range_node {
	struct ht_range range;
	uint64_t priority;
	uint32_t left; /* 0: none */
	uint32_t right;
};

void ht_range_tree_done(struct ht_range_tree *tree)
{
	if (!tree)
		return;
	free(tree->nodes);
	free(tree->unused);
	*tree = (struct ht_range_tree){ 0 };
}

static uint32_t make_node(struct ht_range_tree *tree, const struct ht_range *range)
{
	uint32_t i;

	if (tree->n_unused > 0) {
		i = tree->unused[--tree->n_unused];
	} else {
		if (tree->n_nodes == 0)
			tree->n_nodes = 1;
		tree->nodes = ht_xalloc_grow(tree->nodes, &tree->capacity, tree->n_nodes + 1,
		                             sizeof(*tree->nodes));
		i = (uint32_t)tree->n_nodes++;
	}
	tree->nodes[i] = (struct ht_range_node){
		.range = *range,
		.priority = ht_u64_mix(++tree->n_priorities),
	};
	tree->n_bytes += range->end - range->start;
	return i;
}

static void drop_node(struct ht_range_tree *tree, uint32_t i)
{
	tree->unused = ht_xalloc_grow(tree->unused, &tree->unused_capacity, tree->n_unused + 1,
	                              sizeof(*tree->unused));
	tree->unused[tree->n_unused++] = i;
	tree->n_bytes -= tree->nodes[i].range.end - tree->nodes[i].range.start;
}

/* Ranges that start before addr, and the others. */
static void split(struct ht_range_tree *tree, uint32_t i, uint64_t addr, uint32_t *ret_low,
                  uint32_t *ret_high)
{
	while (i) {
		struct ht_range_node *node = &tree->nodes[i];

		if (node->range.start < addr) {
			*ret_low = i;
			ret_low = &node->right;
			i = node->right;
		} else {
			*ret_high = i;
			ret_high = &node->left;
			i = node->left;
		}
	}
	*ret_low = *ret_high = 0;
}

/* All ranges of low are before those of high. */
static uint32_t join(struct ht_range_tree *tree, uint32_t low, uint32_t high)
{
	uint32_t root = 0;
	uint32_t *at = &root;

	while (low && high) {
		if (tree->nodes[low].priority > tree->nodes[high].priority) {
			*at = low;
			at = &tree->nodes[low].right;
			low = *at;
		} else {
			*at = high;
			at = &tree->nodes[high].left;
			high = *at;
		}
	}
	*at = low ? low : high;
	return root;
}

void ht_range_tree_put(struct ht_range_tree *tree, const struct ht_range *range)
{
	uint32_t i = make_node(tree, range);
	uint32_t low, high;

	split(tree, tree->root, range->start, &low, &high);
	tree->root = join(tree, join(tree, low, i), high);
}

/* The last range of a tree that is not empty. */
static uint32_t last_of(const struct ht_range_tree *tree, uint32_t i)
{
	while (tree->nodes[i].right)
		i = tree->nodes[i].right;
	return i;
}

/* Cut the range that contains addr, if there is one and it does not start there. */
static void cut_at(struct ht_range_tree *tree, uint64_t addr)
{
	uint32_t low, high;

	split(tree, tree->root, addr, &low, &high);

	uint32_t last = low ? last_of(tree, low) : 0;

	if (last && tree->nodes[last].range.end > addr) {
		struct ht_range rest = tree->nodes[last].range;

		rest.start = addr;
		tree->n_bytes -= rest.end - addr;
		tree->nodes[last].range.end = addr;
		high = join(tree, make_node(tree, &rest), high);
	}
	tree->root = join(tree, low, high);
}

void ht_range_tree_take(struct ht_range_tree *tree, uint64_t start, uint64_t end, uint64_t limit,
                        ht_range_visit *gone, void *context)
{
	uint32_t low, middle, high, kept = 0;

	cut_at(tree, start);
	cut_at(tree, end);
	split(tree, tree->root, start, &low, &middle);
	split(tree, middle, end, &middle, &high);
	/* From the last one on, always the root's side: no recursion for what may be a hundred thousand. */
	while (middle) {
		uint32_t last = last_of(tree, middle), none;

		split(tree, middle, tree->nodes[last].range.start, &middle, &none);
		if (tree->nodes[last].range.sequence < limit) {
			if (gone)
				gone(context, &tree->nodes[last].range);
			drop_node(tree, last);
		} else {
			kept = join(tree, last, kept);
		}
	}
	tree->root = join(tree, join(tree, low, kept), high);
}

static void visit_node(const struct ht_range_tree *tree, uint32_t i, ht_range_visit *visit,
                       void *context)
{
	while (i) {
		visit_node(tree, tree->nodes[i].left, visit, context);
		visit(context, &tree->nodes[i].range);
		i = tree->nodes[i].right;
	}
}

void ht_range_tree_visit(const struct ht_range_tree *tree, ht_range_visit *visit, void *context)
{
	visit_node(tree, tree->root, visit, context);
}
