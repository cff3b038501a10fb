/* SPDX-License-Identifier: MIT */
/* Stacks that begin alike, put together: a tree of frames with sums. Analyzer, one thread at a time. */
#include "analyzer/report/frame_tree.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

static uint32_t add_node(struct ht_frame_tree *tree, uint32_t parent, uint32_t frame)
{
	struct ht_tree_node *node;

	tree->nodes = ht_xalloc_grow(tree->nodes, &tree->capacity, tree->n_nodes + 1,
	                             sizeof(*tree->nodes));
	node = &tree->nodes[tree->n_nodes];
	memset(node, 0, sizeof(*node));
	node->frame = frame;
	node->parent = parent;
	return (uint32_t)tree->n_nodes++;
}

static uint32_t need_child(struct ht_frame_tree *tree, uint32_t parent, uint32_t frame)
{
	uint64_t *child = ht_u64_map_put(&tree->child_of, (uint64_t)parent << 32 | frame);

	if (*child == 0) {
		*child = add_node(tree, parent, frame);
		tree->nodes[parent].n_children++;
	}
	return (uint32_t)*child;
}

struct ht_frame_tree ht_frame_tree_build(const struct ht_site_table *table,
                                         struct ht_frame_list *list, bool is_inverted,
                                         const bool *is_shown)
{
	struct ht_frame_tree tree = { 0 };

	tree.node_of_site = ht_xalloc_zeroed(table->n_sites, sizeof(*tree.node_of_site));
	add_node(&tree, 0, UINT32_MAX);
	for (size_t i = 0; i < table->n_sites; i++) {
		if (is_shown && !is_shown[i])
			continue;

		size_t n;
		const uint32_t *ids = ht_frame_list_stack(list, table->sites[i].stack, &n);
		uint32_t node = 0;

		for (size_t k = 0; k < n; k++)
			node = need_child(&tree, node, ids[is_inverted ? k : n - 1 - k]);
		tree.node_of_site[i] = node;
		tree.nodes[node].n_stacks++;
		for (int v = 0; v < HT_N_SITE_VALUES; v++)
			tree.nodes[node].self[v] +=
			        ht_site_value_of(&table->sites[i], (enum ht_site_value)v);
	}
	/* Children come after their parents. */
	for (size_t i = tree.n_nodes; i-- > 0;) {
		struct ht_tree_node *node = &tree.nodes[i];

		for (int v = 0; v < HT_N_SITE_VALUES; v++) {
			node->total[v] += node->self[v];
			if (i > 0)
				tree.nodes[node->parent].total[v] += node->total[v];
		}
	}
	return tree;
}

void ht_frame_tree_done(struct ht_frame_tree *tree)
{
	if (!tree)
		return;
	free(tree->nodes);
	free(tree->node_of_site);
	ht_u64_map_done(&tree->child_of);
	*tree = (struct ht_frame_tree){ 0 };
}
