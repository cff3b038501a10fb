/* SPDX-License-Identifier: MIT */
/* Which blocks are asked for, by their sizes, lives and threads. Analyzer. */
#ifndef HT_BLOCK_CHOICE_H
#define HT_BLOCK_CHOICE_H

#include "analyzer/model/trace_model.h"
#include "analyzer/read/trace_file.h"

#include <heaptide/trace_format.h>

#include <stdbool.h>
#include <stdint.h>

#define HT_BLOCK_MAX_THREADS 16u

/*
 * What a block must be: all limits are of the allowed. Its size is the most bytes that it ever had; its life is from its
 * allocation to its free, to the end of its process, or of the trace; its thread is the one that allocated it.
 * A block is the same one through all its reallocations.
 */
struct ht_block_filter {
	uint64_t min_bytes;
	uint64_t max_bytes;
	uint64_t min_life_ns;
	uint64_t max_life_ns;
	struct {
		uint32_t tid;
		bool is_excluded;
	} threads[HT_BLOCK_MAX_THREADS]; /* any of those that are not excluded, if there are such */
	unsigned n_threads;
};

/* No limits. */
#define HT_BLOCK_FILTER_INIT \
	((struct ht_block_filter){ .max_bytes = UINT64_MAX, .max_life_ns = UINT64_MAX })

/*
 * The blocks of a trace that the filter lets through. To find them all events are gone through: how long a block lives,
 * and how large it grows, is known at its end only. Memory is for live blocks, and a bit for each allocation
 * near one that was chosen.
 */
struct ht_block_choice;

struct ht_block_choice *ht_block_choice_new(struct ht_trace_file *file,
                                            const struct ht_trace_model *model,
                                            const struct ht_block_filter *filter, unsigned n_jobs);

/* NULL is fine. */
void ht_block_choice_free(struct ht_block_choice *choice);

/* Follows the chosen blocks through their events, which it must be asked about in the order of time, from the first on. */
struct ht_block_follower;

struct ht_block_follower *ht_block_follower_new(const struct ht_block_choice *choice);
void ht_block_follower_free(struct ht_block_follower *follower);

/* Whether this event is of a chosen block, or of none at all (something was lost). */
bool ht_block_follower_has(struct ht_block_follower *follower, uint32_t i_process,
                           const struct ht_event *e);

#endif
