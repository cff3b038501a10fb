/* SPDX-License-Identifier: MIT */
/* What each event does to the live blocks and to the counts. Analyzer. */
#ifndef __clang__
/* Counters written one by one must not be read again in pairs, as one vector: that stalls the processor. */
#pragma GCC optimize("no-tree-slp-vectorize")
#endif

#include "analyzer/replay/event_apply.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/replay/event_batch.h"

#include <string.h>

#define MIN_SHORTENED 64u

/*
 * How many events ahead memory is asked for: about as long as it takes to come. First where the block is, later
 * the block.
 */
#define PREFETCH_EVENTS 24
#define PREFETCH_PLACES 40

static void note_anomaly(struct ht_replay_state *r, enum ht_anomaly_kind kind,
                         const struct ht_actor *a, uint64_t tick, uint64_t id)
{
	struct ht_anomaly *anomaly = &r->results->anomalies[kind];

	if (anomaly->n++ == 0) {
		anomaly->process = a->i_process;
		anomaly->thread_serial = a->thread->serial;
		anomaly->tick = tick;
		anomaly->id = id;
	}
}

static struct ht_actor actor_of(const struct ht_replay_state *r, uint32_t i_process,
                                uint32_t i_thread)
{
	return (struct ht_actor){ &r->processes[i_process],
		                  &r->threads[i_thread],
		                  &r->results->processes[i_process],
		                  &r->results->threads[i_thread],
		                  i_process,
		                  i_thread };
}

static __attribute__((noinline)) uint32_t
find_site(struct ht_replay_state *r, const struct ht_actor *a, const struct ht_event *e)
{
	uint32_t site = ht_replay_state_need_site(r, a->i_process, e->node);
	uint32_t stack = r->results->sites.sites[site].stack;

	if (stack == HT_TRUNC_LOST && e->node >= HT_FIRST_NODE)
		note_anomaly(r, HT_ANOMALY_UNKNOWN_STACK, a, e->tick, e->node);
	else if (e->node < a->process->n_nodes)
		a->process->site_of_node[e->node] = site + 1;
	return site;
}

static inline uint32_t site_of(struct ht_replay_state *r, const struct ht_actor *a,
                               const struct ht_event *e)
{
	if (__builtin_expect(e->node < a->process->n_nodes, 1)) {
		uint32_t site = a->process->site_of_node[e->node];

		if (__builtin_expect(site != 0, 1))
			return site - 1;
	}
	return find_site(r, a, e);
}

static inline void add_live(struct ht_replay_state *r, const struct ht_actor *a,
                            struct ht_site *site, const struct ht_event *e)
{
	uint64_t size = e->size;

	ht_site_table_add_live(&r->results->sites, site, size, e->tick);
	a->result->live_bytes += size;
	if (a->result->live_bytes > a->result->peak_bytes)
		a->result->peak_bytes = a->result->live_bytes;
}

static inline void sub_live(struct ht_replay_state *r, const struct ht_actor *a,
                            struct ht_site *site, uint64_t size)
{
	ht_site_table_sub_live(&r->results->sites, site, size);
	a->result->live_bytes -= size;
}

/* After an event that raised the live bytes. */
static inline void check_peak(struct ht_replay_state *r, struct ht_rate_step *step, uint64_t tick)
{
	struct ht_site_table *sites = &r->results->sites;

	if (sites->live_bytes > sites->peak_bytes)
		r->results->peak_event = r->i_event;
	ht_site_table_check_peak(sites, tick);
	if (sites->live_bytes > step->max_live_bytes)
		step->max_live_bytes = sites->live_bytes;
	if (sites->live_bytes > r->phase_peak_bytes)
		r->phase_peak_bytes = sites->live_bytes;
}

/* ---- What is counted of each event besides sites and live bytes. ---- */

