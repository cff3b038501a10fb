/* SPDX-License-Identifier: MIT */
/* Copies what programs say about the code that they make into the trace, while they live. Analyzer. */
#ifndef HT_CODE_WATCH_H
#define HT_CODE_WATCH_H

#include "analyzer/record/clock_source.h"
#include "analyzer/record/column_writer.h"

#include <heaptide/error.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ht_code_watch;

/* A process to watch. */
struct ht_code_process {
	uint32_t serial;
	uint32_t own_pid; /* as it calls itself, and names its files */
	pid_t pid;        /* as we call it; 0: not known */
	uint64_t start_tick;
};

/* columns and clock must outlive the watch. NULL when there is no memory: then nothing is watched. */
struct ht_code_watch *ht_code_watch_new(struct ht_column_writer *columns,
                                        const struct ht_clock_source *clock, uint32_t n_slots);

/* NULL is fine, here and below. */
void ht_code_watch_free(struct ht_code_watch *watch);

/* From here on this slot is this process. */
void ht_code_watch_begin(struct ht_code_watch *watch, uint32_t slot,
                         const struct ht_code_process *process);

/*
 * Look what is new, some 20 times a second. When that is true, take the stacks that were seen so far and then call
 * ht_code_watch_read(), which writes what is new: so these stacks are none of code that comes later.
 */
bool ht_code_watch_look(struct ht_code_watch *watch, uint32_t slot);
void ht_code_watch_read(struct ht_code_watch *watch, uint32_t slot);

/* The last look at this process, which may have ended. */
void ht_code_watch_end(struct ht_code_watch *watch, uint32_t slot);

#endif
