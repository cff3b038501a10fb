/* SPDX-License-Identifier: MIT */
/* What each event does to the live blocks and to the counts. Analyzer. */
#ifndef __clang__
/* Counters written one by one must not be read again in pairs, as one vector: that stalls the processor. */
#pragma GCC optimize("no-tree-slp-vectorize")
#endif

#include "analyzer/replay/event_apply.h"

#include "analyzer/base/xalloc.h"

#include <string.h>

#define MIN_SHORTENED 64u

/*
 * How many events ahead memory is asked for: about as long as it takes to come. First where the block is, later
 * the block.
 */
#define PREFETCH_EVENTS 24
#define PREFETCH_PLACES 40

/* What the events of a run have in common. */
struct actor {
	struct ht_replay_process *process;
	struct ht_replay_thread *thread;
	struct ht_process_result *result;
	struct ht_thread_result *thread_result;
	uint32_t i_process;
	uint32_t i_thread;
};

static void note_anomaly(struct ht_replay_state *r, enum ht_anomaly_kind kind,
                         const struct actor *a, uint64_t tick, uint64_t id)
{
	struct ht_anomaly *anomaly = &r->results->anomalies[kind];

	if (anomaly->n++ == 0) {
		anomaly->process = a->i_process;
		anomaly->thread_serial = a->thread->serial;
		anomaly->tick = tick;
		anomaly->id = id;
	}
}

static struct actor actor_of(const struct ht_replay_state *r, uint32_t i_process, uint32_t i_thread)
{
	return (struct actor){ &r->processes[i_process], &r->threads[i_thread],
		               &r->results->processes[i_process], &r->results->threads[i_thread],
		               i_process, i_thread };
}

static __attribute__((noinline)) uint32_t find_site(struct ht_replay_state *r,
                                                    const struct actor *a, const struct ht_event *e)
{
	uint32_t site = ht_replay_state_need_site(r, a->i_process, e->node);
	uint32_t stack = r->results->sites.sites[site].stack;

	if (stack == HT_TRUNC_LOST && e->node >= HT_FIRST_NODE)
		note_anomaly(r, HT_ANOMALY_UNKNOWN_STACK, a, e->tick, e->node);
	else if (e->node < a->process->n_nodes)
		a->process->site_of_node[e->node] = site + 1;
	return site;
}

static inline uint32_t site_of(struct ht_replay_state *r, const struct actor *a,
                               const struct ht_event *e)
{
	if (__builtin_expect(e->node < a->process->n_nodes, 1)) {
		uint32_t site = a->process->site_of_node[e->node];

		if (__builtin_expect(site != 0, 1))
			return site - 1;
	}
	return find_site(r, a, e);
}

static inline void add_live(struct ht_replay_state *r, const struct actor *a, struct ht_site *site,
                            const struct ht_event *e)
{
	uint64_t size = e->size;

	ht_site_table_add_live(&r->results->sites, site, size, e->tick);
	a->result->live_bytes += size;
	if (a->result->live_bytes > a->result->peak_bytes)
		a->result->peak_bytes = a->result->live_bytes;
}

static inline void sub_live(struct ht_replay_state *r, const struct actor *a, struct ht_site *site,
                            uint64_t size)
{
	ht_site_table_sub_live(&r->results->sites, site, size);
	a->result->live_bytes -= size;
}

