/* SPDX-License-Identifier: MIT */
/* What the browser in the terminal shows now: between its keys and its drawing. Analyzer, one thread. */
#ifndef HT_TUI_STATE_H
#define HT_TUI_STATE_H

#include "analyzer/base/strbuf.h"
#include "analyzer/export/timeline.h"
#include "analyzer/tui/item_views.h"
#include "analyzer/tui/tui.h"

struct ht_tui_state {
	const struct ht_tui_host *host;
	const struct ht_results *results; /* of the window */
	struct ht_tui_window window;
	struct ht_item_view view;
	enum ht_item_view_kind kind;
	size_t i_metric; /* of ht_metrics */
	bool is_by_self;
	uint64_t whole; /* that the parts of numbers are of, as last drawn */
	size_t line;    /* chosen */
	size_t top;     /* first on the screen */
	size_t n_rows;  /* of items on the screen, as last drawn */
	struct ht_strbuf search;
	struct ht_strbuf message; /* at the bottom, until the next key */
	const char *prompt;       /* what is being typed is for; NULL: nothing is */
	struct ht_strbuf typed;
	bool has_help;
	struct ht_timeline timeline; /* of all the time */
};

/* What the chosen view counts. */
enum ht_site_value ht_tui_value(const struct ht_tui_state *s);

/* The frame of an item; NULL when it has none. */
const struct ht_listed_frame *ht_tui_frame(const struct ht_tui_state *s,
                                           const struct ht_item *item);

/* Prepare colours; the screen must have been begun. */
void ht_tui_draw_init(const struct ht_tui_host *host);

/* Draw all of it, and note how many rows there are. */
void ht_tui_draw(struct ht_tui_state *s);

#endif
