/* SPDX-License-Identifier: MIT */
/* The options --process and --program: collected, and found in a trace. Analyzer. */
#ifndef HT_PROCESS_CHOICE_H
#define HT_PROCESS_CHOICE_H

#include "analyzer/model/process_selection.h"

#define HT_PROCESS_CHOICE_MAX 64u

/* All zero is none. Texts are the caller's. */
struct ht_process_choice {
	struct {
		const char *text;
		bool is_program; /* a pattern; else a process id or #serial */
	} items[HT_PROCESS_CHOICE_MAX];
	size_t n_items;
};

/* False when there are too many. */
bool ht_process_choice_add(struct ht_process_choice *choice, const char *text, bool is_program);

/*
 * Fill *ret_selection, to be released with ht_process_selection_done() in any case; all processes when nothing
 * was chosen. False after a complaint: an option makes no sense, or finds nothing.
 */
bool ht_process_choice_find(const struct ht_process_choice *choice,
                            const struct ht_process_list *list,
                            struct ht_process_selection *ret_selection);

#endif
