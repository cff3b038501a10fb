/* SPDX-License-Identifier: MIT */
/* Applies many events at once, in passes that do one thing each. Analyzer. */
#ifndef __clang__
/* Counters written one by one must not be read again in pairs, as one vector: that stalls the processor. */
#pragma GCC optimize("no-tree-slp-vectorize")
#endif

#include "analyzer/replay/event_batch.h"

/*
 * Whether an allocation or a free comes next is hard to foresee, and to guess wrong takes a processor as long as all
 * that either does. So allocations are gone through first, then frees, and then what is live after each event. Ids are
 * never used again, so a block is what it is whatever the order; what an age is counted from is put down before.
 */

#define BATCH_EVENTS 256u

/* How far ahead events are asked for, which another thread wrote; past its end that does no harm. */
#define PREFETCH_BYTES 10240u

struct batch {
	const struct ht_event *first;
	size_t n_events;
	size_t n_allocations;
	size_t n_frees;
	uint16_t allocations[BATCH_EVENTS]; /* index of the event */
	uint16_t frees[BATCH_EVENTS];
	uint16_t n_before[BATCH_EVENTS]; /* allocations before this free */
	/* By event. */
	uint32_t sites[BATCH_EVENTS];
	uint64_t sizes[BATCH_EVENTS];
	uint64_t lives[BATCH_EVENTS]; /* by free, in ticks */
};

/* Tell allocations and frees apart, up to what is neither. */
static inline __attribute__((always_inline)) void
batch_split(struct batch *b, const struct ht_event *first, const struct ht_event *end)
{
	size_t n_allocations = 0, n_frees = 0, n = (size_t)(end - first), i;

	for (i = 0; i < n; i++) {
		uint32_t kind = first[i].kind;

		__builtin_prefetch((const void *)((uintptr_t)&first[i] + PREFETCH_BYTES));
		if (__builtin_expect(kind != HT_EVENT_ALLOC && kind != HT_EVENT_FREE, 0))
			break;
		b->allocations[n_allocations] = (uint16_t)i;
		b->frees[n_frees] = (uint16_t)i;
		b->n_before[n_frees] = (uint16_t)n_allocations;
		n_allocations += kind == HT_EVENT_ALLOC;
		n_frees += kind == HT_EVENT_FREE;
	}
	b->first = first;
	b->n_events = i;
	b->n_allocations = n_allocations;
	b->n_frees = n_frees;
}

/* End it before event number i, which is an allocation (or a free that was not applied). */
static void batch_cut(struct batch *b, size_t i)
{
	b->n_events = i;
	while (b->n_allocations > 0 && b->allocations[b->n_allocations - 1] >= i)
		b->n_allocations--;
	while (b->n_frees > 0 && b->frees[b->n_frees - 1] >= i)
		b->n_frees--;
}

static inline __attribute__((always_inline)) void batch_allocations(struct ht_replay_state *r,
                                                                    const struct ht_actor *a,
                                                                    struct ht_span *s,
                                                                    struct batch *b)
{
	struct ht_live_blocks *live = &a->process->live;
	const uint32_t *site_of_node = a->process->site_of_node;
	size_t n_nodes = a->process->n_nodes;
	struct ht_site *sites = r->results->sites.sites;
	uint64_t requested = s->requested;

	for (size_t k = 0; k < b->n_allocations; k++) {
		size_t i = b->allocations[k];
		const struct ht_event *e = &b->first[i];
		uint32_t i_site;
		struct ht_live_block *block;

		/* One that is new is for who does one at a time. */
		if (__builtin_expect(e->node >= n_nodes || site_of_node[e->node] == 0, 0) ||
		    __builtin_expect(!(block = ht_live_blocks_add(live, e->id)), 0)) {
			batch_cut(b, i);
			break;
		}
		i_site = site_of_node[e->node] - 1;

		struct ht_site *site = &sites[i_site];
		uint64_t size = e->size;

		block->size = size;
		block->birth_tick = e->tick;
		block->birth_count = s->n_allocations + k + 1;
		block->birth_bytes = requested += size;
		block->owner_site = block->birth_site = i_site;
		block->thread = a->i_thread;
		block->n_reallocations = 0;
		b->sites[i] = i_site << 1;
		b->sizes[i] = size;
		if (__builtin_expect(site->n_allocations == 0, 0))
			site->first_bytes = size;
		site->n_other_sizes += size != site->first_bytes;
		site->n_allocations++;
		site->allocated_bytes += size;
	}
}

/* Event number i is a free of what is not live, or not yet: take back the allocations after it. */
static __attribute__((noinline)) void
batch_undo(struct ht_replay_state *r, const struct ht_actor *a, struct batch *b, size_t i)
{
	size_t n = b->n_allocations;

	batch_cut(b, i);
	while (n-- > b->n_allocations) {
		size_t k = b->allocations[n];
		struct ht_site *site = &r->results->sites.sites[b->sites[k] >> 1];

		ht_live_blocks_remove(&a->process->live, b->first[k].id);
		site->n_other_sizes -= b->sizes[k] != site->first_bytes;
		site->n_allocations--;
		site->allocated_bytes -= b->sizes[k];
	}
}

