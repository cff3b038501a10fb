/* SPDX-License-Identifier: MIT */
/* Finding and remembering whole stacks. Target, any thread (one at a time per struct), may not allocate. */
#include "preload/stack_cache.h"

#include <stdatomic.h>

#include "preload/kept_frames.h"
#include "preload/stack_step.h"
#include "preload/stack_walk.h"
#include "preload/sys_prim.h"

/* Of one thread, and of all threads of the process together beyond what each begins with. */
#define FIRST_BYTES  (128u << 10) /* touched only as far as there are stacks */
#define MAX_BYTES    (512u << 10)
#define BUDGET_BYTES (4l << 20)

/* A set for so many bytes of stacks. */
#define BYTES_PER_SET 1024u

#define MAX_WORDS 512u

static _Atomic long budget_bytes = BUDGET_BYTES;

static uint32_t n_sets(const struct ht_stack_cache *cache)
{
	return cache->n_bytes / BYTES_PER_SET;
}

static size_t memory_bytes(uint32_t n_bytes)
{
	return n_bytes + (size_t)n_bytes / BYTES_PER_SET * HT_STACK_CACHE_WAYS * sizeof(uint64_t);
}

static inline uint64_t hash_of(uint64_t pc, uint64_t sp)
{
	uint64_t h = (pc ^ sp << 20) * 0x9e3779b97f4a7c15ull;

	return h ^ h >> 32;
}

static inline uint64_t *set_of(const struct ht_stack_cache *cache, uint64_t hash)
{
	return cache->index + (hash >> 40 & (n_sets(cache) - 1)) * HT_STACK_CACHE_WAYS;
}

static inline struct ht_cached_stack *stack_at(const struct ht_stack_cache *cache, uint64_t entry)
{
	return (struct ht_cached_stack *)(cache->stacks + (entry >> 32) * 8);
}

uint32_t ht_stack_cache_find(struct ht_stack_cache *cache, const struct ht_stack_memory *memory,
                             uint64_t pc, uint64_t sp, uint64_t fp)
{
	uint64_t hash = hash_of(pc, sp);

	if (cache->n_bytes == 0)
		return 0;

	uint64_t *set = set_of(cache, hash);

	for (uint32_t i = 0; i < HT_STACK_CACHE_WAYS; i++) {
		uint64_t entry = set[i];

		if ((uint32_t)entry != (uint32_t)hash || entry == 0)
			continue;

		const struct ht_cached_stack *stack = stack_at(cache, entry);

		__builtin_prefetch((const char *)stack + 64);
		__builtin_prefetch((const char *)stack + 128);
		__builtin_prefetch((const char *)stack + 192);
		__builtin_prefetch((const char *)stack + 256);
		if (!ht_cached_stack_holds(stack, memory, pc, sp, fp))
			continue;
		/* What is found often comes to be looked at first. */
		if (i > 0) {
			set[i] = set[i - 1];
			set[i - 1] = entry;
		}
		cache->last = stack;
		return stack->node;
	}
	return 0;
}

/* Forget what lies in a half. */
static void clear_half(struct ht_stack_cache *cache, bool is_second)
{
	uint32_t half = cache->n_bytes / 2;

	cache->last = NULL;
	for (uint32_t i = 0; i < n_sets(cache) * HT_STACK_CACHE_WAYS; i++) {
		if (((cache->index[i] >> 32) * 8 >= half) == is_second)
			cache->index[i] = 0;
	}
}

void ht_stack_cache_clear(struct ht_stack_cache *cache)
{
	if (cache->n_bytes == 0)
		return;
	clear_half(cache, false);
	clear_half(cache, true);
	/* Whatever a jump out of make_room() left of these. */
	cache->next_byte = 0;
	cache->end_byte = cache->n_bytes / 2;
}

void ht_stack_cache_free(struct ht_stack_cache *cache)
{
	if (cache->n_bytes == 0)
		return;
	atomic_fetch_add(&budget_bytes, (long)cache->n_bytes - (long)FIRST_BYTES);
	ht_sys_free_pages(cache->stacks, memory_bytes(cache->n_bytes));
	*cache = (struct ht_stack_cache){ .n_bytes = 0 };
}

/* Twice the memory, empty; or memory at all. */
static void grow(struct ht_stack_cache *cache)
{
	uint32_t wanted = cache->n_bytes == 0 ? FIRST_BYTES : 2 * cache->n_bytes;
	long more = cache->n_bytes == 0 ? 0 : (long)cache->n_bytes;
	unsigned char *memory = NULL;

	if (wanted <= MAX_BYTES && atomic_fetch_sub(&budget_bytes, more) >= more)
		memory = ht_sys_alloc_pages(memory_bytes(wanted));
	if (memory == NULL) {
		if (wanted <= MAX_BYTES)
			atomic_fetch_add(&budget_bytes, more);
		cache->is_full_grown = true;
		return;
	}

	struct ht_stack_cache before = *cache;

	cache->n_bytes = 0;
	atomic_signal_fence(memory_order_seq_cst);
	cache->last = NULL;
	cache->stacks = memory;
	cache->index = (uint64_t *)(memory + wanted);
	cache->next_byte = 0;
	cache->end_byte = wanted / 2;
	atomic_signal_fence(memory_order_seq_cst);
	cache->n_bytes = wanted;
	if (before.n_bytes != 0)
		ht_sys_free_pages(before.stacks, memory_bytes(before.n_bytes));
}

