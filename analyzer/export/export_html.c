/* SPDX-License-Identifier: MIT */
/* The report as one HTML file: page, style and script from html/, and what they show as JSON. Analyzer. */
#include "config.h"

#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/export/export.h"
#include "analyzer/export/timeline.h"
#include "analyzer/export/window_cells.h"
#include "analyzer/report/frame_tree.h"
#include "analyzer/report/json_writer.h"
#include "analyzer/report/leak_class.h"
#include "analyzer/report/report.h"

#include "analyzer/export/html_files.inc"

#include <stdlib.h>
#include <string.h>

/* What keeps a page small enough to open at once, whatever the trace. */
#define MAX_NODES  30000u
#define MAX_POINTS 600u
#define MAX_CELLS  100000u

/* The values of a node on the page, in the order of the script's metrics. */
static const enum ht_site_value values[] = {
	HT_VALUE_AT_PEAK_BYTES, HT_VALUE_LEAKED_BYTES,          HT_VALUE_ALLOCATED_BYTES,
	HT_VALUE_ALLOCATIONS,   HT_VALUE_TEMPORARY_ALLOCATIONS, HT_VALUE_OWN_PEAK_BYTES,
};
#define N_VALUES (sizeof(values) / sizeof(*values))

struct page {
	const struct ht_export *export;
	struct ht_frame_list *list;
	struct ht_frame_tree tree;
	struct ht_json_writer *json;
	/*
	 * What a node of the tree is on the page; 0 (which for all but the root means none) until known. Nodes that
	 * are too small share one "[small ones]" below their nearest ancestor that is not.
	 */
	uint32_t *shown_as;
	uint32_t *small_child; /* of a node: the number of its "[small ones]" on the page, or 0 */
	uint32_t n_shown;
	bool *is_frame_shown;
	uint64_t n_small; /* nodes that are not shown by themselves */
	double min_part;  /* of a total, to be shown */
};

static bool is_large(const struct page *p, const struct ht_tree_node *node, double part)
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
static void choose_min_part(struct page *p)
{
	size_t n;

	for (p->min_part = 0;; p->min_part = p->min_part > 0 ? p->min_part * 1.5 : 1e-7) {
		n = 0;
		for (size_t i = 1; i < p->tree.n_nodes; i++)
			n += is_large(p, &p->tree.nodes[i], p->min_part);
		if (n <= MAX_NODES || p->min_part > 0.1)
			return;
	}
}

static void put_key_array(struct page *p, const char *key)
{
	ht_json_key(p->json, key);
	ht_json_begin_array(p->json);
}

/*
 * Nodes as columns: parent, frame (-1: small ones), and own values. A parent comes before its children; the
 * small ones come last.
 */
