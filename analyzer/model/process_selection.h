/* SPDX-License-Identifier: MIT */
/* Some of the processes of a trace, as a user names them. Analyzer. */
#ifndef HT_PROCESS_SELECTION_H
#define HT_PROCESS_SELECTION_H

#include "analyzer/model/process_list.h"

/* All zero selects all processes, until something is added. */
struct ht_process_selection {
	bool *is_selected; /* by index in the list; NULL: all */
	size_t n_processes;
	size_t n_selected;
};

void ht_process_selection_done(struct ht_process_selection *selection);

/*
 * Add every image with a process id ("1234"), or the one with a serial number ("#3"). False when text
 * is neither; *ret_n is how many there are.
 */
bool ht_process_selection_add_number(struct ht_process_selection *selection,
                                     const struct ht_process_list *list, const char *text,
                                     size_t *ret_n);

/* Add every image whose program's path or name, or argv[0] or its last part, matches; returns how many. */
size_t ht_process_selection_add_program(struct ht_process_selection *selection,
                                        const struct ht_process_list *list, const char *glob);

/* selection may be NULL: all. */
static inline bool ht_process_selection_has(const struct ht_process_selection *selection,
                                            size_t i_process)
{
	return !selection || !selection->is_selected ||
	       (i_process < selection->n_processes && selection->is_selected[i_process]);
}

#endif
