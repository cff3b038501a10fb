/* SPDX-License-Identifier: MIT */
/* What the parts of the page about one run share, and these parts: each puts members of its JSON object. Analyzer. */
#ifndef HT_HTML_PAGE_H
#define HT_HTML_PAGE_H

#include "analyzer/export/export.h"
#include "analyzer/report/frame_tree.h"
#include "analyzer/report/json_writer.h"

#include <stdbool.h>
#include <stdint.h>

struct ht_html_page {
	const struct ht_export *export;
	struct ht_json_writer *json;
	struct ht_frame_list *list;
	struct ht_frame_tree tree;
	/*
	 * What a node of the tree is on the page; 0 (which for all but the root means none) until ht_html_tree_put.
	 * Nodes that are too small share one "[small ones]" below their nearest ancestor that is not.
	 */
	uint32_t *shown_as;
	uint32_t n_shown;
};

/* To be released with ht_html_page_done. */
struct ht_html_page ht_html_page_new(const struct ht_export *export, struct ht_json_writer *json);
void ht_html_page_done(struct ht_html_page *page);

/* The node of the page that the stack of a site is. */
uint32_t ht_html_page_node(const struct ht_html_page *page, uint32_t site);

/* A key, and the beginning of its array. */
void ht_html_put_array(struct ht_html_page *page, const char *key);

/* Nodes with their values, and frames: before all that names nodes. */
void ht_html_tree_put(struct ht_html_page *page);

/* What nodes and threads did in each part of the time. */
void ht_html_cells_put(struct ht_html_page *page);

/* What is worth changing, mistakes, what was not seen; and the report as text. */
void ht_html_findings_put(struct ht_html_page *page);

/* Lines of source, as far as they are there. */
void ht_html_sources_put(struct ht_html_page *page);

#endif
