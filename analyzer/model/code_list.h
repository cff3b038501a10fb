/* SPDX-License-Identifier: MIT */
/* Code that programs made at run time, and what was at an address at a time. Analyzer. */
#ifndef HT_CODE_LIST_H
#define HT_CODE_LIST_H

#include "analyzer/base/arena.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/model/process_list.h"

#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A function in memory, from a time on, until other code is where it was. */
struct ht_code {
	uint64_t start_addr;
	uint64_t end_addr;
	uint64_t tick;
	uint32_t process; /* index */
	uint32_t number;  /* in the order of the file */
	const char *name;
};

#define HT_NO_CODE SIZE_MAX

struct ht_code_index;

/* All zero is an empty list. Strings live in the arena. */
struct ht_code_list {
	struct ht_arena arena;
	struct ht_code *codes; /* after sort: by process, and then by time */
	size_t n_codes;
	size_t capacity;
	struct ht_u64_map newest_at;   /* hash of process and start -> index + 1; while adding */
	struct ht_code_index *indexes; /* per process */
	size_t n_indexes;
};

void ht_code_list_done(struct ht_code_list *list);

/* Take the body of a CODE block. False at an impossible value; what came before it stays. */
bool ht_code_list_add(struct ht_code_list *list, struct ht_process_list *processes,
                      struct ht_get *get, uint64_t n_items);

/* To be called once after the last add, before find. False when there is more than can be told apart. */
bool ht_code_list_sort(struct ht_code_list *list, const struct ht_process_list *processes);

/*
 * Index of the code at addr at this tick: the newest of those that are not newer, else the oldest one. A fork's child has
 * what its parent had then. HT_NO_CODE when there is none.
 */
size_t ht_code_list_find(const struct ht_code_list *list, const struct ht_process_list *processes,
                         uint32_t process, uint64_t addr, uint64_t tick);

#endif
