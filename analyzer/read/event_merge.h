/* SPDX-License-Identifier: MIT */
/* All events of a trace in the order of time. Analyzer. */
#ifndef HT_EVENT_MERGE_H
#define HT_EVENT_MERGE_H

#include "analyzer/read/trace_file.h"

#include <heaptide/trace_format.h>

/* Events of one thread that no event of another thread comes between. */
struct ht_event_run {
	uint32_t process_serial;
	uint32_t thread_serial;
	uint32_t tid;
	const struct ht_event *events;
	size_t n_events;
	size_t n_readable; /* at least n_events: what the thread does next, after others */
};

/* The first event later than tick, by steps that double and then halve. *first must not be, end[-1] must. */
static inline const struct ht_event *ht_event_first_after(const struct ht_event *first,
                                                          const struct ht_event *end, uint64_t tick)
{
	size_t n_step = 1;

	while (n_step < (size_t)(end - first) && first[n_step].tick <= tick) {
		first += n_step;
		n_step *= 2;
	}
	while (n_step > 0) {
		if (n_step < (size_t)(end - first) && first[n_step].tick <= tick)
			first += n_step;
		n_step /= 2;
	}
	return first + 1;
}

struct ht_event_merge;

/*
 * Start at the first event of file, which must outlive the merge. Blocks are decoded by n_jobs threads
 * (0: as many as there are processors; 1: only the caller's). Those that cannot be decoded are left out and
 * noted as damage in file. In memory are the blocks that overlap in time, and a few for each thread.
 */
struct ht_event_merge *ht_event_merge_new(struct ht_trace_file *file, unsigned n_jobs);

/*
 * Where a merge stands: every event that it has not handed out is in the EVENTS blocks from this one on,
 * behind the first n_skipped events that they have of each thread.
 */
struct ht_merge_thread {
	uint32_t process_serial;
	uint32_t thread_serial;
	uint64_t n_skipped;
	uint64_t last_tick; /* of the thread's events in the blocks before; 0: there are none */
};

struct ht_merge_position {
	uint64_t n_events_blocks;        /* before the first to be read */
	struct ht_merge_thread *threads; /* every one that had an event */
	size_t n_threads;
	size_t threads_capacity;
};

void ht_merge_position_done(struct ht_merge_position *position);

/* Keep what ht_event_merge_position() needs: to be called first. */
void ht_event_merge_keep_positions(struct ht_event_merge *merge);

/* Where the merge stands now. *position is to be used again, or all zero. */
void ht_event_merge_position(struct ht_event_merge *merge, struct ht_merge_position *position);

/* A merge that goes on from a position of a merge of the same file. */
struct ht_event_merge *ht_event_merge_new_at(struct ht_trace_file *file, unsigned n_jobs,
                                             const struct ht_merge_position *position);

/* NULL is fine. */
void ht_event_merge_free(struct ht_event_merge *merge);

/*
 * The next run of events, ordered by (tick, process serial, thread serial); those of one thread in the
 * order of the file, with ticks that never decrease (a tick before its predecessor's is given as
 * that one). No event of the run is later than until_tick. HT_OK with *ret_run filled (n_events 0
 * when the next event is later than until_tick), valid until the next call; HT_ERR_END after the
 * last one.
 */
enum ht_err ht_event_merge_next(struct ht_event_merge *merge, uint64_t until_tick,
                                struct ht_event_run *ret_run) HT_MUST_CHECK;

/* What was met so far. */
struct ht_event_merge_counts {
	uint64_t n_blocks;         /* decoded */
	uint64_t n_damaged_blocks; /* left out */
	uint64_t n_damaged_events; /* in those, as their headers say */
	uint64_t n_ticks_back;     /* ticks before their predecessor's in the same thread */
};

struct ht_event_merge_counts ht_event_merge_counts(const struct ht_event_merge *merge);

#endif
