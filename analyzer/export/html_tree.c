/* SPDX-License-Identifier: MIT */
/* The tree of stacks on the page, small enough to open at once whatever the trace. Analyzer. */
#include "analyzer/base/xalloc.h"
#include "analyzer/export/html_page.h"
#include "analyzer/report/leak_class.h"

#include <stdlib.h>

#define MAX_NODES 30000u

/* The values of a node on the page, in the order of the script's metrics. */
static const enum ht_site_value values[] = {
	HT_VALUE_AT_PEAK_BYTES, HT_VALUE_LEAKED_BYTES,          HT_VALUE_ALLOCATED_BYTES,
	HT_VALUE_ALLOCATIONS,   HT_VALUE_TEMPORARY_ALLOCATIONS, HT_VALUE_OWN_PEAK_BYTES,
};
#define N_VALUES (sizeof(values) / sizeof(*values))

struct ht_html_page ht_html_page_new(const struct ht_export *export, struct ht_json_writer *json)
{
	struct ht_html_page page = { .export = export,
		                     .json = json,
		                     .list = ht_frame_list_new(export->model, export->symbolizer) };

	page.tree = ht_frame_tree_build(&export->results->sites, page.list, false, NULL);
	page.shown_as = ht_xalloc_zeroed(page.tree.n_nodes, sizeof(*page.shown_as));
	return page;
}

void ht_html_page_done(struct ht_html_page *page)
{
	free(page->shown_as);
	ht_frame_tree_done(&page->tree);
	ht_frame_list_free(page->list);
}

uint32_t ht_html_page_node(const struct ht_html_page *page, uint32_t site)
{
	return page->shown_as[page->tree.node_of_site[site]];
}

void ht_html_put_array(struct ht_html_page *page, const char *key)
{
	ht_json_key(page->json, key);
	ht_json_begin_array(page->json);
}

static bool is_large(const struct ht_html_page *p, const struct ht_tree_node *node, double part)
{
	const struct ht_tree_node *root = &p->tree.nodes[0];

	for (size_t v = 0; v < N_VALUES; v++) {
		double whole = (double)root->total[values[v]];

		if (node->total[values[v]] > 0 && (double)node->total[values[v]] >= whole * part)
			return true;
	}
	return false;
}

/* The smallest part of a total that leaves few enough nodes. */
static double choose_min_part(const struct ht_html_page *p)
{
	double min_part = 0;
	size_t n;

	for (;; min_part = min_part > 0 ? min_part * 1.5 : 1e-7) {
		n = 0;
		for (size_t i = 1; i < p->tree.n_nodes; i++)
			n += is_large(p, &p->tree.nodes[i], min_part);
		if (n <= MAX_NODES || min_part > 0.1)
			return min_part;
	}
}

/* Nodes of the page: the tree's node of each, and for small ones that of the ancestor that they are below. */
struct shown {
	uint32_t *nodes;
	uint32_t n_large; /* the small ones come last */
	uint64_t n_small; /* nodes of the tree that are not shown by themselves */
};

static struct shown choose_nodes(struct ht_html_page *p, double min_part)
{
	const struct ht_tree_node *nodes = p->tree.nodes;
	size_t n_nodes = p->tree.n_nodes;
	uint32_t *small_child = ht_xalloc_zeroed(n_nodes, sizeof(*small_child));
	struct shown s = { .nodes = ht_xalloc_zeroed(2 * n_nodes + 1, sizeof(*s.nodes)) };

	p->n_shown = 1;
	for (size_t i = 1; i < n_nodes; i++) {
		if (is_large(p, &nodes[i], min_part)) {
			s.nodes[p->n_shown] = (uint32_t)i;
			p->shown_as[i] = p->n_shown++;
		}
	}
	s.n_large = p->n_shown;
	for (size_t i = 1; i < n_nodes; i++) {
		uint32_t ancestor = nodes[i].parent;

		if (p->shown_as[i])
			continue;
		s.n_small++;
		/* The parent of a small one is large, or stands for small ones already. */
		if (ancestor == 0 || p->shown_as[ancestor] < s.n_large) {
			if (!small_child[ancestor]) {
				s.nodes[p->n_shown] = ancestor;
				small_child[ancestor] = p->n_shown++;
			}
			p->shown_as[i] = small_child[ancestor];
		} else {
			p->shown_as[i] = p->shown_as[ancestor];
		}
	}
	free(small_child);
	return s;
}

