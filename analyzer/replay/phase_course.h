/* SPDX-License-Identifier: MIT */
/* Cuts a replay at the marks. Analyzer; inside replay/ only. */
#ifndef HT_PHASE_COURSE_H
#define HT_PHASE_COURSE_H

#include "analyzer/replay/replay_state.h"

#include <stdbool.h>

/* The window, or the trace, begins, and with it the first phase if there are marks to come. */
void ht_phases_begin(struct ht_replay_state *r);

/* The next mark that a phase begins with: true, and until where events are applied first. */
bool ht_phases_next_border(struct ht_replay_state *r, struct ht_moment *ret_moment);

/* They are applied. */
void ht_phases_cross(struct ht_replay_state *r);

/* Processes are about to end: what is live now is what the last phase ends with, unless others end later. */
void ht_phases_note_live(struct ht_replay_state *r);

/* After the last event, and the sums over processes. */
void ht_phases_end(struct ht_replay_state *r);

#endif
