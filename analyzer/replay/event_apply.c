/* SPDX-License-Identifier: MIT */
/* What each event does to the live blocks and to the counts. Analyzer. */
#include "analyzer/replay/event_apply.h"

#include "analyzer/base/xalloc.h"

#include <string.h>

#define MIN_SHORTENED 64u

/* How many events ahead memory is asked for: about as long as it takes to come. */
#define PREFETCH_SLOT   32
#define PREFETCH_RECORD 16

/* What the events of a run have in common. */
struct actor {
	struct ht_replay_process *process;
	struct ht_replay_thread *thread;
	struct ht_process_result *result;
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
		               &r->results->processes[i_process], i_process, i_thread };
}

static __attribute__((noinline)) uint32_t find_site(struct ht_replay_state *r,
                                                    const struct actor *a, const struct ht_event *e)
{
	uint32_t stack =
	        ht_stack_tree_find(&r->model->stacks, &r->model->processes, a->i_process, e->node);
	uint32_t site = ht_site_table_need(&r->results->sites, stack);

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
                            uint64_t size)
{
	ht_site_table_add_live(&r->results->sites, site, size);
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

	ht_site_table_check_peak(sites, tick);
	if (sites->live_bytes > step->max_live_bytes)
		step->max_live_bytes = sites->live_bytes;
}

static inline void apply_alloc(struct ht_replay_state *r, const struct actor *a,
                               const struct ht_event *e)
{
	struct ht_live_block *block = ht_live_blocks_add(&a->process->live, e->id);

	if (__builtin_expect(!block, 0)) {
		note_anomaly(r, HT_ANOMALY_DUPLICATE_ID, a, e->tick, e->id);
		return;
	}
	uint32_t i_site = site_of(r, a, e);
	struct ht_site *site = &r->results->sites.sites[i_site];
	struct ht_rate_step *step = step_of(r, e->tick);

	block->size = e->size;
	block->birth_tick = e->tick;
	block->birth_count = ++a->thread->n_allocations;
	block->owner_site = block->birth_site = i_site;
	block->thread = a->i_thread;
	site->n_allocations++;
	site->allocated_bytes += e->size;
	a->result->counts.n_allocations++;
	a->result->counts.allocated_bytes += e->size;
	step->n_allocations++;
	step->n_bytes += e->size;
	ht_tally_add(&r->sizes, e->size);
	add_live(r, a, site, e->size);
	check_peak(r, step, e->tick);
}

/* A free of a block that is live: at slot. */
static inline void apply_free(struct ht_replay_state *r, const struct actor *a,
                              const struct ht_event *e, struct ht_live_block *block, size_t slot)
{
	struct ht_site *sites = r->results->sites.sites;
	struct ht_site *birth = &sites[block->birth_site];
	uint64_t age = r->threads[block->thread].n_allocations - block->birth_count;

	step_of(r, e->tick);
	a->result->counts.n_frees++;
	if (age == 0 && block->thread == a->i_thread) {
		birth->n_temporary++;
		birth->temporary_bytes += block->size;
	}
	if (age < r->options->short_lived_age) {
		birth->n_short_lived++;
		birth->short_lived_bytes += block->size;
	}
	ht_tally_add(&r->lifetimes_ticks,
	             e->tick > block->birth_tick ? e->tick - block->birth_tick : 0);
	sub_live(r, a, &sites[block->owner_site], block->size);
	ht_live_blocks_remove_slot(&a->process->live, slot);
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
	ht_tally_add(&r->sizes, e->size);
	return i_site;
}

/*
 * A realloc; old_block, at slot, may be NULL when its old block is the parent's or unknown. True when
 * its new id has come to life by it.
 */
static bool apply_realloc(struct ht_replay_state *r, const struct actor *a,
                          const struct ht_event *e, const struct ht_live_block *old_block,
                          size_t slot)
{
	struct ht_live_block born = { .birth_tick = e->tick, .thread = a->i_thread };
	size_t ignored;

	if (ht_live_blocks_find(&a->process->live, e->id, &ignored)) {
		note_anomaly(r, HT_ANOMALY_DUPLICATE_ID, a, e->tick, e->id);
		return false;
	}
	uint32_t i_site = count_realloc(r, a, e);
	struct ht_rate_step *step = step_of(r, e->tick);

	if (old_block) {
		born = *old_block;
		ht_live_blocks_remove_slot(&a->process->live, slot);
		sub_live(r, a, &r->results->sites.sites[born.owner_site], born.size);
	} else {
		born.birth_count = a->thread->n_allocations;
		born.birth_site = i_site;
	}
	struct ht_live_block *block = ht_live_blocks_add(&a->process->live, e->id);

	born.id = e->id;
	born.size = e->size;
	born.owner_site = i_site;
	*block = born;
	add_live(r, a, &r->results->sites.sites[i_site], e->size);
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
		return is_realloc(e) && apply_realloc(r, a, e, NULL, 0);
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
		return is_realloc(e) && apply_realloc(r, a, e, NULL, 0);
	}
	return wait_for_alloc(r, a, e, id);
}

