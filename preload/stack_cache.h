/* SPDX-License-Identifier: MIT */
/*
 * Whole stacks that were walked before: what a thread remembers of them, so that one which comes again
 * needs no walk. Target, any thread (one at a time per struct), may not allocate. Part of stack_walk.
 *
 * A cached stack is the registers that its walk began with and all the words that decided its steps. While
 * they are the same the walk would be the same. Unlike those of a walk, these reads do not wait for each
 * other: a processor does several at once.
 *
 * Programs come back to few stacks: with 512 KiB 95 to 99.9 % of the stacks of sqlite3, perl, python3, jq,
 * xsltproc and git are found here, 65 to 80 % of cc1plus's and clang's.
 */
#ifndef HT_STACK_CACHE_H
#define HT_STACK_CACHE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "preload/stack_memory.h"

struct ht_stack_walk;

/* values is followed by the words' distances from sp / 8, in 16 bits each. */
struct ht_cached_stack {
	uint64_t sp;
	uint64_t pc;
	uint64_t fp;
	uint32_t node;
	uint16_t n_words;
	uint16_t span_words; /* all words lie below sp + span_words * 8 */
	uint64_t needs_fp;   /* whether a step depends on fp */
	uint64_t values[];
};

#define HT_STACK_CACHE_WAYS 8u

/*
 * Stacks are put one after the other into one half of the memory while those in the other half are
 * still found; a full half is where the next ones go. Zero-filled is a valid, empty one.
 */
struct ht_stack_cache {
	const struct ht_cached_stack *last; /* found last, or NULL */
	unsigned char *stacks;
	uint64_t *index; /* sets of HT_STACK_CACHE_WAYS: place in stacks / 8 << 32 | tag; 0: none */
	uint32_t n_bytes; /* of stacks, a power of two; 0 before there is memory */
	uint32_t next_byte;
	uint32_t end_byte; /* of the half that is being filled */
	uint32_t n_added;     /* to this half, and how many of them took the place of one in a full set */
	uint32_t n_displaced;
	bool is_full_grown;
};

/* Whether a cached stack is the one that begins with these registers, as memory has it now. */
static inline __attribute__((always_inline)) bool
ht_cached_stack_holds(const struct ht_cached_stack *s, const struct ht_stack_memory *memory,
                      uint64_t pc, uint64_t sp, uint64_t fp)
{
	const uint64_t *value = s->values;
	const uint64_t *end = value + s->n_words;
	const uint16_t *distance = (const uint16_t *)end;

	if (s->pc != pc || s->sp != sp || (s->needs_fp && s->fp != fp))
		return false;
	if (__builtin_expect(sp < memory->current.lo_addr ||
	                             sp + s->span_words * 8ul > memory->current.hi_addr,
	                     0))
		return false;
	/* In the order of the walk, to the first difference: each load is one that a walk would make. */
#define HT_DIFFERS(i) (((const volatile uint64_t *)sp)[distance[i]] != value[i])
	for (; end - value >= 4; value += 4, distance += 4) {
		if (HT_DIFFERS(0) || HT_DIFFERS(1) || HT_DIFFERS(2) || HT_DIFFERS(3))
			return false;
	}
	for (; value < end; value++, distance++) {
		if (HT_DIFFERS(0))
			return false;
	}
#undef HT_DIFFERS
	return true;
}

/* [any thread] [no alloc] The node of the stack that begins with these registers, or 0. */
uint32_t ht_stack_cache_find(struct ht_stack_cache *cache, const struct ht_stack_memory *memory,
                             uint64_t pc, uint64_t sp, uint64_t fp);

/* [any thread] [no alloc] Remember that the stack that w has just walked, to its end, is this node. */
void ht_stack_cache_add(struct ht_stack_cache *cache, const struct ht_stack_walk *w, uint32_t node);

/* [any thread] [no alloc] Forget all stacks: code has gone. */
void ht_stack_cache_clear(struct ht_stack_cache *cache);

/* [any thread] [no alloc] Give the memory back. */
void ht_stack_cache_free(struct ht_stack_cache *cache);

#endif