/* The step of time that an event belongs to; asked for before live bytes change. */
static inline struct ht_rate_step *step_of(struct ht_replay_state *r, uint64_t tick)
{
	return ht_rate_windows_step(&r->results->rate, tick, r->results->sites.live_bytes);
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

/* ---- Collectors: what is counted of each event besides sites and live bytes. One place for all. ---- */

static inline void collect_alloc(struct ht_replay_state *r, const struct ht_event *e)
{
	if (!r->options->is_without_distributions)
		ht_tally_add(&r->sizes, e->size);
}

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

/*
 * ---- The fast way of allocations and frees: nearly all events. ----
 *
 * A span is a part of a run in one step of time. What its events have in common, and sums over them, are
 * kept here, where the compiler can keep them in registers, and are put where they belong when it ends,
 * or before anything else may look there.
 */
struct span {
	struct ht_site *sites; /* of the table, valid until it grows */
	struct ht_rate_step *step;
	uint64_t step_end;
	uint64_t live_bytes; /* of the table, */
	uint64_t n_live;
	uint64_t peak_bytes;
	uint64_t peak_epoch;
	uint64_t first_live_bytes; /* when the span began */
	uint64_t max_live_bytes;   /* since then */
	uint64_t n_allocations;
	uint64_t n_frees;
	uint64_t allocated_bytes;
	bool is_anything_waiting;
};

static inline __attribute__((always_inline)) struct span span_begin(struct ht_replay_state *r,
                                                                    uint64_t tick)
{
	struct ht_site_table *table = &r->results->sites;
	struct ht_rate_step *step = step_of(r, tick);

	return (struct span){
		.sites = table->sites,
		.step = step,
		.step_end = r->results->rate.now_end,
		.live_bytes = table->live_bytes,
		.n_live = table->n_live,
		.peak_bytes = table->peak_bytes,
		.peak_epoch = table->peak_epoch,
		.first_live_bytes = table->live_bytes,
		.max_live_bytes = table->live_bytes,
		.is_anything_waiting = r->i_waiting < r->n_waiting,
	};
}

static inline __attribute__((always_inline)) void
span_end(struct ht_replay_state *r, const struct actor *a, const struct span *s)
{
	struct ht_site_table *table = &r->results->sites;
	struct ht_process_result *result = a->result;
	uint64_t others = s->first_live_bytes - result->live_bytes; /* of other processes */

	table->live_bytes = s->live_bytes;
	table->n_live = s->n_live;
	result->live_bytes = s->live_bytes - others;
	if (s->max_live_bytes - others > result->peak_bytes)
		result->peak_bytes = s->max_live_bytes - others;
	result->counts.n_allocations += s->n_allocations;
	result->counts.n_frees += s->n_frees;
	result->counts.allocated_bytes += s->allocated_bytes;
	a->thread_result->n_allocations += s->n_allocations;
	a->thread_result->n_frees += s->n_frees;
	a->thread_result->allocated_bytes += s->allocated_bytes;
	s->step->n_allocations += s->n_allocations;
	s->step->n_bytes += s->allocated_bytes;
	if (s->max_live_bytes > s->step->max_live_bytes)
		s->step->max_live_bytes = s->max_live_bytes;
	if (s->max_live_bytes > r->phase_peak_bytes)
		r->phase_peak_bytes = s->max_live_bytes;
}

static inline void span_touch(const struct span *s, struct ht_site *site)
{
	if (site->peak_epoch != s->peak_epoch) {
		site->n_at_peak = site->n_live;
		site->at_peak_bytes = site->live_bytes;
		site->peak_epoch = s->peak_epoch;
	}
}

static inline __attribute__((always_inline)) void span_alloc(struct ht_replay_state *r,
                                                             const struct actor *a, struct span *s,
                                                             const struct ht_event *e)
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
	block->birth_count = ++a->thread->n_allocations;
	block->birth_bytes = a->thread_result->allocated_bytes + s->allocated_bytes +
	                     a->thread->other_bytes + e->size;
	block->owner_site = block->birth_site = i_site;
	block->thread = a->i_thread;
	block->n_reallocations = 0;
	s->n_allocations++;
	s->allocated_bytes += e->size;
	collect_alloc(r, e);

	span_touch(s, site);
	if (__builtin_expect(site->n_allocations == 0, 0))
		site->first_bytes = e->size;
	site->n_other_sizes += e->size != site->first_bytes;
	site->n_allocations++;
	site->allocated_bytes += e->size;
	site->n_live++;
	site->live_bytes += e->size;
	ht_site_check_own_peak(site, e->tick);
	s->n_live++;
	s->live_bytes += e->size;
	if (s->live_bytes > s->max_live_bytes) {
		s->max_live_bytes = s->live_bytes;
		if (s->live_bytes > s->peak_bytes) {
			table->peak_bytes = s->peak_bytes = s->live_bytes;
			table->n_at_peak = s->n_live;
			table->peak_tick = e->tick;
			table->peak_epoch = ++s->peak_epoch;
			r->results->peak_event = r->n_events + (uint64_t)(e - r->run) + 1;
		}
	}
}