static bool apply_end(struct ht_replay_state *r, const struct actor *a, const struct ht_event *e)
{
	uint64_t id = is_realloc(e) ? e->old_id : e->id;
	size_t slot = 0;
	struct ht_live_block *block = ht_live_blocks_find(&a->process->live, id, &slot);

	if (!block)
		return end_unknown(r, a, e, id);
	if (is_realloc(e))
		return apply_realloc(r, a, e, block, slot);
	if (e->kind == HT_EVENT_FREE) {
		apply_free(r, a, e, block, slot);
	} else { /* HT_EVENT_MISSED_FREE: it was freed, but nobody knows when, or by whom */
		a->result->counts.n_missed_frees++;
		r->results->n_censored++;
		sub_live(r, a, &r->results->sites.sites[block->owner_site], block->size);
		ht_live_blocks_remove_slot(&a->process->live, slot);
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
			if (is_realloc(&e) && apply_realloc(r, &a, &e, NULL, 0))
				apply_waiting(r, a.i_process, e.id);
		}
	}
	shorten_waiting(r);
}

void ht_event_apply_run(struct ht_replay_state *r, const struct ht_event_run *run)
{
	uint32_t i_process = ht_process_list_need(&r->model->processes, run->process_serial);

	ht_replay_state_need_process(r, i_process);
	uint32_t i_thread = ht_replay_state_need_thread(r, i_process, run->thread_serial);
	struct actor a = actor_of(r, i_process, i_thread);
	const struct ht_event *first = run->events, *end = first + run->n_events;

	if (r->i_waiting < r->n_waiting)
		ht_event_apply_expired(r, first->tick);
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

	for (const struct ht_event *e = first; e < end; e++) {
		size_t slot;
		struct ht_live_block *block;

		if (e + PREFETCH_SLOT < end)
			ht_live_blocks_prefetch_slot(&a.process->live, e[PREFETCH_SLOT].id);
		if (e + PREFETCH_RECORD < end)
			ht_live_blocks_prefetch_record(&a.process->live, e[PREFETCH_RECORD].id);
		switch (e->kind) {
		case HT_EVENT_ALLOC:
			apply_alloc(r, &a, e);
			if (__builtin_expect(r->i_waiting < r->n_waiting, 0))
				apply_waiting(r, i_process, e->id);
			break;
		case HT_EVENT_FREE:
			block = ht_live_blocks_find(&a.process->live, e->id, &slot);
			if (__builtin_expect(block != NULL, 1))
				apply_free(r, &a, e, block, slot);
			else
				end_unknown(r, &a, e, e->id);
			break;
		case HT_EVENT_REALLOC:
		case HT_EVENT_REALLOC_MOVED:
			if (apply_end(r, &a, e) && r->i_waiting < r->n_waiting)
				apply_waiting(r, i_process, e->id);
			break;
		case HT_EVENT_MISSED_FREE: apply_end(r, &a, e); break;
		case HT_EVENT_UNKNOWN_FREE: a.result->counts.n_unknown_frees++; break;
		case HT_EVENT_LOST: a.result->counts.n_lost_events += e->size; break;
		}
	}
}

void ht_event_apply_process_end(struct ht_replay_state *r, uint32_t i_process)
{
	struct ht_replay_process *p = &r->processes[i_process];
	struct ht_counts *counts = &r->results->processes[i_process].counts;
	bool is_exec = r->model->processes.processes[i_process].end_kind == HT_END_EXEC;
	struct actor a = { p, NULL, &r->results->processes[i_process], i_process, 0 };
	size_t cursor = 0;

	if (r->model->processes.processes[i_process].has_end)
		step_of(r, r->model->processes.processes[i_process].end_tick);
	for (const struct ht_live_block *b; (b = ht_live_blocks_next(&p->live, &cursor));) {
		struct ht_site *site = &r->results->sites.sites[b->owner_site];

		if (is_exec) {
			counts->n_live_at_exec++;
			counts->live_at_exec_bytes += b->size;
		} else {
			counts->n_leaked++;
			counts->leaked_bytes += b->size;
			site->n_leaked++;
			site->leaked_bytes += b->size;
		}
		r->results->n_censored++;
		sub_live(r, &a, site, b->size);
	}
	ht_live_blocks_done(&p->live);
	p->has_ended = true;
}