static inline __attribute__((always_inline)) void batch_frees(struct ht_replay_state *r,
                                                              const struct ht_actor *a,
                                                              struct ht_span *s, struct batch *b,
                                                              bool has_lives)
{
	struct ht_live_blocks *live = &a->process->live;
	struct ht_site *sites = r->results->sites.sites;
	uint64_t limit = r->short_lived_limit, first_tick = r->first_tick;

	for (size_t k = 0; k < b->n_frees; k++) {
		size_t i = b->frees[k];
		const struct ht_event *e = &b->first[i];
		struct ht_live_segment *segment;
		struct ht_live_block *block = ht_live_blocks_find_in(live, e->id, &segment);

		if (__builtin_expect(!block, 0)) {
			batch_undo(r, a, b, i);
			break;
		}

		uint64_t age = s->n_allocations + b->n_before[k] - block->birth_count;
		uint64_t size = block->size;
		uint32_t i_site = block->birth_site;
		struct ht_site *birth = &sites[i_site];
		/* No branches: which blocks are is hard to foresee. */
		bool is_of_window = block->birth_tick >= first_tick;
		bool is_temporary = is_of_window & (age == 0);

		if (__builtin_expect(block->thread != a->i_thread, 0)) {
			is_temporary = false;
			age = ht_span_age(r, a, s, e, block);
			ht_span_count_for_other(r, a, block);
		} else if (__builtin_expect((int64_t)age < 0, 0)) {
			batch_undo(r, a, b, i);
			break;
		}

		bool is_short_lived = is_of_window & (age < limit);

		birth->n_temporary += is_temporary;
		birth->temporary_bytes += size & (0 - (uint64_t)is_temporary);
		birth->n_short_lived += is_short_lived;
		birth->short_lived_bytes += size & (0 - (uint64_t)is_short_lived);
		if (has_lives)
			b->lives[k] = (e->tick - block->birth_tick) &
			              (0 - (uint64_t)(e->tick > block->birth_tick));
		if (__builtin_expect(e->node != 0, 0))
			ht_span_count_pair(r, a, e, block);
		b->sites[i] = block->owner_site << 1 | 1;
		b->sizes[i] = 0 - size;
		ht_live_blocks_remove_from(live, segment, block);
	}
}

/* What sites have live after each event; and, if has_peak, what all have, with the new peaks. */
static inline __attribute__((always_inline)) void batch_live(struct ht_replay_state *r,
                                                             struct ht_span *s,
                                                             const struct batch *b, uint64_t n_live,
                                                             bool has_peak)
{
	struct ht_site *sites = s->sites;
	uint64_t peak_epoch = s->peak_epoch;

	for (size_t i = 0; i < b->n_events; i++) {
		struct ht_site *site = &sites[b->sites[i] >> 1];
		uint64_t is_free = b->sites[i] & 1;

		if (__builtin_expect(site->peak_epoch != peak_epoch, 0)) {
			site->n_at_peak = site->n_live;
			site->at_peak_bytes = site->live_bytes;
			site->peak_epoch = peak_epoch;
		}

		uint64_t n = site->n_live + 1 - 2 * is_free;
		uint64_t n_bytes = site->live_bytes + b->sizes[i];
		uint64_t tick = b->first[i].tick;

		site->n_live = n;
		site->live_bytes = n_bytes;
		/* Only a free leaves none. No branch: which one does is hard to foresee. */
		site->empty_tick ^= (tick ^ site->empty_tick) & (0 - (uint64_t)(n == 0));
		if (n_bytes > site->own_peak_bytes) {
			site->own_peak_bytes = n_bytes;
			site->own_peak_tick = tick;
		}
		if (!has_peak)
			continue;
		n_live += 1 - 2 * is_free;
		s->live_bytes += b->sizes[i];
		if (s->live_bytes > s->max_live_bytes) {
			ht_span_rise(r, s, &b->first[i], n_live);
			peak_epoch = s->peak_epoch;
		}
	}
}

/* The largest sum that is live after any of its events; *live_bytes becomes the last one. */
static inline uint64_t batch_max_live(const struct batch *b, uint64_t *live_bytes)
{
	uint64_t now = *live_bytes, max = 0;

	for (size_t i = 0; i < b->n_events; i++) {
		now += b->sizes[i];
		max = now > max ? now : max;
	}
	*live_bytes = now;
	return max;
}

size_t ht_event_batch_apply(struct ht_replay_state *r, const struct ht_actor *a, struct ht_span *s,
                            const struct ht_event *first, const struct ht_event *end)
{
	bool has_lives = !r->options->is_without_distributions;
	struct batch b;

	if ((size_t)(end - first) > BATCH_EVENTS)
		end = first + BATCH_EVENTS;
	batch_split(&b, first, end);
	if (b.n_events < HT_BATCH_MIN_EVENTS)
		return 0;
	batch_allocations(r, a, s, &b);
	batch_frees(r, a, s, &b, has_lives);

	uint64_t n_live = ht_span_n_live(a, s), live_bytes = s->live_bytes;
	uint64_t max = batch_max_live(&b, &live_bytes);

	if (max > s->peak_bytes) {
		batch_live(r, s, &b, n_live, true);
	} else {
		batch_live(r, s, &b, n_live, false);
		s->live_bytes = live_bytes;
		if (max > s->max_live_bytes)
			s->max_live_bytes = max;
	}
	s->n_allocations += b.n_allocations;
	s->n_frees += b.n_frees;
	for (size_t k = 0; k < b.n_allocations; k++)
		s->requested += b.sizes[b.allocations[k]];
	if (has_lives) {
		for (size_t k = 0; k < b.n_allocations; k++)
			ht_tally_add(&r->sizes, b.sizes[b.allocations[k]]);
		for (size_t k = 0; k < b.n_frees; k++)
			ht_tally_add(&r->lifetimes_ticks, b.lives[k]);
	}
	return b.n_events;
}
