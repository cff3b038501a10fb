/* SPDX-License-Identifier: MIT */
/* The results of a trace as items to browse: trees of calls, tables of functions and places, the report. Analyzer, one thread. */
#ifndef HT_ITEM_VIEWS_H
#define HT_ITEM_VIEWS_H

#include "analyzer/agg/results.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/report/frame_list.h"
#include "analyzer/report/frame_tree.h"
#include "analyzer/report/view.h"
#include "analyzer/symbols/symbolizer.h"
#include "analyzer/tui/item_tree.h"

enum ht_item_view_kind {
	HT_ITEMS_TREE = 0, /* from the outermost function down */
	HT_ITEMS_INVERTED,
	HT_ITEMS_FUNCTIONS,
	HT_ITEMS_FILES,
	HT_ITEMS_MODULES,
	HT_ITEMS_PLACES, /* each with its stack */
	HT_ITEMS_REPORT, /* as text */
	HT_N_ITEM_VIEWS,
};

/* All zero is none. */
struct ht_item_view {
	struct ht_item_tree tree;
	const struct ht_frame_list *list; /* what its frames are numbers of; NULL: it has none */

	/* What the items point to. */
	struct ht_frame_list *own_list;
	struct ht_frame_tree frames;
	struct ht_view rows;
	uint64_t (*values)[HT_N_SITE_VALUES];
	char *text;
};

/*
 * Everything must outlive the view but text, the report of HT_ITEMS_REPORT, which it takes over. To be released with
 * ht_item_view_done.
 */
void ht_item_view_init(struct ht_item_view *view, enum ht_item_view_kind kind,
                       const struct ht_trace_model *model, const struct ht_results *results,
                       struct ht_symbolizer *symbolizer, char *text);

/* NULL is fine. */
void ht_item_view_done(struct ht_item_view *view);

#endif
