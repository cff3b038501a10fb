/* SPDX-License-Identifier: MIT */
/* Stacks that begin alike, put together: a tree of frames with sums. Analyzer, one thread at a time. */
#ifndef HT_FRAME_TREE_H
#define HT_FRAME_TREE_H

#include "analyzer/base/u64_map.h"
#include "analyzer/report/frame_list.h"
#include "analyzer/report/site_value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of the stacks that end at this node, in self; of those that go through it as well, in total. */
struct ht_tree_node {
	uint32_t frame;
	uint32_t parent;   /* index, less than the node's own; the root is its own parent */
	uint32_t n_stacks; /* that end here */
	uint32_t n_children;
	uint64_t self[HT_N_SITE_VALUES];
	uint64_t total[HT_N_SITE_VALUES];
};

/* Node 0 is the root and has no frame. All zero is an empty tree without it. */
struct ht_frame_tree {
	struct ht_tree_node *nodes;
	size_t n_nodes;
	size_t capacity;
	struct ht_u64_map child_of;
	uint32_t *node_of_site; /* where the stack of a site ends */
};

/*
 * The stacks of all sites, with all their values: outermost frames next to the root, or with is_inverted
 * innermost. Sites that is_shown (NULL: all) says false of are left out. To be released with ht_frame_tree_done.
 */
struct ht_frame_tree ht_frame_tree_build(const struct ht_site_table *table,
                                         struct ht_frame_list *list, bool is_inverted,
                                         const bool *is_shown);

/* NULL is fine. */
void ht_frame_tree_done(struct ht_frame_tree *tree);

#endif
