/* SPDX-License-Identifier: MIT */
/* Going through all events of a trace once. Analyzer. */
#include "analyzer/replay/replay.h"

#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/read/event_merge.h"
#include "analyzer/replay/checkpoint.h"
#include "analyzer/replay/event_apply.h"
#include "analyzer/replay/phase_course.h"
#include "analyzer/replay/replay_state.h"
#include "analyzer/replay/window.h"

#include <stdlib.h>

/* Events between two calls of progress: some milliseconds. */
#define EVENTS_PER_PROGRESS (1u << 19)

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
static void finish(struct ht_replay_state *r, const struct ht_event_merge_counts *merged)
{
	struct ht_results *results = r->results;

	ht_site_table_finish(&results->sites);
	ht_site_details_finish(&results->details);
	results->sizes = ht_tally_percentiles(&r->sizes);
	results->lifetimes_ticks = ht_tally_percentiles(&r->lifetimes_ticks);
	if (r->options->has_log_counts) {
		results->size_counts = ht_xalloc_zeroed(1, sizeof(*results->size_counts));
		results->lifetime_counts = ht_xalloc_zeroed(1, sizeof(*results->lifetime_counts));
		ht_tally_count_logs(&r->sizes, NULL, results->size_counts);
		ht_tally_count_logs(&r->lifetimes_ticks, &r->model->clock,
		                    results->lifetime_counts);
	}
	for (size_t i = 0; i < results->n_processes; i++) {
		struct ht_counts *c = &results->processes[i].counts;
		const struct ht_process *process = &r->model->processes.processes[i];

		if (!ht_process_selection_has(r->options->selection, i))
			continue;
		/*
		 * The process counted as well: what it could not log is in its counters only, so nobody
		 * knows when that was.
		 */
		if (process->counters[HT_COUNTER_LOST_EVENTS] > c->n_lost_events)
			c->n_lost_events = process->counters[HT_COUNTER_LOST_EVENTS];
		if (!results->window.is_part &&
		    process->counters[HT_COUNTER_UNKNOWN_FREES] > c->n_unknown_frees)
			c->n_unknown_frees = process->counters[HT_COUNTER_UNKNOWN_FREES];
		if (results->processes[i].last_event_tick > results->end_tick)
			results->end_tick = results->processes[i].last_event_tick;
		if (process->has_end && process->end_tick > results->end_tick &&
		    process->end_tick <= results->window.to_tick)
			results->end_tick = process->end_tick;
		add_counts(&results->totals, c);
	}
	if (results->end_tick < results->window.from_tick)
		results->end_tick = results->window.from_tick;
	if (r->model->recording.has_end && !r->options->selection &&
	    r->model->recording.n_lost_events > results->totals.n_lost_events)
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

/* Where a replay is in its trace. */
struct course {
	struct ht_event_merge *merge;
	struct ht_event_run run; /* what is left of it is next */
	bool is_over;            /* no more events */
	struct ht_ended_process *ends;
	size_t n_ends;
	size_t i_end;
	uint64_t tell_at;
	uint64_t checkpoint_at; /* UINT64_MAX: never */
	struct ht_merge_position position;
	struct ht_strbuf body;
	struct ht_block_follower *follower; /* NULL: all blocks count */
};

static void tell_progress(struct ht_replay_state *r, struct course *c)
{
	const struct ht_replay_options *options = r->options;

	if (!options->progress || r->n_events < c->tell_at)
		return;
	options->progress(options->progress_context, r->n_events, r->model->n_events);
	c->tell_at = r->n_events + EVENTS_PER_PROGRESS;
}

/* Large states take long to write down, and to read again. */
#define EVENTS_PER_LIVE_BLOCK 4u

static void save_checkpoint(struct ht_replay_state *r, struct course *c)
{
	const struct ht_replay_options *options = r->options;
	struct ht_replay_checkpoint checkpoint = { .tick = r->last_tick,
		                                   .n_live = r->results->sites.n_live };
	uint64_t n_events = options->events_per_checkpoint;

	if (r->i_waiting < r->n_waiting || c->run.n_events > 0)
		return; /* after the next run, perhaps */
	if (n_events < checkpoint.n_live * EVENTS_PER_LIVE_BLOCK)
		n_events = checkpoint.n_live * EVENTS_PER_LIVE_BLOCK;
	c->checkpoint_at = r->n_events + n_events;
	ht_event_merge_position(c->merge, &c->position);
	c->body.n_bytes = 0;
	ht_checkpoint_save(r, &c->position, c->i_end, &c->body);
	if (c->body.n_bytes > HT_BLOCK_MAX_BODY_BYTES)
		return;
	checkpoint.body = c->body.text;
	checkpoint.n_bytes = c->body.n_bytes;
	if (!options->checkpoint(options->checkpoint_context, &checkpoint))
		c->checkpoint_at = UINT64_MAX;
}

static bool is_selected(const struct ht_replay_state *r, uint32_t serial)
{
	const struct ht_process_selection *selection = r->options->selection;

	return !selection ||
	       ht_process_selection_has(selection,
	                                ht_process_list_find(&r->model->processes, serial));
}

/* Events of blocks that were not chosen make others older, and nothing else. */
static void pass_by(struct ht_replay_state *r, const struct ht_event_run *run, uint32_t i_process)
{
	uint32_t i_thread;

	ht_replay_state_need_process(r, i_process);
	i_thread = ht_replay_state_need_thread(r, i_process, run->thread_serial);
	for (size_t i = 0; i < run->n_events; i++) {
		const struct ht_event *e = &run->events[i];

		r->threads[i_thread].n_allocations += e->kind == HT_EVENT_ALLOC;
		if (e->kind == HT_EVENT_ALLOC || e->kind == HT_EVENT_REALLOC ||
		    e->kind == HT_EVENT_REALLOC_MOVED)
			r->threads[i_thread].other_bytes += e->size;
	}
	r->n_events += run->n_events;
}

/* A run is applied in parts: what counts, and what does not. */
static void apply_chosen(struct ht_replay_state *r, struct ht_block_follower *follower,
                         const struct ht_event_run *run)
{
	uint32_t i_process = ht_process_list_need(&r->model->processes, run->process_serial);
	struct ht_event_run part = *run;
	bool is_chosen = ht_block_follower_has(follower, i_process, run->events);

	for (size_t i = 0; i < run->n_events;) {
		bool is_next_chosen = is_chosen;

		part.events = run->events + i;
		part.n_readable = run->n_readable - i;
		for (part.n_events = 1; i + part.n_events < run->n_events; part.n_events++) {
			is_next_chosen = ht_block_follower_has(follower, i_process,
			                                       &part.events[part.n_events]);
			if (is_next_chosen != is_chosen)
				break;
		}
		if (is_chosen)
			ht_event_apply_run(r, &part);
		else
			pass_by(r, &part, i_process);
		i += part.n_events;
		is_chosen = is_next_chosen;
	}
}

/* Apply all events, and ends of processes, up to this border. */
static void run_to(struct ht_replay_state *r, struct course *c, enum ht_border border)
{
	uint64_t border_tick = ht_window_until_tick(r, border);

	while (!ht_window_is_at(r, border)) {
		uint64_t end_tick = c->i_end < c->n_ends ? c->ends[c->i_end].tick : UINT64_MAX;

		if (c->run.n_events == 0 && !c->is_over)
			c->is_over =
			        ht_event_merge_next(c->merge,
			                            end_tick < border_tick ? end_tick : border_tick,
			                            &c->run) == HT_ERR_END;
		if (c->is_over || c->run.n_events == 0) {
			if (c->i_end == c->n_ends || end_tick > border_tick)
				return;
			ht_event_apply_expired(r, UINT64_MAX);
			ht_phases_note_live(r);
			ht_event_apply_process_end(r, c->ends[c->i_end++].process, false);
			continue;
		}
		struct ht_event_run part = c->run;

		part.n_events = ht_window_clip(r, border, part.n_events);
		if (!is_selected(r, part.process_serial))
			r->n_events += part.n_events;
		else if (c->follower)
			apply_chosen(r, c->follower, &part);
		else
			ht_event_apply_run(r, &part);
		c->run.events += part.n_events;
		c->run.n_events -= part.n_events;
		c->run.n_readable -= part.n_events;
		tell_progress(r, c);
		if (r->n_events >= c->checkpoint_at)
			save_checkpoint(r, c);
	}
}

/* The rest of the trace, and processes that have no known end, or did something after it. */
static void run_to_end(struct ht_replay_state *r, struct course *c)
{
	run_to(r, c, HT_BORDER_NONE);
	ht_event_apply_expired(r, UINT64_MAX);
	/* Else all have ended before. */
	if (r->results->sites.n_live > 0)
		ht_phases_note_live(r);
	for (size_t i = 0; i < r->n_processes; i++) {
		if (!r->processes[i].has_ended || ht_live_blocks_count(&r->processes[i].live) > 0)
			ht_event_apply_process_end(r, (uint32_t)i, false);
	}
}

/* Where the replay begins: as late as its window allows. */
static void begin_course(struct ht_replay_state *r, struct course *c, struct ht_trace_file *file)
{
	const struct ht_replay_window *window = &r->options->window;
	struct ht_checkpoint checkpoint = { 0 };

	/* A checkpoint is of all processes and blocks. */
	if (!window->has_from || window->from.n_events != 0 || r->options->selection ||
	    c->follower ||
	    !ht_checkpoint_resume(r, file, window->from.tick, c->n_ends, &checkpoint)) {
		c->merge = ht_event_merge_new(file, r->options->n_jobs);
		if (r->options->checkpoint)
			ht_event_merge_keep_positions(c->merge);
		return;
	}
	for (; c->i_end < checkpoint.n_ends; c->i_end++)
		r->processes[c->ends[c->i_end].process].has_ended = true;
	c->merge = ht_event_merge_new_at(file, r->options->n_jobs, &checkpoint.position);
	ht_merge_position_done(&checkpoint.position);
}

/* Of time: the fewest ticks that are as long. */
static uint64_t short_lived_limit(const struct ht_tick_clock *clock,
                                  const struct ht_replay_options *options)
{
	uint64_t age = options->short_lived_age, n_ticks;

	if (options->short_lived_unit != HT_SHORT_LIVED_NS)
		return age;
	n_ticks = ht_mul_div_u64(age, clock->slope_ticks, clock->slope_ns);
	while (n_ticks < UINT64_MAX && ht_tick_clock_span_ns(clock, n_ticks) < age)
		n_ticks++;
	return n_ticks;
}

void ht_replay_run(struct ht_trace_file *file, struct ht_trace_model *model,
                   const struct ht_replay_options *options, struct ht_results *ret_results)
{
	struct ht_results results = { .short_lived_age = options->short_lived_age,
		                      .short_lived_unit = options->short_lived_unit };
	struct ht_replay_state r = { .model = model, .options = options, .results = &results };
	struct course c = { .tell_at = EVENTS_PER_PROGRESS };

	c.checkpoint_at = options->checkpoint ? options->events_per_checkpoint : UINT64_MAX;
	c.ends = ht_process_list_ends(&model->processes, &c.n_ends);
	ht_tally_init(&r.sizes);
	ht_tally_init(&r.lifetimes_ticks);
	ht_site_table_init(&results.sites, model->stacks.n_stacks);
	if (model->processes.n_processes > 0)
		ht_replay_state_need_process(&r, (uint32_t)model->processes.n_processes - 1);
	r.short_lived_limit = short_lived_limit(&model->clock, options);
	ht_window_init(&r);
	if (options->blocks)
		c.follower = ht_block_follower_new(options->blocks);
	begin_course(&r, &c, file);
	if (options->window.has_from) {
		run_to(&r, &c, HT_BORDER_FROM);
		ht_window_begin(&r);
	}
	ht_phases_begin(&r);
	while (ht_phases_next_border(&r, &r.phase_border)) {
		run_to(&r, &c, HT_BORDER_MARK);
		ht_phases_cross(&r);
	}
	if (options->window.has_to) {
		run_to(&r, &c, HT_BORDER_TO);
		ht_phases_note_live(&r);
		ht_window_end(&r);
	} else {
		run_to_end(&r, &c);
	}

	struct ht_event_merge_counts merged = ht_event_merge_counts(c.merge);

	finish(&r, &merged);
	ht_phases_end(&r);
	free(c.ends);
	ht_block_follower_free(c.follower);
	ht_merge_position_done(&c.position);
	ht_strbuf_done(&c.body);
	ht_replay_state_done(&r);
	ht_event_merge_free(c.merge);
	*ret_results = results;
}
