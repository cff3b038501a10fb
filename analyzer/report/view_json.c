/* SPDX-License-Identifier: MIT */
/* The rows or nodes of a view as JSON. Analyzer. */
#include "analyzer/report/view_json.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/report/view.h"

#include <stdlib.h>

static void put_values(struct ht_json_writer *json, const char *key,
                       const uint64_t values[HT_N_SITE_VALUES])
{
	ht_json_key(json, key);
	ht_json_begin_object(json);
	for (int v = 0; v < HT_N_SITE_VALUES; v++) {
		if (v != HT_VALUE_OWN_PEAK_BYTES)
			ht_json_put_u64(json, ht_site_value_name((enum ht_site_value)v), values[v]);
	}
	ht_json_end_object(json);
}

static void put_name(struct ht_json_writer *json, const struct ht_view *view, uint32_t frame)
{
	const struct ht_frame_name *name = &ht_frame_list_get(view->list, frame)->name;

	ht_json_put_string(json, "name", ht_frame_list_get(view->list, frame)->label);
	ht_json_put_string(json, "function", name->function);
	ht_json_put_string(json, "file", name->file);
	ht_json_put_string(json, "module", name->module);
}

static void put_rows(struct ht_json_writer *json, const struct ht_report *report,
                     enum ht_site_value value)
{
	const struct ht_view *view = report->view;
	bool has_self = view->kind != HT_VIEW_CALLERS && view->kind != HT_VIEW_CALLEES;
	size_t n;
	const struct ht_view_row **rows = ht_view_rank(view, value, &n);

	ht_json_put_u64(json, "n_rows", n);
	ht_json_key(json, "rows");
	ht_json_begin_array(json);
	for (size_t i = 0; i < n && i < report->n_top; i++) {
		ht_json_begin_object(json);
		put_name(json, view, rows[i]->frame);
		if (has_self)
			put_values(json, "self", rows[i]->self);
		put_values(json, "total", rows[i]->total);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
	free(rows);
}

static void put_nodes(struct ht_json_writer *json, const struct ht_report *report,
                      enum ht_site_value value)
{
	const struct ht_view *view = report->view;
	size_t n;
	struct ht_view_place *places = ht_view_walk(view, value, 0, report->n_top, SIZE_MAX, &n);

	ht_json_key(json, "nodes");
	ht_json_begin_array(json);
	for (size_t i = 0; i < n; i++) {
		const struct ht_tree_node *node = &view->tree.nodes[places[i].node];

		if (places[i].n_hidden)
			continue;
		ht_json_begin_object(json);
		ht_json_put_u64(json, "node", places[i].node);
		ht_json_key(json, "parent");
		if (places[i].depth > 0)
			ht_json_u64(json, node->parent);
		else
			ht_json_null(json);
		put_name(json, view, node->frame);
		put_values(json, "self", node->self);
		put_values(json, "total", node->total);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
	free(places);
}

void ht_view_json(struct ht_json_writer *json, const struct ht_report *report,
                  enum ht_site_order order)
{
	enum ht_site_value value = ht_view_value(order, &report->choice);

	if (ht_view_is_tree(report->view))
		put_nodes(json, report, value);
	else
		put_rows(json, report, value);
}
