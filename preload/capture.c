/* SPDX-License-Identifier: MIT */
/* Turns hook calls into records. Target, any thread, may not allocate. */
#include "capture.h"

#include "arch/call_site.h"
#include "chunk.h"
#include "hot.h"
#include "lifecycle.h"
#include "live_map.h"
#include "misuse.h"
#include "module_table.h"
#include "python_code.h"
#include "stack_source.h"
#include "thread.h"

/* Words an event may need beyond its own: a TICK and a RANGE record. */
#define EXTRA_WORDS 4u

/* How far ahead of the record being written memory is fetched, which the recorder wrote last. */
#define FETCH_AHEAD_BYTES 512u

/* What has this many ids is freed the short way; the rest is odd. 0: frees have stacks, all are odd. */
static HT_HOT_VARIABLE uint64_t n_plain_ids = HT_LIVE_ID_MASK;

/* What the program told so far. */
static _Atomic uint64_t n_told;

static inline uint32_t begin_stack(struct ht_thread *t, const uint64_t *hook_frame)
{
	struct ht_call_site site = ht_arch_call_site(hook_frame);

	return ht_stack_source_begin(t, site.pc, site.sp, site.fp);
}

static uint32_t stack_of(struct ht_thread *t, const uint64_t *hook_frame)
{
	uint32_t node = begin_stack(t, hook_frame);

	return node != 0 ? node : ht_stack_source_finish(t);
}

static __attribute__((noinline, cold)) bool make_room_slowly(struct ht_thread *t, uint32_t n_words)
{
	if (ht_chunk_make_room(t, n_words) && ht_module_table_has_lost())
		ht_module_table_announce_lost(&t->sink);
	if (ht_chunk_make_room(t, n_words))
		return true;
	ht_chunk_lose(t);
	return false;
}

static inline bool make_room(struct ht_thread *t, uint32_t n_words)
{
	return HT_LIKELY(ht_chunk_has_room(t, n_words + EXTRA_WORDS)) ||
	       make_room_slowly(t, n_words + EXTRA_WORDS);
}

/* A block that somebody asked to hear of goes away. */
static void watched_freed(uint64_t addr)
{
	ht_module_table_link_map_freed(addr);
	if (ht_process.has_python)
		ht_python_code_freed(addr);
}

/* A block whose address was another block's, which nobody saw freed. */
static __attribute__((noinline, cold)) void note_missed_free(struct ht_thread *t, void *block,
                                                             uint64_t before)
{
	if (before & HT_LIVE_LOST)
		return;
	if (before & HT_LIVE_WATCHED)
		watched_freed((uintptr_t)block);
	if (before & HT_LIVE_SKIPPED)
		return;
	if (make_room(t, 2))
		ht_chunk_put2(
		        t, ht_record_word(HT_REC_MISSED_FREE, ht_chunk_tick(t, ht_clock_tick()), 0),
		        before & HT_LIVE_ID_MASK);
}

/* Give the block the identity. Returns what was in its slot. */
static inline uint64_t put_identity(_Atomic uint64_t *slot, void *block, uint64_t value)
{
	uint64_t before;

	if (HT_UNLIKELY(!ht_live_map_put_at(slot, block, value, &before)))
		HT_COUNT(n_untracked_addrs);
	return before;
}

static void store_identity(struct ht_thread *t, void *block, uint64_t value)
{
	uint64_t before = put_identity(ht_live_map_slot((uintptr_t)block), block, value);

	if (HT_UNLIKELY(ht_live_map_is_live(before)))
		note_missed_free(t, block, before);
}

static void put_told(struct ht_thread *t, uint32_t node, struct ht_told_record *record,
                     const struct ht_told_name *name)
{
	if (!make_room(t, 1 + (sizeof(*record) + sizeof(*name)) / 8))
		return;
	record->sequence = atomic_fetch_add_explicit(&n_told, 1, memory_order_relaxed);
	ht_chunk_put_told(t, ht_chunk_tick(t, ht_clock_tick()), node, record, name);
}

