/* SPDX-License-Identifier: MIT */
/* A browser for a trace in the terminal, by ncurses. Analyzer, one thread. */
#ifndef HT_TUI_H
#define HT_TUI_H

#include "analyzer/agg/results.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/symbols/symbolizer.h"

#include <stdbool.h>
#include <stdint.h>

/* The part of the time that is shown. */
struct ht_tui_window {
	bool is_part; /* false: all of it */
	uint64_t from_ns;
	uint64_t to_ns;
};

/* What the browser needs of its surroundings. All owned by the caller. */
struct ht_tui_host {
	const char *title;
	const struct ht_trace_model *model;
	const struct ht_results *whole;
	struct ht_symbolizer *symbolizer;
	const char *source_directory; /* where source files are looked for first; NULL: nowhere */
	bool has_color;
	bool has_utf8;
	struct ht_tui_window window; /* at first */

	/* The results of a window, valid until the next call. */
	const struct ht_results *(*results)(void *context, const struct ht_tui_window *window);
	/* A moment as users write it; false when it makes no sense. */
	bool (*time)(void *context, const char *text, uint64_t *ret_ns);
	/* The report of these results, to be freed. */
	char *(*report)(void *context, const struct ht_results *results);
	void *context;
};

/* Browse until the user has enough. False when the terminal cannot do it. */
bool ht_tui_run(const struct ht_tui_host *host);

#endif