/* Where a stack of n_bytes goes, or NULL. */
static struct ht_cached_stack *make_room(struct ht_stack_cache *cache, uint32_t n_bytes)
{
	if (cache->n_bytes == 0 && !cache->is_full_grown)
		grow(cache);
	if (n_bytes > cache->n_bytes / 8)
		return NULL;

	if (cache->next_byte + n_bytes > cache->end_byte) {
		uint32_t half = cache->n_bytes / 2;
		bool is_second = cache->end_byte == half;

		/*
		 * Both halves are full: more memory, or do without the older ones. Where stacks begin alike
		 * and fill few sets more memory is of no use.
		 */
		bool is_crowded = cache->n_displaced > cache->n_added / 2;
		uint32_t n_bytes_before = cache->n_bytes;

		if (!is_second && !is_crowded && !cache->is_full_grown)
			grow(cache);
		cache->n_added = cache->n_displaced = 0;
		if (cache->n_bytes == n_bytes_before) {
			clear_half(cache, is_second);
			cache->next_byte = is_second ? half : 0;
			cache->end_byte = cache->next_byte + half;
		}
	}
	return (struct ht_cached_stack *)(cache->stacks + cache->next_byte);
}

/* One word more that decides the stack. False when it is too far away to be said. */
static inline bool put_word(struct ht_cached_stack *stack, uint16_t *distances, uint64_t addr,
                            uint64_t value)
{
	uint64_t distance = (addr - stack->sp) / 8;

	if (distance >= UINT16_MAX || (addr - stack->sp) % 8 != 0)
		return false;
	stack->values[stack->n_words] = value;
	distances[stack->n_words++] = (uint16_t)distance;
	if (distance >= stack->span_words)
		stack->span_words = (uint16_t)(distance + 1);
	return true;
}

/* The words of the walk, innermost first: where stacks differ is seldom near the root. */
static bool put_words(struct ht_cached_stack *stack, uint16_t *distances,
                      const struct ht_stack_walk *w)
{
	uint32_t n_slow = w->n_slow;
	uint32_t n_fps = ht_walk_n_fps(&w->names[w->n_frames - 1]);

	for (uint32_t i = w->n_frames; i-- > 0;) {
		if (n_slow > 0 && w->slow[n_slow - 1].frame == i) {
			const struct ht_walk_slow *slow = &w->slow[--n_slow];

			for (uint32_t k = 0; k < slow->n_words; k++) {
				if (!put_word(stack, distances, slow->words[k].addr,
				              slow->words[k].value))
					return false;
			}
		} else if (i > 0 &&
		           !put_word(stack, distances, w->frames[i - 1].sp - HT_STEP_RA_BELOW_BYTES,
		                     w->frames[i - 1].pc)) {
			return false;
		}
		if (n_fps > ht_kept_frames_first_fp(w, i)) {
			n_fps--;
			if (!put_word(stack, distances, w->fps[n_fps].addr, w->fps[n_fps].value))
				return false;
		}
	}
	return true;
}

void ht_stack_cache_add(struct ht_stack_cache *cache, const struct ht_stack_walk *w, uint32_t node)
{
	const struct ht_walk_frame *frame = &w->frames[w->n_frames - 1];
	const struct ht_walk_name *name = &w->names[w->n_frames - 1];
	uint32_t n_words = w->n_frames - 1 + ht_walk_n_fps(name);

	for (uint32_t i = 0; i < w->n_slow; i++) {
		if (w->slow[i].n_words == 0 || w->slow[i].is_by_guess)
			return;
		n_words += w->slow[i].n_words;
	}

	uint32_t n_bytes = (uint32_t)(sizeof(struct ht_cached_stack) + n_words * 10ul + 7) & ~7u;

	if (n_words > MAX_WORDS)
		return;

	struct ht_cached_stack *stack = make_room(cache, n_bytes);

	if (stack == NULL)
		return;
	stack->sp = frame->sp;
	stack->pc = frame->pc;
	stack->fp = name->fp;
	stack->node = node;
	stack->n_words = 0;
	stack->span_words = 0;
	stack->needs_fp = ht_walk_needs_fp(name);

	/* Where slow steps stand for plain ones there are fewer words than there is room for. */
	uint16_t *distances = (uint16_t *)(stack->values + n_words);

	if (!put_words(stack, distances, w))
		return;
	if (stack->n_words != n_words) {
		uint16_t *to = (uint16_t *)(stack->values + stack->n_words);

		for (uint32_t i = 0; i < stack->n_words; i++)
			to[i] = distances[i];
	}

	uint64_t hash = hash_of(frame->pc, frame->sp);
	uint64_t *set = set_of(cache, hash);

	cache->n_added++;
	cache->n_displaced += set[HT_STACK_CACHE_WAYS - 1] != 0;
	for (uint32_t i = HT_STACK_CACHE_WAYS - 1; i > 0; i--)
		set[i] = set[i - 1];
	set[0] = (uint64_t)cache->next_byte / 8 << 32 | (uint32_t)hash;
	cache->next_byte += n_bytes;
	cache->last = stack;
}
