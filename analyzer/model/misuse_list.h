/* SPDX-License-Identifier: MIT */
/* The frees of a trace that were mistakes of the program. Analyzer. */
#ifndef HT_MISUSE_LIST_H
#define HT_MISUSE_LIST_H

#include "analyzer/model/process_list.h"

#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As FORMAT.md has it. */
struct ht_misuse {
	uint32_t process; /* index */
	uint32_t thread_serial;
	uint32_t kind; /* enum ht_misuse_kind */
	uint32_t call; /* enum ht_misuse_call */
	uint32_t node;
	uint32_t form; /* enum ht_block_form */
	uint64_t tick;
	uint64_t addr;
	uint64_t id;
};

/* All zero is an empty list. */
struct ht_misuse_list {
	struct ht_misuse *misuses;
	size_t n_misuses;
	size_t capacity;
};

void ht_misuse_list_done(struct ht_misuse_list *list);

/* Take the body of a MISUSES block. False at an impossible value; what came before it stays. */
bool ht_misuse_list_add(struct ht_misuse_list *list, struct ht_process_list *processes,
                        struct ht_get *get, uint64_t n_items);

/* To be called once after the last add: in order of time. */
void ht_misuse_list_sort(struct ht_misuse_list *list);

#endif