/* *block is about to go. */
static inline void collect_free(struct ht_replay_state *r, const struct ht_event *e,
                                const struct ht_live_block *block)
{
	/* No branch: whether both have the same tick is hard to foresee. */
	uint64_t is_later = e->tick > block->birth_tick;

	if (!r->options->is_without_distributions)
		ht_tally_add(&r->lifetimes_ticks, (e->tick - block->birth_tick) & (0 - is_later));
}

static inline void collect_realloc(struct ht_replay_state *r, const struct ht_event *e)
{
	if (!r->options->is_without_distributions)
		ht_tally_add(&r->sizes, e->size);
}

/* ---- The fast way of allocations and frees, one by one: most of the events that are in no batch. ---- */

static inline __attribute__((always_inline)) void
span_alloc(struct ht_replay_state *r, const struct ht_actor *a, struct ht_span *s,
           const struct ht_event *e, bool has_distributions)
{
	struct ht_live_block *block = ht_live_blocks_add(&a->process->live, e->id);

	if (__builtin_expect(!block, 0)) {
		note_anomaly(r, HT_ANOMALY_DUPLICATE_ID, a, e->tick, e->id);
		return;
	}
	uint32_t i_site = site_of(r, a, e);
	struct ht_site_table *table = &r->results->sites;

	s->sites = table->sites; /* it may have grown */

	struct ht_site *site = &s->sites[i_site];

	block->size = e->size;
	block->birth_tick = e->tick;
	block->birth_count = ++s->n_allocations;
	block->birth_bytes = s->requested += e->size;
	block->owner_site = block->birth_site = i_site;
	block->thread = a->i_thread;
	block->n_reallocations = 0;
	if (has_distributions)
		ht_tally_add(&r->sizes, e->size);

	ht_span_touch(s, site);
	if (__builtin_expect(site->n_allocations == 0, 0))
		site->first_bytes = e->size;
	site->n_other_sizes += e->size != site->first_bytes;
	site->n_allocations++;
	site->allocated_bytes += e->size;
	site->n_live++;
	site->live_bytes += e->size;
	ht_site_check_own_peak(site, e->tick);
	s->live_bytes += e->size;
	if (s->live_bytes > s->max_live_bytes)
		ht_span_rise(r, s, e, ht_span_n_live(a, s));
}

/*
 * False, with nothing done, when the block is not live. is_plain: ages are in allocations, and nobody asks for
 * distributions.
 */
static inline __attribute__((always_inline)) bool span_free(struct ht_replay_state *r,
                                                            const struct ht_actor *a,
                                                            struct ht_span *s,
                                                            const struct ht_event *e, bool is_plain)
{
	struct ht_live_segment *segment;
	struct ht_live_block *block = ht_live_blocks_find_in(&a->process->live, e->id, &segment);

	if (__builtin_expect(!block, 0))
		return false;

	struct ht_site *birth = &s->sites[block->birth_site];
	struct ht_site *owner = birth;
	uint64_t size = block->size;
	uint64_t age = s->n_allocations - block->birth_count;
	/* No branches: which blocks are is hard to foresee. */
	bool is_of_window = block->birth_tick >= r->first_tick;
	bool is_temporary = is_of_window & (age == 0);

	if (__builtin_expect(block->owner_site != block->birth_site, 0))
		owner = &s->sites[block->owner_site];
	if (__builtin_expect(block->thread != a->i_thread, 0)) {
		is_temporary = false;
		age = ht_span_age(r, a, s, e, block);
		ht_span_count_for_other(r, a, block);
	} else if (!is_plain) {
		age = ht_span_age(r, a, s, e, block);
	}

	bool is_short_lived = is_of_window & (age < r->short_lived_limit);

	s->n_frees++;
	birth->n_temporary += is_temporary;
	birth->temporary_bytes += size & (0 - (uint64_t)is_temporary);
	birth->n_short_lived += is_short_lived;
	birth->short_lived_bytes += size & (0 - (uint64_t)is_short_lived);
	if (!is_plain)
		collect_free(r, e, block);
	if (__builtin_expect(e->node != 0, 0))
		ht_span_count_pair(r, a, e, block);

	ht_span_touch(s, owner);
	owner->n_live--;
	owner->live_bytes -= size;
	if (owner->n_live == 0)
		owner->empty_tick = e->tick;
	s->live_bytes -= size;
	ht_live_blocks_remove_from(&a->process->live, segment, block);
	return true;
}

