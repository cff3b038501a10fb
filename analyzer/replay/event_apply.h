/* SPDX-License-Identifier: MIT */
/* What each event does to the live blocks and to the counts. Analyzer; inside replay/ only. */
#ifndef HT_EVENT_APPLY_H
#define HT_EVENT_APPLY_H

#include "analyzer/read/event_merge.h"
#include "analyzer/replay/replay_state.h"

/* Apply the events of a run. Runs come in order of time. */
void ht_event_apply_run(struct ht_replay_state *r, const struct ht_event_run *run);

/*
 * Give up on ends of blocks that have waited for the allocation since long before tick; UINT64_MAX gives
 * up on all. They are anomalies.
 */
void ht_event_apply_expired(struct ht_replay_state *r, uint64_t tick);

/*
 * The process is gone, or the trace or the window is over: what it still has is leaked, or was given up by
 * exec (unless is_window_end: then it has it still).
 */
void ht_event_apply_process_end(struct ht_replay_state *r, uint32_t i_process, bool is_window_end);

#endif