static void put_nodes(struct page *p)
{
	const struct ht_tree_node *nodes = p->tree.nodes;
	size_t n_nodes = p->tree.n_nodes;
	uint64_t(*self)[N_VALUES] = ht_xalloc_zeroed(2 * n_nodes + 1, sizeof(*self));
	uint32_t *shown = ht_xalloc_zeroed(2 * n_nodes + 1, sizeof(*shown));

	p->n_shown = 1;
	for (size_t i = 1; i < n_nodes; i++) {
		if (is_large(p, &nodes[i], p->min_part)) {
			p->is_frame_shown[nodes[i].frame] = true;
			shown[p->n_shown] = (uint32_t)i;
			p->shown_as[i] = p->n_shown++;
		}
	}

	uint32_t n_large = p->n_shown;

	for (size_t i = 1; i < n_nodes; i++) {
		uint32_t ancestor = nodes[i].parent;

		if (p->shown_as[i])
			continue;
		p->n_small++;
		/* The parent of a small one is large, or stands for small ones already. */
		if (ancestor == 0 || p->shown_as[ancestor] < n_large) {
			if (!p->small_child[ancestor]) {
				shown[p->n_shown] = ancestor;
				p->small_child[ancestor] = p->n_shown++;
			}
			p->shown_as[i] = p->small_child[ancestor];
		} else {
			p->shown_as[i] = p->shown_as[ancestor];
		}
	}
	for (size_t i = 0; i < n_nodes; i++) {
		for (size_t v = 0; v < N_VALUES; v++)
			self[p->shown_as[i]][v] += nodes[i].self[values[v]];
	}

	put_key_array(p, "parent");
	for (uint32_t i = 0; i < p->n_shown; i++)
		ht_json_u64(p->json, i == 0        ? 0
		                     : i < n_large ? p->shown_as[nodes[shown[i]].parent]
		                                   : p->shown_as[shown[i]]);
	ht_json_end_array(p->json);
	put_key_array(p, "frame"); /* 0: small ones; else frame + 1 */
	for (uint32_t i = 0; i < p->n_shown; i++)
		ht_json_u64(p->json,
		            i == 0 || i >= n_large ? 0 : (uint64_t)nodes[shown[i]].frame + 1);
	ht_json_end_array(p->json);
	put_key_array(p, "self");
	for (size_t v = 0; v < N_VALUES; v++) {
		ht_json_begin_array(p->json);
		for (uint32_t i = 0; i < p->n_shown; i++)
			ht_json_u64(p->json, self[i][v]);
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
	ht_json_put_u64(p->json, "smallNodes", p->n_small);
	ht_json_put_double(p->json, "minPartPpm", p->min_part * 1e6);
	free(self);
	free(shown);
}

/* Of what each node leaked, the bytes that the runtime keeps on purpose. */
static void put_runtime_leaks(struct page *p)
{
	const struct ht_site_table *table = &p->export->results->sites;
	struct ht_leak_classes classes =
	        ht_leak_classes_new(p->export->model, table, p->export->symbolizer, NULL);
	uint64_t *leaked = ht_xalloc_zeroed(p->n_shown, sizeof(*leaked));

	for (size_t i = 0; i < table->n_sites; i++) {
		if (classes.of_site[i] == HT_LEAK_RUNTIME)
			leaked[p->shown_as[p->tree.node_of_site[i]]] +=
			        table->sites[i].leaked_bytes;
	}
	put_key_array(p, "runtimeLeaked");
	for (uint32_t i = 0; i < p->n_shown; i++)
		ht_json_u64(p->json, leaked[i]);
	ht_json_end_array(p->json);
	free(leaked);
	ht_leak_classes_done(&classes);
}

static void put_frames(struct page *p)
{
	put_key_array(p, "frames");
	for (uint32_t i = 0; i < ht_frame_list_count(p->list); i++) {
		const struct ht_listed_frame *frame = ht_frame_list_get(p->list, i);

		ht_json_begin_array(p->json);
		if (!p->is_frame_shown[i]) {
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
}

/* Put cells of one node and one of the n_parts parts together. Returns how many are left. */
static size_t merge_cells(const struct page *p, const struct ht_window_cells *all, uint32_t n_each,
                          struct ht_window_cell *merged)
{
	struct ht_u64_map index_of = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < all->n_cells; i++) {
		const struct ht_window_cell *c = &all->cells[i];
		uint32_t node = p->shown_as[p->tree.node_of_site[c->site]];
		uint32_t part = c->part / n_each;
		uint64_t *index = ht_u64_map_put(&index_of, (uint64_t)node << 32 | part);

		if (*index == 0) {
			merged[n] = (struct ht_window_cell){ .site = node, .part = part };
			*index = ++n;
		}

		struct ht_window_cell *sum = &merged[*index - 1];

		sum->n_allocations += c->n_allocations;
		sum->allocated_bytes += c->allocated_bytes;
		sum->live_bytes += c->live_bytes;
		sum->leaked_bytes += c->leaked_bytes;
		sum->n_temporary += c->n_temporary;
	}
	ht_u64_map_done(&index_of);
	return n;
}

/* Columns of numbers of cells: node, part, allocations, bytes, change of live bytes, leaked, temporary. */
static void put_cells(struct page *p, const struct ht_window_cells *all)
{
	struct ht_window_cell *cells = ht_xalloc_zeroed(all->n_cells + 1, sizeof(*cells));
	uint32_t n_each = 1;
	size_t n = merge_cells(p, all, n_each, cells);

	/* Longer parts where there are too many of them. */
	while (n > MAX_CELLS && n_each < HT_N_CELL_PARTS) {
		n_each *= 2;
		n = merge_cells(p, all, n_each, cells);
	}
	put_key_array(p, "cells");
	for (int column = 0; column < 7; column++) {
		ht_json_begin_array(p->json);
		for (size_t i = 0; i < n; i++) {
			const struct ht_window_cell *c = &cells[i];
			const int64_t numbers[] = {
				c->site,
				c->part,
				(int64_t)c->n_allocations,
				(int64_t)c->allocated_bytes,
				c->live_bytes,
				(int64_t)c->leaked_bytes,
				(int64_t)c->n_temporary,
			};

			ht_json_i64(p->json, numbers[column]);
		}
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
	ht_json_put_u64(p->json, "partNs", all->part_ns * n_each);
	ht_json_put_u64(p->json, "nParts", (HT_N_CELL_PARTS + n_each - 1) / n_each);
	free(cells);
}

static void put_magnitudes(struct page *p, const char *key, const uint64_t *counts)
{
	put_key_array(p, key);
	for (unsigned i = 0; i < HT_N_MAGNITUDES; i++)
		ht_json_u64(p->json, counts[i]);
	ht_json_end_array(p->json);
}

static void put_percentiles(struct page *p, const char *key, const struct ht_percentiles *q,
                            const struct ht_tick_clock *clock)
{
	const uint64_t numbers[] = { q->p50, q->p90, q->p99, q->p999, q->max };

	put_key_array(p, key);
	for (size_t i = 0; q->n > 0 && i < 5; i++)
		ht_json_u64(p->json, clock ? ht_tick_clock_span_ns(clock, numbers[i]) : numbers[i]);
	ht_json_end_array(p->json);
}

/* What the page can show of marks; it says how many there are. */
#define MAX_MARKS 500u

static void put_marks(struct page *p)
{
	const struct ht_trace_model *model = p->export->model;

	put_key_array(p, "marks"); /* when, label */
	for (size_t i = 0; i < model->marks.n_marks && i < MAX_MARKS; i++) {
		ht_json_begin_array(p->json);
		ht_json_u64(p->json, ht_tick_clock_ns(&model->clock, model->marks.marks[i].tick));
		ht_json_string(p->json, model->marks.marks[i].label);
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
	ht_json_put_u64(p->json, "nMarks", model->marks.n_marks);
}

static void put_timeline(struct page *p)
{
	struct ht_timeline timeline =
	        ht_timeline_new(p->export->results, &p->export->model->clock, MAX_POINTS);

	put_key_array(p, "timeline"); /* start, most live bytes, allocations */
	for (size_t i = 0; i < timeline.n_points; i++) {
		ht_json_begin_array(p->json);
		ht_json_u64(p->json, timeline.points[i].from_ns);
		ht_json_u64(p->json, timeline.points[i].max_live_bytes);
		ht_json_u64(p->json, timeline.points[i].n_allocations);
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
	ht_json_put_u64(p->json, "endNs", timeline.end_ns);
	put_marks(p);
	ht_timeline_done(&timeline);
}

static void put_totals(struct page *p)
{
	const struct ht_results *r = p->export->results;
	const struct ht_trace_model *model = p->export->model;
	const struct ht_report report = { .file = p->export->file, .model = model, .results = r };
	struct ht_coverage coverage = ht_report_coverage(&report);
	struct ht_json_writer *json = p->json;

	ht_json_put_string(json, "title", ht_export_title(p->export));
	put_key_array(p, "command");
	for (uint32_t i = 0; i < model->recording.argc; i++)
		ht_json_string(json, model->recording.argv[i]);
	ht_json_end_array(json);
	ht_json_put_string(json, "version", PACKAGE_VERSION);
	ht_json_put_string(json, "host", model->recording.host);
	ht_json_put_u64(json, "startedMs", model->recording.realtime_ns / 1000000);
	ht_json_put_u64(json, "processes", model->processes.n_processes);
	ht_json_put_u64(json, "threads", r->totals.n_threads);
	ht_json_put_u64(json, "allocations", r->totals.n_allocations);
	ht_json_put_u64(json, "reallocations", r->totals.n_reallocations);
	ht_json_put_u64(json, "frees", r->totals.n_frees);
	ht_json_put_u64(json, "allocatedBytes", r->totals.allocated_bytes);
	ht_json_put_u64(json, "peakBytes", r->sites.peak_bytes);
	ht_json_put_u64(json, "peakNs", ht_tick_clock_ns(&model->clock, r->sites.peak_tick));
	ht_json_put_u64(json, "leakedBytes", r->totals.leaked_bytes);
	ht_json_put_u64(json, "leakedBlocks", r->totals.n_leaked);
	ht_json_put_u64(json, "temporary", r->n_temporary);
	ht_json_put_u64(json, "shortLived", r->n_short_lived);
	ht_json_put_u64(json, "lostEvents", coverage.n_lost_events);
	ht_json_put_u64(json, "damages", coverage.n_damages);
	ht_json_put_bool(json, "complete", !coverage.is_incomplete && coverage.n_damages == 0);
	put_percentiles(p, "sizes", &r->sizes, NULL);
	put_percentiles(p, "lifetimes", &r->lifetimes_ticks, &model->clock);
}

/* The members of the object that says all about one run. */
static void put_run(const struct ht_export *export, struct ht_json_writer *json)
{
	struct page p = { .export = export,
		          .json = json,
		          .list = ht_frame_list_new(export->model, export->symbolizer) };
	struct ht_window_cells cells = ht_window_cells_new(export);

	p.tree = ht_frame_tree_build(&export->results->sites, p.list, false, NULL);
	p.shown_as = ht_xalloc_zeroed(p.tree.n_nodes, sizeof(*p.shown_as));
	p.is_frame_shown = ht_xalloc_zeroed(ht_frame_list_count(p.list), sizeof(bool));
	p.small_child = ht_xalloc_zeroed(p.tree.n_nodes, sizeof(*p.small_child));
	choose_min_part(&p);
	put_totals(&p);
	put_timeline(&p);
	put_nodes(&p);
	put_runtime_leaks(&p);
	put_frames(&p);
	put_cells(&p, &cells);
	put_magnitudes(&p, "nOfSize", cells.n_of_size);
	put_magnitudes(&p, "nOfLifetime", cells.n_of_lifetime);
	free(p.shown_as);
	free(p.small_child);
	free(p.is_frame_shown);
	ht_frame_tree_done(&p.tree);
	ht_frame_list_free(p.list);
	ht_window_cells_done(&cells);
}

/* JSON in a script element: what could end the element is written as an escape. */
static void put_escaped(const char *text, size_t n, FILE *out)
{
	for (size_t i = 0; i < n; i++) {
		if (text[i] == '<')
			fputs("\\u003c", out);
		else
			putc(text[i], out);
	}
}

void ht_export_html(const struct ht_export *export, const struct ht_export *old, FILE *out)
{
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *memory = open_memstream(&text, &n_bytes);

	if (!memory)
		abort();
	struct ht_json_writer json = ht_json_writer_init(memory);

	ht_json_begin_object(&json);
	put_run(export, &json);
	if (old) {
		ht_json_key(&json, "old");
		ht_json_begin_object(&json);
		put_run(old, &json);
		ht_json_end_object(&json);
	}
	ht_json_end_object(&json);
	putc('\n', memory);
	fclose(memory);

	/* The page has a line for each part that goes in. */
	for (const char *line = page_html; *line;) {
		const char *end = strchr(line, '\n') + 1;

		if (strncmp(line, "@style@", 7) == 0)
			fputs(page_css, out);
		else if (strncmp(line, "@script@", 8) == 0)
			fputs(page_js, out);
		else if (strncmp(line, "@data@", 6) == 0)
			put_escaped(text, n_bytes, out);
		else
			fwrite(line, 1, (size_t)(end - line), out);
		line = end;
	}
	free(text);
}
