/* SPDX-License-Identifier: MIT */
/* Chunk acquisition, backpressure, and the rarer records. Target, own thread, may not allocate. */
#include "chunk.h"

#include "lifecycle.h"
#include "sys_prim.h"

/* A recorder that lives but frees nothing for this long is given up on, one event at a time. */
#define WAIT_LIMIT_NS 60000000000ull
#define WAIT_SLICE_NS 100000000ull
/* It has nothing to free while all chunks belong to threads that may be idle for ever: more at once than chunks. */
#define IDLE_LIMIT_NS 200000000ull

/* The region's free_seq when that was waited for in vain, below this bit: nobody waits again until it changes. */
#define GIVEN_UP (1ull << 32)
static _Atomic uint64_t given_up;

static _Atomic uint64_t next_id_range;

uint64_t ht_chunk_first_unused_id(void)
{
	uint64_t next = atomic_load(&next_id_range);

	return next ? next : 1;
}

/*
 * The first FREE chunk of [from, to), now ours, or UINT32_MAX; then *ret_has_full also says whether there is one for the
 * recorder to free. Low ones first: they are warm.
 */
static uint32_t claim(struct ht_region_header *region, uint32_t from, uint32_t to,
                      bool *ret_has_full)
{
	uint64_t mine = ht_chunk_word(HT_CHUNK_OWNED, ht_process.slot_index);

	for (uint32_t i = from; i < to; i++) {
		_Atomic uint64_t *state = ht_region_chunk_state(region, i);
		uint64_t word = atomic_load_explicit(state, memory_order_relaxed), free_word = 0;

		*ret_has_full |= (uint32_t)word == HT_CHUNK_FULL;
		if (word == 0 && atomic_compare_exchange_strong_explicit(state, &free_word, mine,
		                                                         memory_order_acq_rel,
		                                                         memory_order_relaxed))
			return i;
	}
	return UINT32_MAX;
}

/*
 * Threads start with a small chunk, so that thousands of idle ones fit, and go on with large ones.
 * Either kind serves when the other is used up.
 */
static uint32_t claim_any(const struct ht_thread *t, bool *ret_has_full)
{
	struct ht_region_header *region = ht_process.region;
	uint32_t n_small = region->n_small_chunks;
	uint32_t n_all = ht_region_n_chunks(region);
	uint32_t i = t->wants_large_chunk ? claim(region, n_small, n_all, ret_has_full)
	                                  : claim(region, 0, n_small, ret_has_full);

	if (i == UINT32_MAX)
		i = t->wants_large_chunk ? claim(region, 0, n_small, ret_has_full)
		                         : claim(region, n_small, n_all, ret_has_full);
	return i;
}

bool ht_chunk_is_recorder_gone(struct ht_region_header *region)
{
	return atomic_load_explicit(&region->recorder_state, memory_order_acquire) !=
	               HT_RECORDER_RUNNING ||
	       atomic_load_explicit(&region->recorder_lock[0], memory_order_acquire) &
	               HT_RECORDER_LOCK_OWNER_DIED;
}

static uint32_t wait_for_chunk(const struct ht_thread *t)
{
	struct ht_region_header *region = ht_process.region;
	uint64_t idle_ns = 0;
	uint32_t i = UINT32_MAX;

	HT_COUNT(n_waits);
	atomic_fetch_add(&region->n_waiters, 1);
	for (uint64_t waited_ns = 0; waited_ns < WAIT_LIMIT_NS; waited_ns += WAIT_SLICE_NS) {
		uint32_t seq = atomic_load_explicit(&region->free_seq, memory_order_acquire);

		bool has_full = false;

		i = claim_any(t, &has_full);
		if (i != UINT32_MAX || ht_chunk_is_recorder_gone(region))
			break;
		idle_ns = has_full ? 0 : idle_ns + WAIT_SLICE_NS;
		if (idle_ns > IDLE_LIMIT_NS) {
			atomic_store_explicit(&given_up, GIVEN_UP | seq, memory_order_relaxed);
			break;
		}
		ht_sys_futex_wait(&region->free_seq, seq, WAIT_SLICE_NS);
	}
	atomic_fetch_sub(&region->n_waiters, 1);
	return i;
}

