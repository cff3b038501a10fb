/* SPDX-License-Identifier: MIT */
/* Puts the nodes of a tree under their parents, the largest first. Analyzer, any thread. */
#ifndef HT_TREE_CHILD_H
#define HT_TREE_CHILD_H

#include "analyzer/base/compare.h"

struct ht_tree_child {
	uint32_t parent, node;
	uint64_t value;
};

/* For qsort: by parent, then the largest value first; equal ones in the order of their numbers. */
static inline int ht_tree_child_compare(const void *va, const void *vb)
{
	const struct ht_tree_child *a = va, *b = vb;

	if (a->parent != b->parent)
		return ht_compare_u64(a->parent, b->parent);
	if (a->value != b->value)
		return ht_compare_u64(b->value, a->value);
	return ht_compare_u64(a->node, b->node);
}

#endif
