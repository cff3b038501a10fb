/* SPDX-License-Identifier: MIT */
/* Going through all events of a trace once, keeping what is live, and counting. Analyzer. */
#ifndef HT_REPLAY_H
#define HT_REPLAY_H

#include "analyzer/agg/results.h"
#include "analyzer/model/process_selection.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/read/trace_file.h"
#include "analyzer/replay/block_choice.h"

#include <stdbool.h>
#include <stdint.h>

#define HT_SHORT_LIVED_AGE_DEFAULT 64u

/* A moment: after the last event whose tick is not later, or after so many events when that is not 0. */
struct ht_moment {
	uint64_t tick;
	uint64_t n_events;
};

/* The part of the trace that is asked for, see struct ht_window. All zero is the whole. */
struct ht_replay_window {
	bool has_from;
	bool has_to;
	bool is_instant;       /* only to counts: what is live then */
	struct ht_moment from; /* by tick, unless is_instant */
	struct ht_moment to;   /* not before from */
};

/* What to write down so that windows of the trace need not be read from its beginning. */
struct ht_replay_checkpoint {
	uint64_t tick;
	uint64_t n_live;
	const void *body;
	size_t n_bytes;
};

struct ht_replay_options {
	uint64_t
	        short_lived_age; /* short-lived: freed at a lesser age than this, */
	enum ht_short_lived_unit short_lived_unit; /* in this unit */

	struct ht_replay_window window;
	bool is_without_distributions; /* of sizes and lifetimes: not asked for */
	bool has_log_counts;           /* of them: are wanted */
	const struct ht_process_selection *selection; /* whose events count; NULL: all */
	/*
	 * The blocks that count, NULL: all. What is temporary or short-lived is so among all blocks, counted or not.
	 */
	const struct ht_block_choice *blocks;
	unsigned n_jobs; /* threads that decode; 0: as many as there are processors */

	/*
	 * Given the body of a CHECKPOINT block every events_per_checkpoint events or so, less often when
	 * more blocks are live than that; may be NULL. False: no more, please. [no window]
	 */
	bool (*checkpoint)(void *context, const struct ht_replay_checkpoint *checkpoint);
	void *checkpoint_context;
	uint64_t events_per_checkpoint;

	/* Told every now and then how many events are done, of how many; may be NULL. */
	void (*progress)(void *context, uint64_t n_done, uint64_t n_all);
	void *progress_context;
};

/*
 * Fill *results (to be released with ht_results_done) from the events of file, which model describes.
 * Damage is noted in file. Memory is for live blocks, distinct stacks and threads, whatever the number
 * of events.
 *
 * How events count:
 * - A realloc is neither allocation nor free. Its block gets the new size and the realloc's site as
 *   owner of its bytes; birth, thread of birth and birth site stay: it is the same block's life.
 * - Temporary: freed by the thread that allocated it, with no allocation of that thread in between.
 *   Short-lived: freed, by any thread, before its thread of birth made short_lived_age more allocations, or requested
 *   so many more bytes, or before so many ns had passed.
 * - When a process ends, its live blocks are no longer live. They are leaked, unless it ended by exec,
 *   which gives up its memory on purpose: those are counted apart. So the peak never contains memory
 *   of processes that are gone.
 * - A forked child's copy of its parent's blocks is never counted as live (the pages are shared).
 * - A free by one thread may come up to HT_REPLAY_SLACK_TICKS before the allocation by another (equal
 *   ticks, or the reading of the clock was overtaken): it waits, and is applied right after it.
 */
#define HT_REPLAY_SLACK_TICKS 64u

void ht_replay_run(struct ht_trace_file *file, struct ht_trace_model *model,
                   const struct ht_replay_options *options, struct ht_results *ret_results);

#endif
