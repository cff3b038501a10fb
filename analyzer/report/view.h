/* SPDX-License-Identifier: MIT */
/* The sites of a report put together by function, file or module, by call or as a tree. Analyzer, one thread. */
#ifndef HT_VIEW_H
#define HT_VIEW_H

#include "analyzer/report/frame_list.h"
#include "analyzer/report/frame_tree.h"
#include "analyzer/report/site_rank.h"
#include "analyzer/report/site_value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ht_view_kind {
	HT_VIEW_STACK = 0, /* none of the others: sites as they are */
	HT_VIEW_FUNCTION,
	HT_VIEW_FILE,
	HT_VIEW_MODULE,
	HT_VIEW_CALLERS, /* of the functions that HT_FRAME_FOCUS is for */
	HT_VIEW_CALLEES,
	HT_VIEW_TREE,     /* from the outermost function down */
	HT_VIEW_INVERTED, /* from the innermost up */
};

/*
 * What one function, file or module has. self: of stacks that end there; total: of stacks that go through it, each
 * once however often it is in there. Of callers and callees there is total only: of stacks in which such a call is.
 */
struct ht_view_row {
	uint32_t frame; /* of the list */
	uint64_t self[HT_N_SITE_VALUES];
	uint64_t total[HT_N_SITE_VALUES];
};

struct ht_view {
	enum ht_view_kind kind;
	bool is_by_total; /* rows are ranked by total; else by self */
	struct ht_frame_list *list;
	struct ht_view_row *rows; /* no tree */
	size_t n_rows;
	struct ht_frame_tree tree;      /* HT_VIEW_TREE and HT_VIEW_INVERTED */
	uint64_t all[HT_N_SITE_VALUES]; /* of all sites, shown or not: what parts are parts of */
};

/* "function", "callers" ... */
const char *ht_view_name(enum ht_view_kind kind);
bool ht_view_is_tree(const struct ht_view *view);

/*
 * Sum up the sites that is_shown (NULL: all) says. model, symbolizer and rules must outlive the view, which
 * is to be released with ht_view_done.
 */
struct ht_view ht_view_new(enum ht_view_kind kind, const struct ht_trace_model *model,
                           const struct ht_site_table *table, struct ht_symbolizer *symbolizer,
                           const struct ht_frame_rules *rules, const bool *is_shown);

/* NULL is fine. */
void ht_view_done(struct ht_view *view);

/* Which sites the conditions of rules hold for, by index in the table; to be freed. */
bool *ht_view_find_shown(const struct ht_trace_model *model, const struct ht_site_table *table,
                         struct ht_symbolizer *symbolizer, const struct ht_frame_rules *rules);

/*
 * What a view shows for a section: its own first key, or the one that was chosen. Peaks of several sites are
 * not a peak of anything, so it is never HT_VALUE_OWN_PEAK_BYTES.
 */
enum ht_site_value ht_view_value(enum ht_site_order order, const struct ht_site_choice *choice);

/* The rows that have something of a value, the largest first; *ret_n of them, to be freed. */
const struct ht_view_row **ht_view_rank(const struct ht_view *view, enum ht_site_value value,
                                        size_t *ret_n);

/* A node of a tree where it is to be shown. */
struct ht_view_place {
	uint32_t node;
	uint32_t depth;    /* 0: below the root */
	uint32_t n_hidden; /* > 0: node is no node, but so many siblings of the one above, */
	uint64_t hidden;   /* with so much */
};

/*
 * The nodes that have something of a value, each followed by those below it, the largest first; at most n_children
 * below each, none with less than min_value, n_levels deep, with what they leave out said. *ret_n of them, to be freed.
 */
struct ht_view_place *ht_view_walk(const struct ht_view *view, enum ht_site_value value,
                                   uint64_t min_value, size_t n_children, size_t n_levels,
                                   size_t *ret_n);

#endif