/* ---- Everything else: the rest of the events, one by one. ---- */

static void apply_alloc(struct ht_replay_state *r, const struct ht_actor *a,
                        const struct ht_event *e)
{
	struct ht_span s = ht_span_begin(r, a, e->tick);

	span_alloc(r, a, &s, e, !r->options->is_without_distributions);
	ht_span_end(r, a, &s);
}

/* A free of a block that is live. */
static void apply_free(struct ht_replay_state *r, const struct ht_actor *a,
                       const struct ht_event *e)
{
	struct ht_span s = ht_span_begin(r, a, e->tick);

	span_free(r, a, &s, e, false);
	ht_span_end(r, a, &s);
}

/* What a realloc does to counts whatever is known of its old block; the new owner's index. */
static uint32_t count_realloc(struct ht_replay_state *r, const struct ht_actor *a,
                              const struct ht_event *e)
{
	uint32_t i_site = site_of(r, a, e);
	struct ht_site *site = &r->results->sites.sites[i_site];

	site->n_reallocations++;
	site->allocated_bytes += e->size;
	a->result->counts.n_reallocations++;
	a->result->counts.allocated_bytes += e->size;
	a->thread_result->n_reallocations++;
	a->thread_result->allocated_bytes += e->size;
	collect_realloc(r, e);
	return i_site;
}

/*
 * A realloc; old_block may be NULL when its old block is the parent's or unknown. True when
 * its new id has come to life by it.
 */
static bool apply_realloc(struct ht_replay_state *r, const struct ht_actor *a,
                          const struct ht_event *e, struct ht_live_block *old_block)
{
	struct ht_live_block born = { .birth_tick = e->tick, .thread = a->i_thread };

	if (ht_live_blocks_find(&a->process->live, e->id)) {
		note_anomaly(r, HT_ANOMALY_DUPLICATE_ID, a, e->tick, e->id);
		return false;
	}
	uint32_t i_site = count_realloc(r, a, e);
	struct ht_rate_step *step = ht_step_of(r, e->tick);

	struct ht_site_detail *detail = ht_site_details_need(&r->results->details, i_site);

	if (old_block) {
		born = *old_block;
		born.n_reallocations++;
		ht_site_detail_add_realloc(detail, old_block->size, e->size, born.n_reallocations,
		                           e->kind == HT_EVENT_REALLOC_MOVED);
		ht_live_blocks_remove(&a->process->live, old_block->id);
		sub_live(r, a, &r->results->sites.sites[born.owner_site], born.size);
	} else {
		detail->n_moved += e->kind == HT_EVENT_REALLOC_MOVED;
		born.birth_count = a->thread->n_allocations;
		born.birth_bytes = a->thread_result->allocated_bytes + a->thread->other_bytes;
		born.birth_site = i_site;
	}
	struct ht_live_block *block = ht_live_blocks_add(&a->process->live, e->id);

	born.id = e->id;
	born.size = e->size;
	born.owner_site = i_site;
	*block = born;
	add_live(r, a, &r->results->sites.sites[i_site], e);
	check_peak(r, step, e->tick);
	return true;
}

static inline bool is_realloc(const struct ht_event *e)
{
	return e->kind == HT_EVENT_REALLOC || e->kind == HT_EVENT_REALLOC_MOVED;
}