/* The values of a column, added up by nodes of the page. */
static void put_values(struct ht_html_page *p, enum ht_site_value value)
{
	uint64_t *sums = ht_xalloc_zeroed(p->n_shown, sizeof(*sums));

	for (size_t i = 0; i < p->tree.n_nodes; i++)
		sums[p->shown_as[i]] += p->tree.nodes[i].self[value];
	ht_json_begin_array(p->json);
	for (uint32_t i = 0; i < p->n_shown; i++)
		ht_json_u64(p->json, sums[i]);
	ht_json_end_array(p->json);
	free(sums);
}

/*
 * Nodes as columns: parent, frame + 1 (0: the root, and small ones), and own values. A parent comes before its
 * children.
 */
static void put_nodes(struct ht_html_page *p, const struct shown *s)
{
	const struct ht_tree_node *nodes = p->tree.nodes;

	ht_html_put_array(p, "parent");
	for (uint32_t i = 0; i < p->n_shown; i++)
		ht_json_u64(p->json, i == 0           ? 0
		                     : i < s->n_large ? p->shown_as[nodes[s->nodes[i]].parent]
		                                      : p->shown_as[s->nodes[i]]);
	ht_json_end_array(p->json);
	ht_html_put_array(p, "frame");
	for (uint32_t i = 0; i < p->n_shown; i++)
		ht_json_u64(p->json,
		            i == 0 || i >= s->n_large ? 0 : (uint64_t)nodes[s->nodes[i]].frame + 1);
	ht_json_end_array(p->json);
	ht_html_put_array(p, "self");
	for (size_t v = 0; v < N_VALUES; v++)
		put_values(p, values[v]);
	ht_json_end_array(p->json);
}

/* Of what each node leaked, the bytes that the runtime keeps on purpose. */
static void put_runtime_leaks(struct ht_html_page *p)
{
	const struct ht_site_table *table = &p->export->results->sites;
	struct ht_leak_classes classes =
	        ht_leak_classes_new(p->export->model, table, p->export->symbolizer, NULL);
	uint64_t *leaked = ht_xalloc_zeroed(p->n_shown, sizeof(*leaked));

	for (size_t i = 0; i < table->n_sites; i++) {
		if (classes.of_site[i] == HT_LEAK_RUNTIME)
			leaked[ht_html_page_node(p, (uint32_t)i)] += table->sites[i].leaked_bytes;
	}
	ht_html_put_array(p, "runtimeLeaked");
	for (uint32_t i = 0; i < p->n_shown; i++)
		ht_json_u64(p->json, leaked[i]);
	ht_json_end_array(p->json);
	free(leaked);
	ht_leak_classes_done(&classes);
}

static void put_frames(struct ht_html_page *p, const struct shown *s)
{
	uint32_t n_frames = ht_frame_list_count(p->list);
	bool *is_shown = ht_xalloc_zeroed((size_t)n_frames + 1, sizeof(*is_shown));

	for (uint32_t i = 1; i < s->n_large; i++)
		is_shown[p->tree.nodes[s->nodes[i]].frame] = true;
	ht_html_put_array(p, "frames");
	for (uint32_t i = 0; i < n_frames; i++) {
		const struct ht_listed_frame *frame = ht_frame_list_get(p->list, i);

		ht_json_begin_array(p->json);
		if (!is_shown[i]) {
			ht_json_string(p->json, "");
			ht_json_end_array(p->json);
			continue;
		}
		ht_json_string(p->json, frame->label);
		ht_json_string(p->json, frame->name.file);
		ht_json_u64(p->json, frame->name.line);
		ht_json_string(p->json,
		               frame->name.module ? ht_base_name(frame->name.module) : NULL);
		ht_json_u64(p->json, frame->name.is_inlined);
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
	free(is_shown);
}

void ht_html_tree_put(struct ht_html_page *page)
{
	double min_part = choose_min_part(page);
	struct shown shown = choose_nodes(page, min_part);

	put_nodes(page, &shown);
	ht_json_put_u64(page->json, "smallNodes", shown.n_small);
	ht_json_put_double(page->json, "minPartPpm", min_part * 1e6);
	put_runtime_leaks(page);
	put_frames(page, &shown);
	free(shown.nodes);
}
