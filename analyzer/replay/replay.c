/* SPDX-License-Identifier: MIT */
/* Going through all events of a trace once. Analyzer. */
#include "analyzer/replay/replay.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/read/event_merge.h"
#include "analyzer/replay/live_blocks.h"

#include <heaptide/trace_format.h>

#include <stdlib.h>
#include <string.h>

#define MIN_SHORTENED 64u

/* Events between two calls of progress: some milliseconds. */
#define EVENTS_PER_PROGRESS (1u << 19)

/* How many events ahead memory is asked for: about as long as it takes to come. */
#define PREFETCH_SLOT   32
#define PREFETCH_RECORD 16

struct process_state {
	struct ht_live_blocks live;
	uint64_t first_own_id;
	uint32_t *site_of_node; /* index + 1; 0: not asked for yet */
	size_t n_nodes;         /* length of site_of_node; nodes beyond are looked up each time */
	struct ht_u64_map waiting_of; /* id -> number + 1 of what waits for its allocation */
	bool has_ended;
};

struct thread_state {
	uint64_t n_allocations;
	uint32_t process;
	uint32_t serial;
};

/* An end of a block that is not there yet. */
struct waiting {
	struct ht_event event;
	uint32_t process;
	uint32_t thread;
	bool is_done;
};

struct replay {
	struct ht_trace_model *model;
	const struct ht_replay_options *options;
	struct ht_results *results;
	struct ht_tally sizes;
	struct ht_tally lifetimes_ticks;
	struct process_state *processes; /* by index in the model */
	size_t n_processes;
	struct thread_state *threads;
	size_t n_threads;
	size_t threads_capacity;
	struct ht_u64_map thread_of; /* process << 32 | thread serial -> index + 1 */
	struct waiting *waiting;     /* a queue: [i_waiting, n_waiting); numbers count from the first ever */
	uint64_t waiting_base;       /* number of waiting[0] */
	size_t i_waiting;
	size_t n_waiting;
	size_t waiting_capacity;
};

/* What the events of a run have in common. */
struct actor {
	struct process_state *process;
	struct thread_state *thread;
	struct ht_process_result *result;
	uint32_t i_process;
	uint32_t i_thread;
};

static void note_anomaly(struct replay *r, enum ht_anomaly_kind kind, const struct actor *a, uint64_t tick,
			 uint64_t id)
{
	struct ht_anomaly *anomaly = &r->results->anomalies[kind];

	if (anomaly->n++ == 0) {
		anomaly->process = a->i_process;
		anomaly->thread_serial = a->thread->serial;
		anomaly->tick = tick;
		anomaly->id = id;
	}
}

static void ensure_process(struct replay *r, uint32_t i_process)
{
	size_t n = r->model->processes.n_processes;

	if (i_process < r->n_processes)
		return;
	r->processes = ht_xalloc_resize(r->processes, n, sizeof(*r->processes));
	r->results->processes = ht_xalloc_resize(r->results->processes, n,
						 sizeof(*r->results->processes));
	for (size_t i = r->n_processes; i < n; i++) {
		struct process_state *p = &r->processes[i];

		*p = (struct process_state){
			.first_own_id = r->model->processes.processes[i].first_own_id,
			.n_nodes = ht_stack_tree_node_limit(&r->model->stacks, &r->model->processes,
							    (uint32_t)i),
		};
		p->site_of_node = ht_xalloc_zeroed(p->n_nodes, sizeof(*p->site_of_node));
		r->results->processes[i] = (struct ht_process_result){ 0 };
	}
	r->n_processes = r->results->n_processes = n;
}

static uint32_t need_thread(struct replay *r, uint32_t i_process, uint32_t serial)
{
	uint64_t *slot = ht_u64_map_put(&r->thread_of, (uint64_t)i_process << 32 | serial);

	if (*slot == 0) {
		r->threads = ht_xalloc_grow(r->threads, &r->threads_capacity, r->n_threads + 1,
					    sizeof(*r->threads));
		r->threads[r->n_threads] = (struct thread_state){ .process = i_process,
								  .serial = serial };
		*slot = ++r->n_threads;
		r->results->processes[i_process].counts.n_threads++;
	}
	return (uint32_t)*slot - 1;
}

static struct actor actor_of(const struct replay *r, uint32_t i_process, uint32_t i_thread)
{
	return (struct actor){ &r->processes[i_process], &r->threads[i_thread],
			       &r->results->processes[i_process], i_process, i_thread };
}

