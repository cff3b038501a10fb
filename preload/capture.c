/* SPDX-License-Identifier: MIT */
/* Turns hook calls into records. Target, any thread, may not allocate. */
#include "capture.h"

#include "chunk.h"
#include "lifecycle.h"
#include "live_map.h"
#include "module_table.h"
#include "stack_source.h"
#include "thread.h"

/* Words an event may need beyond its own: a TICK and a RANGE record. */
#define EXTRA_WORDS 4u

static uint32_t stack_of(struct ht_thread *t, const struct ht_call_site *site)
{
	return ht_stack_source_node(t, site->pc, site->sp, site->fp);
}

static bool make_room(struct ht_thread *t, uint32_t n_words)
{
	if (ht_chunk_has_room(t, n_words + EXTRA_WORDS) ||
	    ht_chunk_make_room(t, n_words + EXTRA_WORDS))
		return true;
	ht_chunk_lose(t);
	return false;
}

/* Give block the identity, noticing a free that was never seen. */
static void store_identity(struct ht_thread *t, void *block, uint64_t value)
{
	uint64_t before;

	if (!ht_live_map_put(block, value, &before)) {
		HT_COUNT(n_untracked_addrs);
		return;
	}
	if (__builtin_expect(before == 0 || before & HT_LIVE_LOST, 1))
		return;
	if (before & HT_LIVE_WATCHED)
		ht_module_table_link_map_freed((uintptr_t)block);
	if (make_room(t, 2))
		ht_chunk_put2(t, ht_record_word(HT_REC_MISSED_FREE, ht_chunk_tick(t), 0),
		              before & HT_LIVE_ID_MASK);
}

/* A thread without a state (no memory): its events are lost, its blocks marked so. */
static void lose_block(void *block)
{
	uint64_t before;

	HT_COUNT(n_lost_events);
	if (!ht_live_map_put(block, HT_LIVE_LOST, &before))
		HT_COUNT(n_untracked_addrs);
}

void ht_capture_alloc(void *block, size_t size, const struct ht_call_site *site)
{
	struct ht_thread *t = ht_thread_self();

	if (__builtin_expect(!t, 0)) {
		lose_block(block);
		return;
	}

	uint32_t node = stack_of(t, site);

	if (__builtin_expect(!make_room(t, 2), 0)) {
		store_identity(t, block, HT_LIVE_LOST);
		return;
	}
	uint32_t tick = ht_chunk_tick(t);
	uint64_t id = ht_chunk_next_id(t);

	ht_chunk_put2(t, ht_record_word(HT_REC_ALLOC, tick, node), size);
	store_identity(t, block, id);
}

static void record_free(struct ht_thread *t, void *block, uint64_t identity,
                        const struct ht_call_site *site)
{
	if (__builtin_expect(identity & HT_LIVE_LOST, 0)) {
		ht_chunk_lose(t);
		return;
	}
	uint32_t node = identity ? 0 : stack_of(t, site);

	if (__builtin_expect(!make_room(t, 2), 0))
		return;
	uint32_t tick = ht_chunk_tick(t);

	if (__builtin_expect(identity != 0, 1)) {
		ht_chunk_put2(t, ht_record_word(HT_REC_FREE, tick, 0), identity & HT_LIVE_ID_MASK);
		if (__builtin_expect(identity & HT_LIVE_WATCHED, 0))
			ht_module_table_link_map_freed((uintptr_t)block);
		return;
	}
	HT_COUNT(n_unknown_frees);
	ht_chunk_put2(t, ht_record_word(HT_REC_UNKNOWN_FREE, tick, node), (uintptr_t)block);
}

void ht_capture_free(void *block, const struct ht_call_site *site)
{
	uint64_t identity = ht_live_map_take(block);
	struct ht_thread *t = ht_thread_self();

	if (__builtin_expect(!t, 0)) {
		HT_COUNT(n_lost_events);
		if (identity & HT_LIVE_WATCHED)
			ht_module_table_link_map_freed((uintptr_t)block);
		return;
	}
	record_free(t, block, identity, site);
}

uint64_t ht_capture_realloc_begin(void *block)
{
	return ht_live_map_take(block);
}

void ht_capture_realloc_failed(void *block, uint64_t identity)
{
	uint64_t before;

	if (identity && !ht_live_map_put(block, identity, &before))
		HT_COUNT(n_untracked_addrs);
}

void ht_capture_realloc_freed(void *block, uint64_t identity, const struct ht_call_site *site)
{
	struct ht_thread *t = ht_thread_self();

	if (t)
		record_free(t, block, identity, site);
	else
		HT_COUNT(n_lost_events);
}

void ht_capture_realloc_done(void *before, uint64_t identity, void *after, size_t size,
                             const struct ht_call_site *site)
{
	if (__builtin_expect(identity == 0 || identity & HT_LIVE_LOST, 0)) {
		/* The old block's end cannot be paired with its beginning; the new one is known. */
		ht_capture_realloc_freed(before, identity, site);
		ht_capture_alloc(after, size, site);
		return;
	}

	struct ht_thread *t = ht_thread_self();

	if (__builtin_expect(!t, 0)) {
		lose_block(after);
		return;
	}
	uint32_t node = stack_of(t, site);

	if (__builtin_expect(!make_room(t, 4), 0)) {
		store_identity(t, after, HT_LIVE_LOST);
		return;
	}
	uint32_t tick = ht_chunk_tick(t);
	uint64_t id = ht_chunk_next_id(t);

	ht_chunk_put4(t, ht_record_word(HT_REC_REALLOC, tick, node), size,
	              identity & HT_LIVE_ID_MASK, after != before);
	store_identity(t, after, id);
	if (identity & HT_LIVE_WATCHED)
		ht_module_table_link_map_freed((uintptr_t)before);
}