/* This and the next two say, like apply_realloc, whether a new id has come to life. */
static bool wait_for_alloc(struct ht_replay_state *r, const struct ht_actor *a,
                           const struct ht_event *e, uint64_t id)
{
	uint64_t *slot = ht_u64_map_put(&a->process->waiting_of, id);

	if (*slot != 0) { /* ended twice, and not even born */
		note_anomaly(r, HT_ANOMALY_UNKNOWN_ID, a, e->tick, id);
		return is_realloc(e) && apply_realloc(r, a, e, NULL);
	}
	r->waiting = ht_xalloc_grow(r->waiting, &r->waiting_capacity, r->n_waiting + 1,
	                            sizeof(*r->waiting));
	r->waiting[r->n_waiting++] =
	        (struct ht_replay_waiting){ *e, a->i_process, a->i_thread, false };
	*slot = r->waiting_base + r->n_waiting;
	return false;
}

/* Something ended block id, which this process should know. Inherited ones only count. */
static bool end_unknown(struct ht_replay_state *r, const struct ht_actor *a,
                        const struct ht_event *e, uint64_t id)
{
	if (id < a->process->first_own_id) {
		a->result->counts.n_inherited_frees++;
		return is_realloc(e) && apply_realloc(r, a, e, NULL);
	}
	return wait_for_alloc(r, a, e, id);
}

static bool apply_end(struct ht_replay_state *r, const struct ht_actor *a, const struct ht_event *e)
{
	uint64_t id = is_realloc(e) ? e->old_id : e->id;
	struct ht_live_block *block = ht_live_blocks_find(&a->process->live, id);

	if (!block)
		return end_unknown(r, a, e, id);
	if (is_realloc(e))
		return apply_realloc(r, a, e, block);
	if (e->kind == HT_EVENT_FREE) {
		apply_free(r, a, e);
	} else { /* HT_EVENT_MISSED_FREE: it was freed, but nobody knows when, or by whom */
		a->result->counts.n_missed_frees++;
		r->results->n_censored++;
		sub_live(r, a, &r->results->sites.sites[block->owner_site], block->size);
		ht_live_blocks_remove(&a->process->live, block->id);
	}
	return false;
}

/* Block id has just come to life: apply what waits for it, and for what that brings to life. */
static __attribute__((noinline)) void apply_waiting(struct ht_replay_state *r, uint32_t i_process,
                                                    uint64_t id)
{
	uint64_t number;

	while (ht_u64_map_remove(&r->processes[i_process].waiting_of, id, &number)) {
		struct ht_replay_waiting *w = &r->waiting[number - 1 - r->waiting_base];
		struct ht_event e = w->event;
		struct ht_actor a = actor_of(r, w->process, w->thread);

		w->is_done = true;
		if (!apply_end(r, &a, &e))
			return;
		id = e.id;
	}
}

/* Forget the front of the queue when that is most of it. */
static void shorten_waiting(struct ht_replay_state *r)
{
	if (r->i_waiting < r->n_waiting - r->i_waiting + MIN_SHORTENED)
		return;
	r->n_waiting -= r->i_waiting;
	memmove(r->waiting, r->waiting + r->i_waiting, r->n_waiting * sizeof(*r->waiting));
	r->waiting_base += r->i_waiting;
	r->i_waiting = 0;
}

/* Give up on what has waited since before tick. */
void ht_event_apply_expired(struct ht_replay_state *r, uint64_t tick)
{
	while (r->i_waiting < r->n_waiting) {
		struct ht_replay_waiting *w = &r->waiting[r->i_waiting];
		struct ht_event e = w->event;
		struct ht_actor a = actor_of(r, w->process, w->thread);
		uint64_t id = is_realloc(&e) ? e.old_id : e.id;

		if (!w->is_done && tick - e.tick <= HT_REPLAY_SLACK_TICKS && tick != UINT64_MAX)
			break;
		r->i_waiting++;
		if (!w->is_done) {
			ht_u64_map_remove(&a.process->waiting_of, id, NULL);
			note_anomaly(r, HT_ANOMALY_UNKNOWN_ID, &a, e.tick, id);
			if (is_realloc(&e) && apply_realloc(r, &a, &e, NULL))
				apply_waiting(r, a.i_process, e.id);
		}
	}
	shorten_waiting(r);
}

