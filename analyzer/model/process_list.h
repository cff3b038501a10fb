/* SPDX-License-Identifier: MIT */
/* The process images of a trace: who they were, who copied whom, how they ended. Analyzer. */
#ifndef HT_PROCESS_LIST_H
#define HT_PROCESS_LIST_H

#include "analyzer/base/arena.h"
#include "analyzer/base/u64_map.h"

#include <heaptide/shared_region.h>
#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HT_NO_PROCESS UINT32_MAX

/* In the order of struct ht_process_slot, as PROCESS_END has them. */
enum ht_process_counter {
	HT_COUNTER_UNKNOWN_FREES = 0,
	HT_COUNTER_NESTED_CALLS = 1,
	HT_COUNTER_LOST_EVENTS = 2,
	HT_COUNTER_UNTRACKED_ADDRS = 3,
	HT_COUNTER_EARLY_BLOCKS = 4,
	HT_COUNTER_STACKS_COMPARED = 5,
	HT_COUNTER_STACKS_DIFFERING = 6,
	HT_COUNTER_WAITS = 7,
	HT_COUNTER_TRUNCATED = 8, /* + enum ht_truncation */
	HT_COUNTER_PAUSED_ALLOCS = 8 + HT_N_TRUNC,
	HT_COUNTER_PAUSED_BYTES = 9 + HT_N_TRUNC,
	HT_N_COUNTERS = 10 + HT_N_TRUNC,
};

/* One process image. Strings live in the list's arena and are NUL-terminated, "" when unknown. */
struct ht_process {
	uint32_t serial;
	uint32_t parent;     /* index of the process this is a copy of, or HT_NO_PROCESS */
	uint32_t start_kind; /* enum ht_process_start */
	uint32_t pid;        /* 0: unknown */
	uint32_t ppid;
	uint32_t first_own_node;
	uint64_t start_tick;
	uint64_t first_own_id;
	const char *exe;
	const char *const *argv;
	uint32_t argc;
	const char *allocator; /* path of the library that has its malloc; "": libc, or not known */
	bool is_described; /* false: events or nodes name it, but its PROCESS block is lost */
	bool has_end;
	uint64_t end_tick;
	uint32_t end_kind; /* enum ht_end_kind; HT_END_UNKNOWN without has_end */
	uint64_t end_code;
	uint64_t counters[HT_N_COUNTERS];
};

/* All zero is an empty list. Indices are stable; the order is that of the file. */
struct ht_process_list {
	struct ht_arena arena;
	struct ht_process *processes;
	size_t n_processes;
	size_t capacity;
	struct ht_u64_map index_of; /* serial -> index */
};

void ht_process_list_done(struct ht_process_list *list);

/* Index of a serial, or HT_NO_PROCESS. */
uint32_t ht_process_list_find(const struct ht_process_list *list, uint32_t serial);

/* Index of a serial; one that was never described gets an entry that says so. */
uint32_t ht_process_list_need(struct ht_process_list *list, uint32_t serial);

/*
 * Take the bodies of PROCESS and PROCESS_END blocks. What was taken before an impossible value stays.
 * False when there is one.
 */
bool ht_process_list_add_starts(struct ht_process_list *list, struct ht_get *get, uint64_t n_items);
bool ht_process_list_add_ends(struct ht_process_list *list, struct ht_get *get, uint64_t n_items);

/* Of a process whose end is known. */
struct ht_ended_process {
	uint64_t tick;
	uint32_t process; /* index */
};

/* All of them by time; to be freed. */
struct ht_ended_process *ht_process_list_ends(const struct ht_process_list *list, size_t *ret_n);

/* The last part of the program's path, or its first argument, or "?". */
const char *ht_process_name(const struct ht_process *process);

/*
 * The process that gave the id (or node) its number: process itself, or the ancestor it was forked
 * from that is old enough.
 */
uint32_t ht_process_list_owner_of_node(const struct ht_process_list *list, uint32_t process,
                                       uint32_t node);

#endif