/* Have this process know that the thread has recording paused: at once, but in a fork's child not before it matters. */
static void tell_pause(void)
{
	struct ht_told_record record = { .kind = HT_TOLD_PAUSE };

	if (ht_tls.paused_process == ht_process.serial)
		return;
	ht_tls.paused_process = ht_process.serial;
	put_told(ht_tls.paused, 0, &record, NULL);
}

/* A block whose thread has recording paused: of its end nothing is to be recorded either. */
static void skip_block(void *block, size_t size)
{
	uint64_t before =
	        put_identity(ht_live_map_slot((uintptr_t)block), block, HT_LIVE_SKIPPED);

	tell_pause();
	HT_COUNT(n_paused_allocs);
	HT_COUNT_N(paused_bytes, size);
	if (ht_live_map_is_live(before))
		note_missed_free(ht_tls.paused, block, before);
}

/*
 * A thread without a state: its events are lost (there was no memory for it), its blocks marked so, or not wanted now.
 */
static __attribute__((noinline, cold)) void lose_block(void *block, size_t size)
{
	if (ht_tls.paused) {
		skip_block(block, size);
		return;
	}
	HT_COUNT(n_lost_events);
	put_identity(ht_live_map_slot((uintptr_t)block), block, HT_LIVE_LOST);
}

static inline __attribute__((always_inline)) void record_alloc(void *block, size_t size,
                                                               enum ht_block_form form,
                                                               const uint64_t *hook_frame)
{
	struct ht_thread *t = ht_thread_self();
	_Atomic uint64_t *slot = ht_live_map_slot((uintptr_t)block);

	if (HT_UNLIKELY(!t)) {
		lose_block(block, size);
		return;
	}
	/* Both take long to come in a large program, and are needed only after the walk. */
	ht_prefetch_for_write((const void *)slot);
	ht_prefetch_for_write((const char *)t->pos + FETCH_AHEAD_BYTES);

	uint32_t node = begin_stack(t, hook_frame);
	uint64_t now = ht_clock_tick();

	if (node == 0)
		node = ht_stack_source_finish(t);
	if (HT_UNLIKELY(!make_room(t, 2))) {
		store_identity(t, block, HT_LIVE_LOST);
		return;
	}
	uint32_t tick = ht_chunk_tick(t, now);
	uint64_t id = ht_chunk_next_id(t);

	ht_chunk_put2(t, ht_record_word(HT_REC_ALLOC, tick, node), size);

	uint64_t before = put_identity(slot, block, id | (uint64_t)form << HT_LIVE_FORM_SHIFT);

	if (HT_UNLIKELY(ht_live_map_is_live(before)))
		note_missed_free(t, block, before);
}

void ht_capture_alloc(void *block, size_t size, const uint64_t *hook_frame)
{
	record_alloc(block, size, HT_FORM_MALLOC, hook_frame);
}

void ht_capture_new(void *block, size_t size, enum ht_block_form form, const uint64_t *hook_frame)
{
	record_alloc(block, size, form, hook_frame);
}

struct ht_capture_ids ht_capture_ids_now(void)
{
	struct ht_thread *t = ht_tls.self;

	return t ? (struct ht_capture_ids){ t->next_id, t->end_id }
	         : (struct ht_capture_ids){ 0, 0 };
}

bool ht_capture_has_since(void *block, struct ht_capture_ids before)
{
	_Atomic uint64_t *slot = ht_live_map_slot((uintptr_t)block);
	uint64_t identity = slot ? atomic_load_explicit(slot, memory_order_relaxed) : 0;
	uint64_t id = identity & HT_LIVE_ID_MASK;
	struct ht_capture_ids now = ht_capture_ids_now();
	/* A range begun since is this thread's from its beginning. */
	uint64_t first = now.end == before.end ? before.next : now.end - HT_ID_RANGE;

	if (ht_tls.paused)
		return ht_live_map_is_live(identity) && identity & HT_LIVE_SKIPPED;
	return ht_live_map_is_live(identity) && id >= first && id < now.next;
}