/* A free of a block that another thread allocated. */
static __attribute__((noinline)) void count_free_for_other(struct ht_replay_state *r,
                                                           const struct actor *a,
                                                           const struct ht_live_block *block)
{
	struct ht_thread_result *owner = &r->results->threads[block->thread];
	struct ht_site_detail *detail =
	        ht_site_details_need(&r->results->details, block->birth_site);

	a->thread_result->n_freed_for_others++;
	a->thread_result->freed_for_others_bytes += block->size;
	owner->n_freed_by_others++;
	owner->freed_by_others_bytes += block->size;
	detail->n_freed_by_others++;
	detail->freed_by_others_bytes += block->size;
}

/* A free whose own stack is known. */
static __attribute__((noinline)) void count_free_pair(struct ht_replay_state *r,
                                                      const struct actor *a,
                                                      const struct ht_event *e,
                                                      const struct ht_live_block *block)
{
	uint32_t stack = ht_stack_tree_find(&r->model->stacks, &r->model->processes, a->i_process,
	                                    e->node);

	ht_free_pairs_add(&r->results->frees, block->birth_site, stack, block->size);
}

/* Of a block that is freed, in ticks or bytes. */
static uint64_t age_by_unit(const struct ht_replay_state *r, const struct actor *a,
                            const struct span *s, const struct ht_event *e,
                            const struct ht_live_block *block)
{
	uint64_t n_bytes = r->results->threads[block->thread].allocated_bytes +
	                   r->threads[block->thread].other_bytes;

	if (r->options->short_lived_unit == HT_SHORT_LIVED_NS)
		return e->tick > block->birth_tick ? e->tick - block->birth_tick : 0;
	if (block->thread == a->i_thread)
		n_bytes += s->allocated_bytes;
	return n_bytes - block->birth_bytes;
}

/* False, with nothing done, when the block is not live. */
static inline __attribute__((always_inline)) bool span_free(struct ht_replay_state *r,
                                                            const struct actor *a, struct span *s,
                                                            const struct ht_event *e)
{
	struct ht_live_block *block = ht_live_blocks_find(&a->process->live, e->id);

	if (__builtin_expect(!block, 0))
		return false;

	struct ht_site *birth = &s->sites[block->birth_site];
	struct ht_site *owner = &s->sites[block->owner_site];
	uint64_t age = r->threads[block->thread].n_allocations - block->birth_count;
	/* No branches: which blocks are is hard to foresee. */
	bool is_of_window = block->birth_tick >= r->first_tick;
	bool is_temporary = is_of_window & (age == 0) & (block->thread == a->i_thread);
	uint64_t other_age = age;

	if (__builtin_expect(r->options->short_lived_unit != HT_SHORT_LIVED_ALLOCATIONS, 0))
		other_age = age_by_unit(r, a, s, e, block);

	bool is_short_lived = is_of_window & (other_age < r->short_lived_limit);

	s->n_frees++;
	birth->n_temporary += is_temporary;
	birth->temporary_bytes += block->size & (0 - (uint64_t)is_temporary);
	birth->n_short_lived += is_short_lived;
	birth->short_lived_bytes += block->size & (0 - (uint64_t)is_short_lived);
	collect_free(r, e, block);
	if (block->thread != a->i_thread)
		count_free_for_other(r, a, block);
	if (__builtin_expect(e->node != 0, 0))
		count_free_pair(r, a, e, block);

	span_touch(s, owner);
	owner->n_live--;
	owner->live_bytes -= block->size;
	if (owner->n_live == 0)
		owner->empty_tick = e->tick;
	s->n_live--;
	s->live_bytes -= block->size;
	ht_live_blocks_remove(&a->process->live, block);
	return true;
}

/* ---- Everything else: the rest of the events, one by one. ---- */

static void apply_alloc(struct ht_replay_state *r, const struct actor *a, const struct ht_event *e)
{
	struct span s = span_begin(r, e->tick);

	span_alloc(r, a, &s, e);
	span_end(r, a, &s);
}

