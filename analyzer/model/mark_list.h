/* SPDX-License-Identifier: MIT */
/* The moments of a trace that its programs named. Analyzer. */
#ifndef HT_MARK_LIST_H
#define HT_MARK_LIST_H

#include "analyzer/model/process_list.h"

#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_mark {
	uint32_t process; /* index */
	uint32_t thread_serial;
	uint64_t tick;
	char label[HT_MARK_LABEL_MAX_BYTES + 1];
};

/* All zero is an empty list. */
struct ht_mark_list {
	struct ht_mark *marks;
	size_t n_marks;
	size_t capacity;
};

void ht_mark_list_done(struct ht_mark_list *list);

/* Take the body of a MARKS block. False at an impossible value; what came before it stays. */
bool ht_mark_list_add(struct ht_mark_list *list, struct ht_process_list *processes, struct ht_get *get,
                      uint64_t n_items);

/* To be called once after the last add: in order of time. */
void ht_mark_list_sort(struct ht_mark_list *list);

/*
 * The mark that name says: "LABEL" the first one with this label, "LABEL#N" the N-th from 1 on, unless a label is just
 * that. NULL when there is none.
 */
const struct ht_mark *ht_mark_list_find(const struct ht_mark_list *list, const char *name);

#endif
