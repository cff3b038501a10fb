/* SPDX-License-Identifier: MIT */
/* The calls of a trace that mapped memory and gave it back. Analyzer. */
#ifndef HT_MAPPING_LIST_H
#define HT_MAPPING_LIST_H

#include "analyzer/model/process_list.h"

#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As FORMAT.md has it. */
struct ht_mapping {
	uint32_t process; /* index */
	uint32_t thread_serial;
	uint32_t kind; /* enum ht_mapping_kind */
	uint32_t node;
	uint64_t tick;
	uint64_t sequence;
	uint64_t addr;
	uint64_t n_bytes;
	uint32_t protection;
	uint32_t flags;
	uint64_t old_addr;
	uint64_t old_bytes;
	uint64_t old_sequence;
};

/* All zero is an empty list. */
struct ht_mapping_list {
	struct ht_mapping *mappings;
	size_t n_mappings;
	size_t capacity;
};

void ht_mapping_list_done(struct ht_mapping_list *list);

/* Take the body of a MAPPINGS block. False at an impossible value; what came before it stays. */
bool ht_mapping_list_add(struct ht_mapping_list *list, struct ht_process_list *processes,
                         struct ht_get *get, uint64_t n_items);

/*
 * To be called once after the last add: in order of time, and those of one process in that of their sequence
 * numbers, whose ticks never go back then.
 */
void ht_mapping_list_sort(struct ht_mapping_list *list);

#endif
