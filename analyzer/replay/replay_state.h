/* SPDX-License-Identifier: MIT */
/* What a replay remembers between events. Analyzer; inside replay/ only. */
#ifndef HT_REPLAY_STATE_H
#define HT_REPLAY_STATE_H

#include "analyzer/agg/results.h"
#include "analyzer/agg/tally.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/replay/live_blocks.h"
#include "analyzer/replay/replay.h"

#include <heaptide/trace_format.h>

struct ht_replay_process {
	struct ht_live_blocks live;
	uint64_t first_own_id;
	uint32_t *site_of_node; /* index + 1; 0: not asked for yet */
	size_t n_nodes;         /* length of site_of_node; nodes beyond are looked up each time */
	struct ht_u64_map waiting_of; /* id -> number + 1 of what waits for its allocation */
	bool has_ended;
};

struct ht_replay_thread {
	uint64_t n_allocations;
	uint64_t other_bytes; /* that it requested for blocks that are not chosen */
	uint32_t process;
	uint32_t serial;
};

/* An end of a block that is not there yet. */
struct ht_replay_waiting {
	struct ht_event event;
	uint32_t process;
	uint32_t thread;
	bool is_done;
};

/* By which node, of which process, a site was first met. */
struct ht_site_node {
	uint32_t process_serial;
	uint32_t node;
};

struct ht_replay_state {
	struct ht_trace_model *model;
	const struct ht_replay_options *options;
	struct ht_results *results;
	uint64_t short_lived_limit; /* the age that is not short-lived any more; of time: in ticks */
	uint64_t first_tick;        /* blocks born from here on are of the window */
	uint64_t n_events;          /* before the run that is being applied */
	uint64_t last_tick; /* of the newest run applied */
	uint64_t quarter_ticks[HT_N_QUARTERS + 1]; /* when quarters of the window end; the last one never */
	unsigned i_quarter;                        /* that is going on */
	uint64_t i_event;           /* the one that is being applied the rare way, counted from 1 */
	const struct ht_event *run; /* that is being applied */
	uint64_t phase_peak_bytes;  /* of the phase so far */
	struct ht_phase phase_start; /* sums when it began */
	struct ht_moment phase_border;
	size_t i_mark;
	uint64_t n_live_before_end;
	uint64_t live_bytes_before_end;
	struct ht_tally sizes;
	struct ht_tally lifetimes_ticks;
	struct ht_site_node *site_nodes; /* by site */
	size_t n_site_nodes;
	size_t site_nodes_capacity;
	struct ht_replay_process *processes; /* by index in the model */
	size_t n_processes;
	struct ht_replay_thread *threads;
	size_t n_threads;
	size_t threads_capacity;
	size_t thread_results_capacity;
	struct ht_u64_map thread_of; /* process << 32 | thread serial -> index + 1 */
	struct ht_replay_waiting
	        *waiting; /* a queue: [i_waiting, n_waiting); numbers count from the first ever */
	uint64_t waiting_base; /* number of waiting[0] */
	size_t i_waiting;
	size_t n_waiting;
	size_t waiting_capacity;
};

/* Make room for the process with this index, and for all that the model has by now. */
void ht_replay_state_need_process(struct ht_replay_state *r, uint32_t i_process);

/* The index of a thread, new or not; in the results as well. */
uint32_t ht_replay_state_need_thread(struct ht_replay_state *r, uint32_t i_process,
                                     uint32_t serial);

/* The index of the site of a node of a process, new or not. */
uint32_t ht_replay_state_need_site(struct ht_replay_state *r, uint32_t i_process, uint32_t node);

/* Release everything but model, options and results. */
void ht_replay_state_done(struct ht_replay_state *r);

#endif
