/* SPDX-License-Identifier: MIT */
/* What the programs of a trace told with heaptide.h. Analyzer. */
#ifndef HT_TOLD_LIST_H
#define HT_TOLD_LIST_H

#include "analyzer/base/arena.h"
#include "analyzer/model/process_selection.h"

#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* As FORMAT.md has it. */
struct ht_told {
	uint32_t process; /* index */
	uint32_t thread_serial;
	uint32_t kind; /* enum ht_told_kind */
	uint32_t node;
	uint64_t tick;
	uint64_t sequence;
	uint64_t pool;
	uint64_t addr;
	uint64_t n_bytes;
	const char *name; /* of POOL_NAME, in the arena of the list; else NULL */
};

/* All zero is an empty list. */
struct ht_told_list {
	struct ht_told *told;
	size_t n_told;
	size_t n_pool_calls; /* of them */
	struct ht_arena arena;
	size_t capacity;
};

void ht_told_list_done(struct ht_told_list *list);

/* Take the body of a TOLD block. False at an impossible value; what came before it stays. */
bool ht_told_list_add(struct ht_told_list *list, struct ht_process_list *processes, struct ht_get *get,
                      uint64_t n_items);

/* To be called once after the last add: in order of time, and what one process told in that of its numbers, as MAPPINGs are. */
void ht_told_list_sort(struct ht_told_list *list);

/* How long threads had recording paused, and how often. */
struct ht_pauses {
	uint64_t n;
	uint64_t n_threads;
	uint64_t n_open; /* without an end: they last as long as the process, or the trace */
	uint64_t ticks;  /* of all threads together */
	bool is_counted; /* the ends of all their processes are known, and with them how much was left out */
};

/* selection may be NULL; last_tick is where the trace ends. */
struct ht_pauses ht_told_list_pauses(const struct ht_told_list *list,
                                     const struct ht_process_list *processes,
                                     const struct ht_process_selection *selection,
                                     uint64_t last_tick);

#endif