static __attribute__((noinline)) uint32_t find_site(struct replay *r, const struct actor *a,
						    const struct ht_event *e)
{
	uint32_t stack = ht_stack_tree_find(&r->model->stacks, &r->model->processes, a->i_process,
					    e->node);
	uint32_t site = ht_site_table_need(&r->results->sites, stack);

	if (stack == HT_TRUNC_LOST && e->node >= HT_FIRST_NODE)
		note_anomaly(r, HT_ANOMALY_UNKNOWN_STACK, a, e->tick, e->node);
	else if (e->node < a->process->n_nodes)
		a->process->site_of_node[e->node] = site + 1;
	return site;
}

static inline uint32_t site_of(struct replay *r, const struct actor *a, const struct ht_event *e)
{
	if (__builtin_expect(e->node < a->process->n_nodes, 1)) {
		uint32_t site = a->process->site_of_node[e->node];

		if (__builtin_expect(site != 0, 1))
			return site - 1;
	}
	return find_site(r, a, e);
}

static inline void add_live(struct replay *r, const struct actor *a, struct ht_site *site, uint64_t size)
{
	ht_site_table_add_live(&r->results->sites, site, size);
	a->result->live_bytes += size;
	if (a->result->live_bytes > a->result->peak_bytes)
		a->result->peak_bytes = a->result->live_bytes;
}

static inline void sub_live(struct replay *r, const struct actor *a, struct ht_site *site, uint64_t size)
{
	ht_site_table_sub_live(&r->results->sites, site, size);
	a->result->live_bytes -= size;
}

/* The step of time that an event belongs to; asked for before live bytes change. */
static inline struct ht_rate_step *step_of(struct replay *r, uint64_t tick)
{
	return ht_rate_windows_step(&r->results->rate, tick, r->results->sites.live_bytes);
}

/* After an event that raised the live bytes. */
static inline void check_peak(struct replay *r, struct ht_rate_step *step, uint64_t tick)
{
	struct ht_site_table *sites = &r->results->sites;

	ht_site_table_check_peak(sites, tick);
	if (sites->live_bytes > step->max_live_bytes)
		step->max_live_bytes = sites->live_bytes;
}

static inline void apply_alloc(struct replay *r, const struct actor *a, const struct ht_event *e)
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
static inline void apply_free(struct replay *r, const struct actor *a, const struct ht_event *e,
			      struct ht_live_block *block, size_t slot)
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
static uint32_t count_realloc(struct replay *r, const struct actor *a, const struct ht_event *e)
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
static bool apply_realloc(struct replay *r, const struct actor *a, const struct ht_event *e,
			  const struct ht_live_block *old_block, size_t slot)
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
static bool wait_for_alloc(struct replay *r, const struct actor *a, const struct ht_event *e, uint64_t id)
{
	uint64_t *slot = ht_u64_map_put(&a->process->waiting_of, id);

	if (*slot != 0) { /* ended twice, and not even born */
		note_anomaly(r, HT_ANOMALY_UNKNOWN_ID, a, e->tick, id);
		return is_realloc(e) && apply_realloc(r, a, e, NULL, 0);
	}
	r->waiting = ht_xalloc_grow(r->waiting, &r->waiting_capacity, r->n_waiting + 1,
				    sizeof(*r->waiting));
	r->waiting[r->n_waiting++] = (struct waiting){ *e, a->i_process, a->i_thread, false };
	*slot = r->waiting_base + r->n_waiting;
	return false;
}

/* Something ended block id, which this process should know. Inherited ones only count. */
static bool end_unknown(struct replay *r, const struct actor *a, const struct ht_event *e, uint64_t id)
{
	if (id < a->process->first_own_id) {
		a->result->counts.n_inherited_frees++;
		return is_realloc(e) && apply_realloc(r, a, e, NULL, 0);
	}
	return wait_for_alloc(r, a, e, id);
}

static bool apply_end(struct replay *r, const struct actor *a, const struct ht_event *e)
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
static __attribute__((noinline)) void apply_waiting(struct replay *r, uint32_t i_process, uint64_t id)
{
	uint64_t number;

	while (ht_u64_map_remove(&r->processes[i_process].waiting_of, id, &number)) {
		struct waiting *w = &r->waiting[number - 1 - r->waiting_base];
		struct ht_event e = w->event;
		struct actor a = actor_of(r, w->process, w->thread);

		w->is_done = true;
		if (!apply_end(r, &a, &e))
			return;
		id = e.id;
	}
}