void ht_capture_keep_free_stacks(void)
{
	n_plain_ids = 0;
}

static void put_misuse(struct ht_thread *t, uint32_t tick, uint32_t node, void *block, uint64_t id,
                       enum ht_misuse_kind kind, uint64_t form, enum ht_misuse_call call)
{
	ht_chunk_put4(t, ht_record_word(HT_REC_MISUSE, tick, node), (uintptr_t)block, id,
	              kind | form << 16 | (uint64_t)call << 32);
}

/* A free of what is no live block, for which there is a node and room. */
static void put_unknown_free(struct ht_thread *t, void *block, uint64_t identity, uint32_t node,
                             enum ht_misuse_kind kind, enum ht_misuse_call call)
{
	uint32_t tick = ht_chunk_tick(t, ht_clock_tick());

	HT_COUNT(n_unknown_frees);
	ht_chunk_put2(t, ht_record_word(HT_REC_UNKNOWN_FREE, tick, node), (uintptr_t)block);
	if (kind != HT_MISUSE_NONE)
		put_misuse(t, tick, node, block,
		           kind == HT_MISUSE_DOUBLE_FREE ? identity & HT_LIVE_ID_MASK : 0, kind, 0,
		           call);
}

/* A free that is not a plain one: lost, watched, by the wrong function, of what is no live block, or with a stack. */
static __attribute__((noinline, cold)) void record_odd_free(struct ht_thread *t, void *block,
                                                            uint64_t identity,
                                                            enum ht_misuse_call call,
                                                            const uint64_t *hook_frame)
{
	uint64_t form = (identity & HT_LIVE_FORMS) >> HT_LIVE_FORM_SHIFT;
	uint64_t id = identity & HT_LIVE_ID_MASK;

	if (!ht_live_map_is_live(identity)) {
		enum ht_misuse_kind kind =
		        ht_misuse_of_free((uintptr_t)block, identity, hook_frame);
		uint32_t node = stack_of(t, hook_frame);

		if (make_room(t, 6))
			put_unknown_free(t, block, identity, node, kind, call);
		return;
	}
	if (identity & HT_LIVE_LOST) {
		ht_chunk_lose(t);
		return;
	}
	if (identity & HT_LIVE_SKIPPED) {
		if (identity & HT_LIVE_WATCHED)
			watched_freed((uintptr_t)block);
		return;
	}
	bool is_mismatch = form != ht_misuse_call_form(call);
	uint32_t node = is_mismatch || n_plain_ids == 0 ? stack_of(t, hook_frame) : 0;

	if (!make_room(t, 6))
		return;
	uint32_t tick = ht_chunk_tick(t, ht_clock_tick());

	ht_chunk_put2(t, ht_record_word(HT_REC_FREE, tick, n_plain_ids ? 0 : node), id);
	if (is_mismatch)
		put_misuse(t, tick, node, block, id, HT_MISUSE_MISMATCH, form, call);
	if (identity & HT_LIVE_WATCHED)
		watched_freed((uintptr_t)block);
}

static inline void record_free(struct ht_thread *t, void *block, uint64_t identity,
                               const uint64_t *hook_frame)
{
	/* One comparison for 0 and for all flags. */
	if (HT_UNLIKELY(identity - 1 >= n_plain_ids)) {
		record_odd_free(t, block, identity, HT_MISUSE_BY_FREE, hook_frame);
		return;
	}
	if (HT_UNLIKELY(!make_room(t, 2)))
		return;
	ht_chunk_put2(t, ht_record_word(HT_REC_FREE, ht_chunk_tick(t, ht_clock_tick()), 0),
	              identity);
}

