/* SPDX-License-Identifier: MIT */
/* Source lines with what they allocated beside them, as text and as JSON. Analyzer. */
#ifndef HT_ANNOTATE_H
#define HT_ANNOTATE_H

#include "analyzer/report/line_table.h"
#include "analyzer/report/report.h"

#include <stdbool.h>
#include <stdio.h>

struct ht_annotate {
	const struct ht_trace_model *model;
	const struct ht_line_table *table;
	const char *wanted;    /* a file or a function; NULL: a list of files */
	const char *directory; /* where to look for sources first; or NULL */
	uint32_t n_context;    /* lines shown before and after those with numbers */
	size_t n_top;          /* files in the list */
	bool is_own;           /* only what a line allocated without calling other known lines */
};

/* False when nothing of the trace has that name; nothing was written then. */
bool ht_annotate_text(const struct ht_annotate *a, const struct ht_text_style *style, FILE *out);
bool ht_annotate_json(const struct ht_annotate *a, FILE *out);

#endif
