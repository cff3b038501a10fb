/* SPDX-License-Identifier: MIT */
/* The state of a replay as the body of a CHECKPOINT block, and back. Analyzer. */
#ifndef HT_CHECKPOINT_H
#define HT_CHECKPOINT_H

#include "analyzer/base/strbuf.h"
#include "analyzer/read/event_merge.h"
#include "analyzer/replay/replay_state.h"

/*
 * Write down what is live, and where the merge stands (n_ends ends of processes were applied), behind what
 * body has. Only when nothing waits for its allocation.
 */
void ht_checkpoint_save(const struct ht_replay_state *r, const struct ht_merge_position *position,
                        uint64_t n_ends, struct ht_strbuf *body);

/* Where a replay goes on. */
struct ht_checkpoint {
	struct ht_merge_position position;
	uint64_t n_ends;
};

/*
 * Find the last checkpoint that is not after tick and bring the state there: a new one, of a replay that has
 * done nothing yet. A damaged one is noted in file, and the one before is taken. False, with nothing changed,
 * when there is none.
 */
bool ht_checkpoint_resume(struct ht_replay_state *r, struct ht_trace_file *file, uint64_t tick,
                          uint64_t max_ends, struct ht_checkpoint *ret_checkpoint);

/* Look at all checkpoints of the trace; damaged ones are noted in file. */
void ht_checkpoint_verify(const struct ht_trace_model *model, struct ht_trace_file *file);

#endif
