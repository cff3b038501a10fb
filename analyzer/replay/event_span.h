/* SPDX-License-Identifier: MIT */
/* A span of events of one thread: what they have in common, in registers. Analyzer; inside replay/ only. */
#ifndef HT_EVENT_SPAN_H
#define HT_EVENT_SPAN_H

#include "analyzer/replay/replay_state.h"

#include <stdbool.h>
#include <stdint.h>

/* What the events of a run have in common. */
struct ht_actor {
	struct ht_replay_process *process;
	struct ht_replay_thread *thread;
	struct ht_process_result *result;
	struct ht_thread_result *thread_result;
	uint32_t i_process;
	uint32_t i_thread;
};

/* The step of time that an event belongs to; asked for before live bytes change. */
static inline struct ht_rate_step *ht_step_of(struct ht_replay_state *r, uint64_t tick)
{
	return ht_rate_windows_step(&r->results->rate, tick, r->results->sites.live_bytes);
}

/*
 * A span is a part of a run in one step of time. What its events have in common, and sums over them, are
 * kept here, where the compiler can keep them in registers, and are put where they belong when it ends,
 * or before anything else may look there.
 */
struct ht_span {
	struct ht_site *sites; /* of the table, valid until it grows */
	struct ht_rate_step *step;
	uint64_t step_end;
	uint64_t live_bytes; /* of the table, */
	uint64_t peak_bytes;
	uint64_t peak_epoch;
	uint64_t first_live_bytes; /* when the span began, */
	uint64_t first_n_live;
	uint64_t max_live_bytes; /* since then */
	uint64_t n_allocations;  /* of the thread, ever, */
	uint64_t requested;      /* and its bytes */
	uint64_t n_frees;        /* of the span */
	bool is_anything_waiting;
};

static inline __attribute__((always_inline)) struct ht_span
ht_span_begin(struct ht_replay_state *r, const struct ht_actor *a, uint64_t tick)
{
	struct ht_site_table *table = &r->results->sites;
	struct ht_rate_step *step = ht_step_of(r, tick);

	return (struct ht_span){
		.sites = table->sites,
		.step = step,
		.step_end = r->results->rate.now_end,
		.live_bytes = table->live_bytes,
		.peak_bytes = table->peak_bytes,
		.peak_epoch = table->peak_epoch,
		.first_live_bytes = table->live_bytes,
		.first_n_live = table->n_live,
		.max_live_bytes = table->live_bytes,
		.n_allocations = a->thread->n_allocations,
		.requested = a->thread_result->allocated_bytes + a->thread->other_bytes,
		.is_anything_waiting = r->i_waiting < r->n_waiting,
	};
}

static inline uint64_t ht_span_n_live(const struct ht_actor *a, const struct ht_span *s)
{
	return s->first_n_live + (s->n_allocations - a->thread->n_allocations) - s->n_frees;
}

static inline __attribute__((always_inline)) void
ht_span_end(struct ht_replay_state *r, const struct ht_actor *a, const struct ht_span *s)
{
	struct ht_site_table *table = &r->results->sites;
	struct ht_process_result *result = a->result;
	uint64_t others = s->first_live_bytes - result->live_bytes; /* of other processes */
	uint64_t n_allocations = s->n_allocations - a->thread->n_allocations;
	uint64_t n_bytes =
	        s->requested - a->thread_result->allocated_bytes - a->thread->other_bytes;

	table->live_bytes = s->live_bytes;
	table->n_live = ht_span_n_live(a, s);
	a->thread->n_allocations = s->n_allocations;
	result->live_bytes = s->live_bytes - others;
	if (s->max_live_bytes - others > result->peak_bytes)
		result->peak_bytes = s->max_live_bytes - others;
	result->counts.n_allocations += n_allocations;
	result->counts.n_frees += s->n_frees;
	result->counts.allocated_bytes += n_bytes;
	a->thread_result->n_allocations += n_allocations;
	a->thread_result->n_frees += s->n_frees;
	a->thread_result->allocated_bytes += n_bytes;
	s->step->n_allocations += n_allocations;
	s->step->n_bytes += n_bytes;
	if (s->max_live_bytes > s->step->max_live_bytes)
		s->step->max_live_bytes = s->max_live_bytes;
	if (s->max_live_bytes > r->phase_peak_bytes)
		r->phase_peak_bytes = s->max_live_bytes;
}

static inline void ht_span_touch(const struct ht_span *s, struct ht_site *site)
{
	if (site->peak_epoch != s->peak_epoch) {
		site->n_at_peak = site->n_live;
		site->at_peak_bytes = site->live_bytes;
		site->peak_epoch = s->peak_epoch;
	}
}

/* More is live than ever in this span, in n_live blocks. */
static inline __attribute__((always_inline)) void ht_span_rise(struct ht_replay_state *r,
                                                               struct ht_span *s,
                                                               const struct ht_event *e,
                                                               uint64_t n_live)
{
	struct ht_site_table *table = &r->results->sites;

	s->max_live_bytes = s->live_bytes;
	if (s->live_bytes <= s->peak_bytes)
		return;
	table->peak_bytes = s->peak_bytes = s->live_bytes;
	table->n_at_peak = n_live;
	table->peak_tick = e->tick;
	table->peak_epoch = ++s->peak_epoch;
	r->results->peak_event = r->n_events + (uint64_t)(e - r->run) + 1;
}

/* A free of a block that another thread allocated. */
void ht_span_count_for_other(struct ht_replay_state *r, const struct ht_actor *a,
                             const struct ht_live_block *block);

/* A free whose own stack is known. */
void ht_span_count_pair(struct ht_replay_state *r, const struct ht_actor *a,
                        const struct ht_event *e, const struct ht_live_block *block);

/* Of a block that is freed: allocations that its thread made since, or what the limit of short lives is in. */
uint64_t ht_span_age(const struct ht_replay_state *r, const struct ht_actor *a,
                     const struct ht_span *s, const struct ht_event *e,
                     const struct ht_live_block *block);

#endif