/* A free in a thread without a state: it is lost, unless that is because recording is paused. */
static __attribute__((noinline, cold)) void free_without_self(void *block, uint64_t identity,
                                                              enum ht_misuse_call call,
                                                              const uint64_t *hook_frame)
{
	if (ht_tls.paused) {
		record_odd_free(ht_tls.paused, block, identity, call, hook_frame);
		return;
	}
	HT_COUNT(n_lost_events);
	if (ht_live_map_is_live(identity) && identity & HT_LIVE_WATCHED)
		watched_freed((uintptr_t)block);
}

void ht_capture_free(void *block, const uint64_t *hook_frame)
{
	uint64_t identity = ht_live_map_take(block);
	struct ht_thread *t = ht_thread_self();

	if (HT_UNLIKELY(!t)) {
		free_without_self(block, identity, HT_MISUSE_BY_FREE, hook_frame);
		return;
	}
	ht_prefetch_for_write((const char *)t->pos + FETCH_AHEAD_BYTES);
	record_free(t, block, identity, hook_frame);
}

void ht_capture_set_form(void *block, enum ht_block_form form)
{
	_Atomic uint64_t *slot = ht_live_map_slot((uintptr_t)block);

	if (HT_LIKELY(slot != NULL))
		atomic_fetch_or_explicit(slot, (uint64_t)form << HT_LIVE_FORM_SHIFT,
		                         memory_order_relaxed);
}

void ht_capture_delete(void *block, enum ht_misuse_call call, const uint64_t *hook_frame)
{
	uint64_t form = (uint64_t)ht_misuse_call_form(call) << HT_LIVE_FORM_SHIFT;
	uint64_t identity = ht_live_map_take(block);
	struct ht_thread *t = ht_thread_self();

	if (HT_UNLIKELY(!t)) {
		free_without_self(block, identity, call, hook_frame);
		return;
	}
	/* What is as it should be is a plain free. */
	if (HT_LIKELY((identity ^ form) - 1 < HT_LIVE_ID_MASK))
		record_free(t, block, identity ^ form, hook_frame);
	else
		record_odd_free(t, block, identity, call, hook_frame);
}

/*
 * What realloc is called with is no live block, or none of malloc's. What is wrong with it is said now: the real one may
 * end the program.
 */
static __attribute__((noinline, cold)) uint64_t begin_odd_realloc(void *block, uint64_t identity,
                                                                  const uint64_t *hook_frame)
{
	bool is_live = ht_live_map_is_live(identity);
	enum ht_misuse_kind kind =
	        !is_live ? ht_misuse_of_free((uintptr_t)block, identity, hook_frame)
	        : identity & HT_LIVE_FORMS && !(identity & HT_LIVE_NO_ID) ? HT_MISUSE_MISMATCH
	                                                                 : HT_MISUSE_NONE;
	struct ht_thread *t = ht_thread_paused_or_self();

	if (!t || kind == HT_MISUSE_NONE)
		return is_live ? identity : 0;
	uint32_t node = stack_of(t, hook_frame);

	if (is_live) {
		if (make_room(t, 4))
			put_misuse(t, ht_chunk_tick(t, ht_clock_tick()), node, block,
			           identity & HT_LIVE_ID_MASK, HT_MISUSE_MISMATCH,
			           (identity & HT_LIVE_FORMS) >> HT_LIVE_FORM_SHIFT,
			           HT_MISUSE_BY_REALLOC);
		return identity;
	}
	if (make_room(t, 6))
		put_unknown_free(t, block, identity, node, kind, HT_MISUSE_BY_REALLOC);
	return HT_LIVE_FREED;
}

uint64_t ht_capture_realloc_begin(void *block, const uint64_t *hook_frame)
{
	uint64_t identity = ht_live_map_take(block);

	return HT_LIKELY(identity - 1 < HT_LIVE_ID_MASK)
	               ? identity
	               : begin_odd_realloc(block, identity, hook_frame);
}

void ht_capture_realloc_failed(void *block, uint64_t identity)
{
	if (ht_live_map_is_live(identity))
		put_identity(ht_live_map_slot((uintptr_t)block), block, identity);
}