/* Any event, with no span open. */
static __attribute__((noinline)) void apply_rare(struct ht_replay_state *r,
                                                 const struct ht_actor *a, const struct ht_event *e)
{
	bool is_born = false;

	switch (e->kind) {
	case HT_EVENT_ALLOC:
		apply_alloc(r, a, e);
		is_born = true;
		break;
	case HT_EVENT_FREE:
	case HT_EVENT_REALLOC:
	case HT_EVENT_REALLOC_MOVED:
	case HT_EVENT_MISSED_FREE: is_born = apply_end(r, a, e); break;
	case HT_EVENT_UNKNOWN_FREE: a->result->counts.n_unknown_frees++; break;
	case HT_EVENT_LOST: a->result->counts.n_lost_events += e->size; break;
	}
	if (is_born && r->i_waiting < r->n_waiting)
		apply_waiting(r, a->i_process, e->id);
}

/* Before an event at tick. */
static __attribute__((noinline)) void keep_quarters(struct ht_replay_state *r, uint64_t tick)
{
	while (tick >= r->quarter_ticks[r->i_quarter])
		ht_site_table_keep_quarter(&r->results->sites, r->i_quarter++);
}

/* Part of a run, in one step of time. is_plain is a constant, so that each has code of its own. */
static inline __attribute__((always_inline)) void
apply_part(struct ht_replay_state *r, const struct ht_actor *a, struct ht_span *s,
           const struct ht_event *e, const struct ht_event *end,
           const struct ht_event *prefetch_end, bool is_plain)
{
	/* Where blocks are at hand, events are faster in batches, from here on. */
	bool has_batches =
	        prefetch_end <= e && r->options->short_lived_unit == HT_SHORT_LIVED_ALLOCATIONS;
	const struct ht_event *batch = e;

	for (; e < end; e++) {
		if (has_batches && e >= batch && (size_t)(end - e) >= HT_BATCH_MIN_EVENTS &&
		    !s->is_anything_waiting) {
			size_t n = ht_event_batch_apply(r, a, s, e, end);

			e += n;
			if (e == end)
				return;
			/* Not worth it each time when much is in the way. */
			batch = n < HT_BATCH_MIN_EVENTS ? e + HT_BATCH_MIN_EVENTS : e + 1;
		}
		if (e + PREFETCH_PLACES < prefetch_end) {
			ht_live_blocks_prefetch_place(&a->process->live, e[PREFETCH_PLACES].id);
			ht_live_blocks_prefetch(&a->process->live, e[PREFETCH_EVENTS].id);
		}
		if (e->kind == HT_EVENT_ALLOC && __builtin_expect(!s->is_anything_waiting, 1)) {
			span_alloc(r, a, s, e, !is_plain);
		} else if (e->kind != HT_EVENT_FREE || !span_free(r, a, s, e, is_plain)) {
			ht_span_end(r, a, s);
			r->i_event = r->n_events + (uint64_t)(e - r->run) + 1;
			apply_rare(r, a, e);
			*s = ht_span_begin(r, a, e->tick);
		}
	}
}

static inline __attribute__((always_inline)) void
apply_events(struct ht_replay_state *r, const struct ht_actor *a, const struct ht_event *e,
             const struct ht_event *end, const struct ht_event *prefetch_end, bool is_plain)
{
	while (e < end) {
		struct ht_span s = ht_span_begin(r, a, e->tick);
		/* The step may become longer meanwhile, which does no harm. */
		const struct ht_event *part_end =
		        end[-1].tick < s.step_end ? end
		                                  : ht_event_first_after(e, end, s.step_end - 1);

		apply_part(r, a, &s, e, part_end, prefetch_end, is_plain);
		ht_span_end(r, a, &s);
		e = part_end;
		if (e < end && e->tick >= r->quarter_ticks[r->i_quarter])
			keep_quarters(r, e->tick);
	}
}

