/* SPDX-License-Identifier: MIT */
/* The results of a trace as items to browse. Analyzer, one thread. */
#include "analyzer/tui/item_views.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

static const struct ht_item root = { .frame = HT_ITEM_NO_FRAME, .is_open = true, .text = "" };

/* Items as the nodes of the tree. Lines of source count: the editor is to open there. */
static void add_frame_tree(struct ht_item_view *view, const struct ht_results *results,
                           bool is_inverted)
{
	view->frames = ht_frame_tree_build(&results->sites, view->own_list, is_inverted, NULL);
	for (size_t i = 1; i < view->frames.n_nodes; i++) {
		const struct ht_tree_node *node = &view->frames.nodes[i];

		ht_item_tree_add(&view->tree, (struct ht_item){ .parent = node->parent,
		                                                .frame = node->frame,
		                                                .self = node->self,
		                                                .total = node->total });
	}
}

static void add_rows(struct ht_item_view *view)
{
	for (size_t i = 0; i < view->rows.n_rows; i++) {
		const struct ht_view_row *row = &view->rows.rows[i];

		ht_item_tree_add(&view->tree, (struct ht_item){ .frame = row->frame,
		                                                .self = row->self,
		                                                .total = row->total });
	}
}

static void add_places(struct ht_item_view *view, const struct ht_results *results)
{
	const struct ht_site_table *table = &results->sites;

	view->values = ht_xalloc_zeroed(table->n_sites, sizeof(*view->values));
	for (size_t i = 0; i < table->n_sites; i++) {
		size_t n;
		const uint32_t *ids =
		        ht_frame_list_stack(view->own_list, table->sites[i].stack, &n);

		for (int v = 0; v < HT_N_SITE_VALUES; v++)
			view->values[i][v] =
			        ht_site_value_of(&table->sites[i], (enum ht_site_value)v);

		uint32_t place =
		        ht_item_tree_add(&view->tree, (struct ht_item){ .frame = ids[0],
		                                                        .self = view->values[i],
		                                                        .total = view->values[i] });

		for (size_t k = 1; k < n; k++)
			ht_item_tree_add(&view->tree,
			                 (struct ht_item){ .parent = place, .frame = ids[k] });
	}
}

static void add_text(struct ht_item_view *view, char *text)
{
	view->text = text;
	for (char *line = text, *end; *line; line = end + 1) {
		end = strchr(line, '\n');
		if (end)
			*end = '\0';
		ht_item_tree_add(&view->tree,
		                 (struct ht_item){ .frame = HT_ITEM_NO_FRAME, .text = line });
		if (!end)
			break;
	}
}

void ht_item_view_init(struct ht_item_view *view, enum ht_item_view_kind kind,
                       const struct ht_trace_model *model, const struct ht_results *results,
                       struct ht_symbolizer *symbolizer, char *text)
{
	static const enum ht_view_kind row_kinds[] = { [HT_ITEMS_FUNCTIONS] = HT_VIEW_FUNCTION,
		                                       [HT_ITEMS_FILES] = HT_VIEW_FILE,
		                                       [HT_ITEMS_MODULES] = HT_VIEW_MODULE };

	*view = (struct ht_item_view){ 0 };
	ht_item_tree_add(&view->tree, root);
	switch (kind) {
	case HT_ITEMS_TREE:
	case HT_ITEMS_INVERTED:
	case HT_ITEMS_PLACES:
		view->list = view->own_list = ht_frame_list_new(model, symbolizer);
		if (kind == HT_ITEMS_PLACES)
			add_places(view, results);
		else
			add_frame_tree(view, results, kind == HT_ITEMS_INVERTED);
		break;
	case HT_ITEMS_FUNCTIONS:
	case HT_ITEMS_FILES:
	case HT_ITEMS_MODULES:
		view->rows = ht_view_new(row_kinds[kind], model, &results->sites, symbolizer, NULL,
		                         NULL);
		view->list = view->rows.list;
		add_rows(view);
		break;
	case HT_ITEMS_REPORT: add_text(view, text); break;
	case HT_N_ITEM_VIEWS: break;
	}
}

void ht_item_view_done(struct ht_item_view *view)
{
	if (!view)
		return;
	ht_item_tree_done(&view->tree);
	ht_frame_tree_done(&view->frames);
	ht_view_done(&view->rows);
	ht_frame_list_free(view->own_list);
	free(view->values);
	free(view->text);
	*view = (struct ht_item_view){ 0 };
}
