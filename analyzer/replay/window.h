/* SPDX-License-Identifier: MIT */
/* The part of a trace that a replay is about: its borders, and what is forgotten there. Analyzer. */
#ifndef HT_WINDOW_H
#define HT_WINDOW_H

#include "analyzer/read/event_merge.h"
#include "analyzer/replay/replay_state.h"

/* Which border comes next. */
enum ht_border {
	HT_BORDER_FROM = 0,
	HT_BORDER_TO = 1,
	HT_BORDER_MARK = 3, /* a phase ends */
	HT_BORDER_NONE = 2, /* the window is open to the end */
};

/* Results are prepared for what comes before the window, or for all. */
void ht_window_init(struct ht_replay_state *r);

/* No event whose tick is later may be applied before this border; UINT64_MAX: any may. */
uint64_t ht_window_until_tick(const struct ht_replay_state *r, enum ht_border border);

/* How many events of a run there still are before this border. */
size_t ht_window_clip(const struct ht_replay_state *r, enum ht_border border, size_t n_events);

/* True when so many events were applied that this border is there whatever the tick. */
bool ht_window_is_at(const struct ht_replay_state *r, enum ht_border border);

/* The window begins: forget all counts, keep what is live. */
void ht_window_begin(struct ht_replay_state *r);

/* The window ends, and with it all processes that have not. */
void ht_window_end(struct ht_replay_state *r);

#endif