void ht_event_apply_run(struct ht_replay_state *r, const struct ht_event_run *run)
{
	uint32_t i_process = ht_process_list_need(&r->model->processes, run->process_serial);

	ht_replay_state_need_process(r, i_process);
	uint32_t i_thread = ht_replay_state_need_thread(r, i_process, run->thread_serial);
	struct ht_actor a = actor_of(r, i_process, i_thread);
	const struct ht_event *first = run->events, *end = first + run->n_events;

	r->run = first;
	r->i_event = r->n_events + 1;
	if (r->i_waiting < r->n_waiting)
		ht_event_apply_expired(r, first->tick);
	if (!a.thread_result->is_active) {
		a.thread_result->is_active = true;
		a.thread_result->tid = run->tid;
		a.result->counts.n_threads++;
	}
	if (a.process->has_ended)
		note_anomaly(r, HT_ANOMALY_AFTER_END, &a, first->tick, run->n_events);
	if (a.result->counts.n_events == 0) {
		a.result->first_event_tick = first->tick;
		if (!r->model->processes.processes[i_process].is_described)
			note_anomaly(r, HT_ANOMALY_NO_PROCESS, &a, first->tick,
			             run->process_serial);
	}
	a.result->counts.n_events += run->n_events;
	a.result->last_event_tick = end[-1].tick;

	if (first->tick >= r->quarter_ticks[r->i_quarter])
		keep_quarters(r, first->tick);

	const struct ht_event *prefetch_end = first + run->n_readable;

	if (!ht_live_blocks_are_many(&a.process->live))
		prefetch_end = first; /* they are at hand */
	if (r->options->is_without_distributions &&
	    r->options->short_lived_unit == HT_SHORT_LIVED_ALLOCATIONS)
		apply_events(r, &a, first, end, prefetch_end, true);
	else
		apply_events(r, &a, first, end, prefetch_end, false);
	r->n_events += run->n_events;
	r->last_tick = end[-1].tick;
}

static void count_leak_of_phase(struct ht_replay_state *r, const struct ht_live_block *block)
{
	struct ht_phase *phase = ht_phase_list_find(&r->results->phases, block->birth_tick);

	if (!phase)
		return;
	phase->n_leaked++;
	phase->leaked_bytes += block->size;
}

void ht_event_apply_process_end(struct ht_replay_state *r, uint32_t i_process, bool is_window_end)
{
	struct ht_replay_process *p = &r->processes[i_process];
	const struct ht_process *process = &r->model->processes.processes[i_process];
	struct ht_counts *counts = &r->results->processes[i_process].counts;
	bool is_exec = process->end_kind == HT_END_EXEC && !is_window_end;
	struct ht_actor a = { p, NULL, &r->results->processes[i_process], NULL, i_process, 0 };
	size_t cursor = 0;

	if (process->has_end && !is_window_end)
		ht_step_of(r, process->end_tick);
	for (const struct ht_live_block *b; (b = ht_live_blocks_next(&p->live, &cursor));) {
		struct ht_site *site = &r->results->sites.sites[b->owner_site];

		if (is_exec) {
			counts->n_live_at_exec++;
			counts->live_at_exec_bytes += b->size;
		} else if (b->birth_tick >= r->first_tick) {
			counts->n_leaked++;
			counts->leaked_bytes += b->size;
			ht_site_add_leak(site, b->size, b->birth_tick);
			count_leak_of_phase(r, b);
		} else {
			r->results->window.n_kept++;
			r->results->window.kept_bytes += b->size;
		}
		r->results->n_censored++;
		sub_live(r, &a, site, b->size);
	}
	ht_live_blocks_done(&p->live);
	p->has_ended = true;
}