/* Forget the front of the queue when that is most of it. */
static void shorten_waiting(struct replay *r)
{
	if (r->i_waiting < r->n_waiting - r->i_waiting + MIN_SHORTENED)
		return;
	r->n_waiting -= r->i_waiting;
	memmove(r->waiting, r->waiting + r->i_waiting, r->n_waiting * sizeof(*r->waiting));
	r->waiting_base += r->i_waiting;
	r->i_waiting = 0;
}

/* Give up on what has waited since before tick. */
static void expire_waiting(struct replay *r, uint64_t tick)
{
	while (r->i_waiting < r->n_waiting) {
		struct waiting *w = &r->waiting[r->i_waiting];
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

static void apply_run(struct replay *r, const struct ht_event_run *run)
{
	uint32_t i_process = ht_process_list_need(&r->model->processes, run->process_serial);

	ensure_process(r, i_process);
	uint32_t i_thread = need_thread(r, i_process, run->thread_serial);
	struct actor a = actor_of(r, i_process, i_thread);
	const struct ht_event *first = run->events, *end = first + run->n_events;

	if (r->i_waiting < r->n_waiting)
		expire_waiting(r, first->tick);
	if (a.process->has_ended)
		note_anomaly(r, HT_ANOMALY_AFTER_END, &a, first->tick, run->n_events);
	if (a.result->counts.n_events == 0) {
		a.result->first_event_tick = first->tick;
		if (!r->model->processes.processes[i_process].is_described)
			note_anomaly(r, HT_ANOMALY_NO_PROCESS, &a, first->tick, run->process_serial);
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
		case HT_EVENT_MISSED_FREE:
			apply_end(r, &a, e);
			break;
		case HT_EVENT_UNKNOWN_FREE:
			a.result->counts.n_unknown_frees++;
			break;
		case HT_EVENT_LOST:
			a.result->counts.n_lost_events += e->size;
			break;
		}
	}
}

/* The process is gone, or the trace is over: what it still has is leaked. */
static void end_process(struct replay *r, uint32_t i_process)
{
	struct process_state *p = &r->processes[i_process];
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

/* Processes whose end is known, by time. */
struct process_end {
	uint64_t tick;
	uint32_t process;
};

static int compare_ends(const void *va, const void *vb)
{
	const struct process_end *a = va, *b = vb;

	if (a->tick != b->tick)
		return a->tick < b->tick ? -1 : 1;
	return a->process < b->process ? -1 : a->process > b->process;
}

static struct process_end *sorted_ends(const struct ht_process_list *list, size_t *ret_n)
{
	struct process_end *ends = ht_xalloc_zeroed(list->n_processes, sizeof(*ends));
	size_t n = 0;

	for (size_t i = 0; i < list->n_processes; i++) {
		if (list->processes[i].has_end)
			ends[n++] = (struct process_end){ list->processes[i].end_tick, (uint32_t)i };
	}
	qsort(ends, n, sizeof(*ends), compare_ends);
	*ret_n = n;
	return ends;
}

static void add_counts(struct ht_counts *sum, const struct ht_counts *c)
{
	sum->n_events += c->n_events;
	sum->n_allocations += c->n_allocations;
	sum->n_frees += c->n_frees;
	sum->n_reallocations += c->n_reallocations;
	sum->allocated_bytes += c->allocated_bytes;
	sum->n_inherited_frees += c->n_inherited_frees;
	sum->n_missed_frees += c->n_missed_frees;
	sum->n_unknown_frees += c->n_unknown_frees;
	sum->n_lost_events += c->n_lost_events;
	sum->n_threads += c->n_threads;
	sum->n_leaked += c->n_leaked;
	sum->leaked_bytes += c->leaked_bytes;
	sum->n_live_at_exec += c->n_live_at_exec;
	sum->live_at_exec_bytes += c->live_at_exec_bytes;
}

/* Sums over processes and sites, after the last event. */
static void finish(struct replay *r, const struct ht_event_merge_counts *merged)
{
	struct ht_results *results = r->results;

	ht_site_table_finish(&results->sites);
	results->sizes = ht_tally_percentiles(&r->sizes);
	results->lifetimes_ticks = ht_tally_percentiles(&r->lifetimes_ticks);
	for (size_t i = 0; i < results->n_processes; i++) {
		struct ht_counts *c = &results->processes[i].counts;
		const struct ht_process *process = &r->model->processes.processes[i];

		/* The process counted as well: what it could not log is in its counters only. */
		if (process->counters[HT_COUNTER_LOST_EVENTS] > c->n_lost_events)
			c->n_lost_events = process->counters[HT_COUNTER_LOST_EVENTS];
		if (process->counters[HT_COUNTER_UNKNOWN_FREES] > c->n_unknown_frees)
			c->n_unknown_frees = process->counters[HT_COUNTER_UNKNOWN_FREES];
		if (results->processes[i].last_event_tick > results->end_tick)
			results->end_tick = results->processes[i].last_event_tick;
		if (process->has_end && process->end_tick > results->end_tick)
			results->end_tick = process->end_tick;
		add_counts(&results->totals, c);
	}
	if (r->model->recording.has_end && r->model->recording.n_lost_events > results->totals.n_lost_events)
		results->totals.n_lost_events = r->model->recording.n_lost_events;
	for (size_t i = 0; i < results->sites.n_sites; i++) {
		const struct ht_site *site = &results->sites.sites[i];

		results->n_temporary += site->n_temporary;
		results->temporary_bytes += site->temporary_bytes;
		results->n_short_lived += site->n_short_lived;
		results->short_lived_bytes += site->short_lived_bytes;
	}
	results->anomalies[HT_ANOMALY_TICK_BACK].n = merged->n_ticks_back;
	results->n_damaged_blocks = merged->n_damaged_blocks;
	results->n_damaged_events = merged->n_damaged_events;
}

static void free_state(struct replay *r)
{
	for (size_t i = 0; i < r->n_processes; i++) {
		ht_live_blocks_done(&r->processes[i].live);
		ht_u64_map_done(&r->processes[i].waiting_of);
		free(r->processes[i].site_of_node);
	}
	ht_u64_map_done(&r->thread_of);
	ht_tally_done(&r->sizes);
	ht_tally_done(&r->lifetimes_ticks);
	free(r->processes);
	free(r->threads);
	free(r->waiting);
}

void ht_replay_run(struct ht_trace_file *file, struct ht_trace_model *model,
		   const struct ht_replay_options *options, struct ht_results *ret_results)
{
	struct ht_results results = { .short_lived_age = options->short_lived_age };
	struct replay r = { .model = model, .options = options, .results = &results };
	struct ht_event_merge *merge = ht_event_merge_new(file);
	size_t n_ends, i_end = 0;
	uint64_t n_done = 0, tell_at = EVENTS_PER_PROGRESS;
	struct process_end *ends = sorted_ends(&model->processes, &n_ends);

	ht_tally_init(&r.sizes);
	ht_tally_init(&r.lifetimes_ticks);
	ht_site_table_init(&results.sites, model->stacks.n_stacks);
	ht_rate_windows_init(&results.rate, &model->clock, model->last_tick);
	if (model->processes.n_processes > 0)
		ensure_process(&r, (uint32_t)model->processes.n_processes - 1);
	for (;;) {
		uint64_t until_tick = i_end < n_ends ? ends[i_end].tick : UINT64_MAX;
		struct ht_event_run run;

		if (ht_event_merge_next(merge, until_tick, &run) == HT_ERR_END)
			break;
		if (run.n_events > 0) {
			apply_run(&r, &run);
			n_done += run.n_events;
			if (options->progress && n_done >= tell_at) {
				options->progress(options->progress_context, n_done, model->n_events);
				tell_at = n_done + EVENTS_PER_PROGRESS;
			}
		} else {
			expire_waiting(&r, UINT64_MAX);
			end_process(&r, ends[i_end++].process);
		}
	}
	expire_waiting(&r, UINT64_MAX);
	for (; i_end < n_ends; i_end++)
		end_process(&r, ends[i_end].process);
	for (size_t i = 0; i < r.n_processes; i++) {
		/* Those without a known end, and what was allocated after it. */
		if (!r.processes[i].has_ended || r.processes[i].live.n_used > 0)
			end_process(&r, (uint32_t)i);
	}

	struct ht_event_merge_counts merged = ht_event_merge_counts(merge);

	finish(&r, &merged);
	free(ends);
	free_state(&r);
	ht_event_merge_free(merge);
	*ret_results = results;
}
