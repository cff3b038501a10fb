/* SPDX-License-Identifier: MIT */
/* The part of a trace that a replay is about. Analyzer. */
#include "analyzer/replay/window.h"

#include "analyzer/replay/event_apply.h"

static const struct ht_moment *moment_of(const struct ht_replay_state *r, enum ht_border border)
{
	return border == HT_BORDER_FROM ? &r->options->window.from
	       : border == HT_BORDER_TO ? &r->options->window.to
	                                : &r->phase_border;
}

static void init_rate(struct ht_replay_state *r, uint64_t from_tick)
{
	struct ht_tick_clock clock = r->model->clock;
	uint64_t last_tick = r->model->last_tick;

	clock.zero_tick = from_tick;
	if (r->results->window.to_tick < last_tick)
		last_tick = r->results->window.to_tick;
	ht_rate_windows_done(&r->results->rate);
	ht_rate_windows_init(&r->results->rate, &clock, last_tick);
	r->i_quarter = 0;
	for (unsigned i = 0; i < HT_N_QUARTERS; i++)
		r->quarter_ticks[i] = last_tick <= from_tick ?
		                              UINT64_MAX :
		                              from_tick + (last_tick - from_tick) / 4 * (i + 1);
	r->quarter_ticks[HT_N_QUARTERS] = UINT64_MAX;
}

void ht_window_init(struct ht_replay_state *r)
{
	const struct ht_replay_window *asked = &r->options->window;

	r->results->window = (struct ht_window){
		.is_part = asked->has_from || asked->has_to,
		.is_instant = asked->is_instant,
		.from_tick = asked->has_from ? asked->from.tick : r->model->clock.zero_tick,
		.to_tick = asked->has_to ? asked->to.tick : UINT64_MAX,
	};
	init_rate(r, r->model->clock.zero_tick);
}

uint64_t ht_window_until_tick(const struct ht_replay_state *r, enum ht_border border)
{
	return border == HT_BORDER_NONE ? UINT64_MAX : moment_of(r, border)->tick;
}

size_t ht_window_clip(const struct ht_replay_state *r, enum ht_border border, size_t n_events)
{
	uint64_t n_max = border == HT_BORDER_NONE ? 0 : moment_of(r, border)->n_events;

	if (n_max == 0 || n_max - r->n_events >= n_events)
		return n_events;
	return (size_t)(n_max - r->n_events);
}

bool ht_window_is_at(const struct ht_replay_state *r, enum ht_border border)
{
	return border != HT_BORDER_NONE && moment_of(r, border)->n_events != 0 &&
	       r->n_events >= moment_of(r, border)->n_events;
}

static void forget_sites(struct ht_site_table *table, uint64_t tick)
{
	/* The peak so far is what is live now, of every site that is not touched in epoch 1. */
	for (size_t i = 0; i < table->n_sites; i++) {
		const struct ht_site *old = &table->sites[i];

		table->sites[i] = (struct ht_site){
			.stack = old->stack,
			.n_live = old->n_live,
			.live_bytes = old->live_bytes,
			.own_peak_bytes = old->live_bytes,
			.own_peak_tick = tick,
		};
	}
	table->peak_bytes = table->live_bytes;
	table->n_at_peak = table->n_live;
	table->peak_tick = tick;
	table->peak_epoch = 1;
}

void ht_window_begin(struct ht_replay_state *r)
{
	struct ht_results *results = r->results;
	uint64_t from_tick = results->window.from_tick;

	forget_sites(&results->sites, from_tick);
	results->peak_event = r->n_events;
	for (size_t i = 0; i < results->n_processes; i++) {
		struct ht_process_result *p = &results->processes[i];

		*p = (struct ht_process_result){
			.live_bytes = p->live_bytes,
			.peak_bytes = p->live_bytes,
		};
	}
	for (size_t i = 0; i < r->n_threads; i++) {
		struct ht_thread_result *t = &results->threads[i];

		*t = (struct ht_thread_result){
			.process = t->process,
			.serial = t->serial,
			.tid = t->tid,
		};
	}
	for (size_t i = 0; i < r->n_processes; i++)
		ht_live_blocks_forget_reallocations(&r->processes[i].live);
	ht_site_details_done(&results->details);
	ht_free_pairs_done(&results->frees);
	ht_tally_done(&r->sizes);
	ht_tally_init(&r->sizes);
	ht_tally_done(&r->lifetimes_ticks);
	ht_tally_init(&r->lifetimes_ticks);
	results->n_censored = 0;
	init_rate(r, from_tick);
	results->window.n_live_before = results->sites.n_live;
	results->window.live_bytes_before = results->sites.live_bytes;
	if (!r->options->window.is_instant)
		r->first_tick = from_tick + 1;
}

void ht_window_end(struct ht_replay_state *r)
{
	for (size_t i = 0; i < r->n_processes; i++) {
		if (!r->processes[i].has_ended || ht_live_blocks_count(&r->processes[i].live) > 0)
			ht_event_apply_process_end(r, (uint32_t)i, true);
	}
}
