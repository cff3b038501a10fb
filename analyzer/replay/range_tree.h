/* SPDX-License-Identifier: MIT */
/* Ranges of addresses that do not overlap, of one process: which are mapped, and by whom. Analyzer. */
#ifndef HT_RANGE_TREE_H
#define HT_RANGE_TREE_H

#include <stddef.h>
#include <stdint.h>

/* [start, end), not empty. What the other numbers mean is the caller's affair. */
struct ht_range {
	uint64_t start;
	uint64_t end;
	uint64_t sequence;
	uint32_t site;
	uint32_t kind;
};

/* All zero is an empty tree. */
struct ht_range_tree {
	struct ht_range_node *nodes; /* from index 1 on */
	size_t n_nodes;
	size_t capacity;
	uint32_t root; /* 0: none */
	uint32_t n_priorities;
	uint32_t *unused; /* indices of nodes */
	size_t n_unused;
	size_t unused_capacity;
	uint64_t n_bytes; /* in all ranges */
};

void ht_range_tree_done(struct ht_range_tree *tree);

/* What is called with ranges. They may not be changed, nor the tree. */
typedef void ht_range_visit(void *context, const struct ht_range *range);

/* Add a range, which must not overlap another. O(log n). */
void ht_range_tree_put(struct ht_range_tree *tree, const struct ht_range *range);

/*
 * Take out what lies in [start, end) and has a sequence below limit; ranges at its borders are cut. gone, which may be
 * NULL, gets the parts that go. O(log n) and the ranges in between.
 */
void ht_range_tree_take(struct ht_range_tree *tree, uint64_t start, uint64_t end, uint64_t limit,
                        ht_range_visit *gone, void *context);

/* All ranges in order of addresses. */
void ht_range_tree_visit(const struct ht_range_tree *tree, ht_range_visit *visit, void *context);

#endif