bool ht_chunk_make_room(struct ht_thread *t, uint32_t n_words)
{
	struct ht_region_header *region = ht_process.region;

	if (ht_chunk_has_room(t, n_words))
		return true;
	if (t->chunk_state) {
		t->wants_large_chunk = true;
		ht_chunk_close(t);
	}
	if (ht_chunk_is_recorder_gone(region)) {
		ht_lifecycle_stop();
		return false;
	}

	/* Looking through all chunks for every lost event would cost more than waiting does. */
	uint32_t seq = atomic_load_explicit(&region->free_seq, memory_order_acquire);

	if ((ht_process.is_dropping && t->n_lost && t->full_seq == seq) ||
	    atomic_load_explicit(&given_up, memory_order_relaxed) == (GIVEN_UP | seq))
		return false;

	bool has_full = false;
	uint32_t i = claim_any(t, &has_full);

	if (i == UINT32_MAX && !ht_process.is_dropping)
		i = wait_for_chunk(t);
	t->full_seq = seq;
	if (i == UINT32_MAX) {
		if (ht_chunk_is_recorder_gone(region))
			ht_lifecycle_stop();
		return false;
	}

	struct ht_chunk *c = ht_region_chunk(region, i);

	c->process_serial = ht_process.slot->serial;
	c->thread_serial = t->serial;
	c->tid = t->tid;
	c->thread_chunk_seq = t->chunk_seq++;
	c->base_tick = t->base_tick = ht_clock_tick();
	c->next_id = t->next_id;
	t->chunk_state = ht_region_chunk_state(region, i);
	t->pos = c->words;
	t->end = c->words + ht_region_chunk_n_words(region, i);
	if (t->n_lost) {
		ht_chunk_put2(t, ht_record_word(HT_REC_LOST, 0, 0), t->n_lost);
		t->n_lost = 0;
	}
	return ht_chunk_has_room(t, n_words);
}

void ht_chunk_close(struct ht_thread *t)
{
	_Atomic uint64_t *chunk_state = t->chunk_state;

	/* In this order: a signal handler may never come back, and the chunk is not ours afterwards. */
	ht_chunk_forget(t);
	atomic_signal_fence(memory_order_seq_cst);
	if (chunk_state)
		atomic_store_explicit(chunk_state,
		                      ht_chunk_word(HT_CHUNK_FULL, ht_process.slot_index),
		                      memory_order_release);
}

void ht_chunk_forget(struct ht_thread *t)
{
	t->chunk_state = NULL;
	t->pos = t->end = NULL;
}

void ht_chunk_lose(struct ht_thread *t)
{
	t->n_lost++;
	HT_COUNT(n_lost_events);
}

uint32_t ht_chunk_rebase_tick(struct ht_thread *t, uint64_t tick)
{
	ht_chunk_put2(t, ht_record_word(HT_REC_TICK, 0, 0), tick);
	t->base_tick = tick;
	return 0;
}

uint64_t ht_chunk_new_id_range(struct ht_thread *t)
{
	uint64_t first =
	        atomic_fetch_add_explicit(&next_id_range, HT_ID_RANGE, memory_order_relaxed);

	/* Id 0 means "no block". */
	t->next_id = first ? first : 1;
	t->end_id = first + HT_ID_RANGE;
	ht_chunk_put2(t, ht_record_word(HT_REC_RANGE, 0, 0), t->next_id);
	return t->next_id;
}