/* A free of a block that is live. */
static void apply_free(struct ht_replay_state *r, const struct actor *a, const struct ht_event *e)
{
	struct span s = span_begin(r, e->tick);

	span_free(r, a, &s, e);
	span_end(r, a, &s);
}

/* What a realloc does to counts whatever is known of its old block; the new owner's index. */
static uint32_t count_realloc(struct ht_replay_state *r, const struct actor *a,
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
static bool apply_realloc(struct ht_replay_state *r, const struct actor *a,
                          const struct ht_event *e, struct ht_live_block *old_block)
{
	struct ht_live_block born = { .birth_tick = e->tick, .thread = a->i_thread };

	if (ht_live_blocks_find(&a->process->live, e->id)) {
		note_anomaly(r, HT_ANOMALY_DUPLICATE_ID, a, e->tick, e->id);
		return false;
	}
	uint32_t i_site = count_realloc(r, a, e);
	struct ht_rate_step *step = step_of(r, e->tick);

	struct ht_site_detail *detail = ht_site_details_need(&r->results->details, i_site);

	if (old_block) {
		born = *old_block;
		born.n_reallocations++;
		ht_site_detail_add_realloc(detail, old_block->size, e->size, born.n_reallocations,
		                           e->kind == HT_EVENT_REALLOC_MOVED);
		ht_live_blocks_remove(&a->process->live, old_block);
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
static bool wait_for_alloc(struct ht_replay_state *r, const struct actor *a,
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
static bool end_unknown(struct ht_replay_state *r, const struct actor *a, const struct ht_event *e,
                        uint64_t id)
{
	if (id < a->process->first_own_id) {
		a->result->counts.n_inherited_frees++;
		return is_realloc(e) && apply_realloc(r, a, e, NULL);
	}
	return wait_for_alloc(r, a, e, id);
}

static bool apply_end(struct ht_replay_state *r, const struct actor *a, const struct ht_event *e)
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
		ht_live_blocks_remove(&a->process->live, block);
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
		struct actor a = actor_of(r, w->process, w->thread);

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
		struct actor a = actor_of(r, w->process, w->thread);
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
static __attribute__((noinline)) void apply_rare(struct ht_replay_state *r, const struct actor *a,
                                                 const struct ht_event *e)
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

void ht_event_apply_run(struct ht_replay_state *r, const struct ht_event_run *run)
{
	uint32_t i_process = ht_process_list_need(&r->model->processes, run->process_serial);

	ht_replay_state_need_process(r, i_process);
	uint32_t i_thread = ht_replay_state_need_thread(r, i_process, run->thread_serial);
	struct actor a = actor_of(r, i_process, i_thread);
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

	struct span s = span_begin(r, first->tick);
	const struct ht_event *prefetch_end = first + run->n_readable;

	if (!ht_live_blocks_are_many(&a.process->live))
		prefetch_end = first; /* they are at hand */
	for (const struct ht_event *e = first; e < end; e++) {
		if (e + PREFETCH_PLACES < prefetch_end) {
			ht_live_blocks_prefetch_place(&a.process->live, e[PREFETCH_PLACES].id);
			ht_live_blocks_prefetch(&a.process->live, e[PREFETCH_EVENTS].id);
		}
		if (__builtin_expect(e->tick >= s.step_end, 0)) {
			span_end(r, &a, &s);
			if (e->tick >= r->quarter_ticks[r->i_quarter])
				keep_quarters(r, e->tick);
			s = span_begin(r, e->tick);
		}
		if (e->kind == HT_EVENT_ALLOC && __builtin_expect(!s.is_anything_waiting, 1)) {
			span_alloc(r, &a, &s, e);
		} else if (e->kind != HT_EVENT_FREE || !span_free(r, &a, &s, e)) {
			span_end(r, &a, &s);
			r->i_event = r->n_events + (uint64_t)(e - first) + 1;
			apply_rare(r, &a, e);
			s = span_begin(r, e->tick);
		}
	}
	span_end(r, &a, &s);
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
	struct actor a = { p, NULL, &r->results->processes[i_process], NULL, i_process, 0 };
	size_t cursor = 0;

	if (process->has_end && !is_window_end)
		step_of(r, process->end_tick);
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