void ht_capture_realloc_freed(void *block, uint64_t identity, const uint64_t *hook_frame)
{
	struct ht_thread *t = ht_thread_self();

	if (identity == HT_LIVE_FREED)
		return;
	if (ht_live_map_is_live(identity))
		identity &= ~HT_LIVE_FORMS; /* said already */
	if (t)
		record_free(t, block, identity, hook_frame);
	else
		free_without_self(block, identity, HT_MISUSE_BY_FREE, hook_frame);
}

void ht_capture_realloc_done(void *before, uint64_t identity, void *after, size_t size,
                             const uint64_t *hook_frame)
{
	struct ht_thread *t = ht_thread_self();

	if (HT_UNLIKELY(!ht_live_map_is_live(identity) || identity & HT_LIVE_NO_ID ||
	                (!t && ht_tls.paused))) {
		/* The old block's end cannot be paired with the beginning of the new one, or only one of them is wanted. */
		ht_capture_realloc_freed(before, identity, hook_frame);
		ht_capture_alloc(after, size, hook_frame);
		return;
	}
	if (HT_UNLIKELY(!t)) {
		lose_block(after, size);
		return;
	}
	uint32_t node = stack_of(t, hook_frame);

	if (HT_UNLIKELY(!make_room(t, 4))) {
		store_identity(t, after, HT_LIVE_LOST);
		return;
	}
	uint32_t tick = ht_chunk_tick(t, ht_clock_tick());
	uint64_t id = ht_chunk_next_id(t);

	ht_chunk_put4(t, ht_record_word(HT_REC_REALLOC, tick, node), size,
	              identity & HT_LIVE_ID_MASK, after != before);
	store_identity(t, after, id);
	if (HT_UNLIKELY(identity & HT_LIVE_WATCHED))
		watched_freed((uintptr_t)before);
}

void ht_capture_mapping(const struct ht_mapping_record *record, const uint64_t *hook_frame)
{
	struct ht_thread *t = ht_thread_paused_or_self();

	if (!t) {
		HT_COUNT(n_lost_events);
		return;
	}
	uint32_t node = stack_of(t, hook_frame);

	/* The tick may need a record of its own. */
	if (make_room(t, 1 + sizeof(*record) / 8 + 1))
		ht_chunk_put_mapping(t, ht_chunk_tick(t, ht_clock_tick()), node, record);
}

void ht_capture_mark(const struct ht_mark_record *record, uint64_t tick)
{
	struct ht_thread *t = ht_thread_paused_or_self();

	if (!t)
		HT_COUNT(n_lost_events);
	else if (make_room(t, 1 + sizeof(*record) / 8 + 1))
		ht_chunk_put_mark(t, ht_chunk_tick(t, tick), record);
}

void ht_capture_pause(void)
{
	if (ht_tls.n_pauses == 0) {
		ht_tls.paused = ht_thread_self();
		if (!ht_tls.paused)
			return;
		ht_tls.self = NULL;
		ht_tls.paused_process = 0;
		tell_pause();
	}
	ht_tls.n_pauses++;
}

void ht_capture_resume(void)
{
	struct ht_told_record record = { .kind = HT_TOLD_RESUME };

	if (ht_tls.n_pauses == 0 || --ht_tls.n_pauses > 0)
		return;
	ht_tls.self = ht_tls.paused;
	ht_tls.paused = NULL;
	if (ht_tls.paused_process == ht_process.serial)
		put_told(ht_tls.self, 0, &record, NULL);
}

void ht_capture_told(struct ht_told_record *record, const struct ht_told_name *name,
                     const uint64_t *hook_frame)
{
	struct ht_thread *t = ht_thread_paused_or_self();

	if (t)
		put_told(t, hook_frame ? stack_of(t, hook_frame) : 0, record, name);
	else
		HT_COUNT(n_lost_events);
}