bool ht_chunk_put_node(struct ht_thread *t, uint32_t node, uint64_t address, uint32_t parent,
                       uint32_t generation)
{
	if (!ht_chunk_has_room(t, 4) && !ht_chunk_make_room(t, 4))
		return false;
	ht_chunk_put4(t, ht_record_word(HT_REC_NODE, 0, node), address, parent, generation);
	return true;
}

/* A record of a struct and text, for which there is room. */
static void put_text_record(struct ht_thread *t, uint64_t first, const uint64_t *words,
                            uint32_t n_words, const char *text, uint32_t n_bytes)
{
	for (uint32_t i = 0; i < n_words; i++)
		atomic_store_explicit(t->pos + 1 + i, words[i], memory_order_relaxed);
	for (uint32_t at = 0; at < n_bytes; at += 8) {
		uint64_t word = 0;

		for (uint32_t i = 0; i < 8 && at + i < n_bytes; i++)
			word |= (uint64_t)(unsigned char)text[at + i] << 8 * i;
		atomic_store_explicit(t->pos + 1 + n_words + at / 8, word, memory_order_relaxed);
	}
	atomic_store_explicit(t->pos, first, memory_order_release);
	t->pos += ht_record_n_words(first);
}

bool ht_chunk_put_python(struct ht_thread *t, uint32_t number,
                         const struct ht_python_record *record, const char *text)
{
	const uint32_t n_record_words = sizeof(*record) / 8;
	uint32_t n_bytes = (uint32_t)record->name_bytes + record->file_bytes;
	uint32_t n_words = (1 + n_record_words + (n_bytes + 7) / 8 + 1) & ~1u;

	if (!ht_chunk_make_room(t, n_words))
		return false;
	put_text_record(t, ht_record_word(HT_REC_PYTHON, n_words, number), (const uint64_t *)record,
	                n_record_words, text, n_bytes);
	return true;
}

bool ht_chunk_put_module(struct ht_thread *t, uint32_t module_serial,
                         const struct ht_module_record *module, const char *path)
{
	const uint32_t n_record_words = sizeof(*module) / 8;
	/* A module record must fit an empty small chunk. */
	uint32_t max_path_bytes = ht_process.region->small_chunk_bytes -
	                          (uint32_t)sizeof(struct ht_chunk) - (n_record_words + 6) * 8;
	uint32_t path_bytes =
	        module->path_bytes < max_path_bytes ? module->path_bytes : max_path_bytes;
	uint32_t n_words = (1 + n_record_words + (path_bytes + 7) / 8 + 1) & ~1u;

	if (!ht_chunk_make_room(t, n_words))
		return false;
	struct ht_module_record copy = *module;
	const uint64_t *words = (const uint64_t *)&copy;

	copy.path_bytes = (uint16_t)path_bytes;
	put_text_record(t, ht_record_word(HT_REC_MODULE, n_words, module_serial), words,
	                n_record_words, path, path_bytes);
	return true;
}

void ht_chunk_put_mark(struct ht_thread *t, uint32_t aux, const struct ht_mark_record *record)
{
	put_text_record(t, ht_record_word(HT_REC_MARK, aux, 0), (const uint64_t *)record,
	                sizeof(*record) / 8, NULL, 0);
}

void ht_chunk_put_told(struct ht_thread *t, uint32_t aux, uint32_t node,
                       const struct ht_told_record *record, const struct ht_told_name *name)
{
	put_text_record(t, ht_record_word(HT_REC_TOLD, aux, name ? HT_TOLD_HAS_NAME : node),
	                (const uint64_t *)record, sizeof(*record) / 8, (const char *)name,
	                name ? sizeof(*name) : 0);
}

void ht_chunk_put_mapping(struct ht_thread *t, uint32_t aux, uint32_t node,
                          const struct ht_mapping_record *record)
{
	put_text_record(t, ht_record_word(HT_REC_MAPPING, aux, node), (const uint64_t *)record,
	                sizeof(*record) / 8, NULL, 0);
}
