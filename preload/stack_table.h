/* SPDX-License-Identifier: MIT */
/*
 * Interns stack nodes: {parent node, address} -> dense node id. Private to the process, append-only,
 * lock-free, grows without limit but memory; a fork's child continues its parent's table. New nodes
 * are described to the recorder in the record stream, before the first event that uses them.
 * Target, any thread, may not allocate.
 */
#ifndef HT_STACK_TABLE_H
#define HT_STACK_TABLE_H

#include "thread.h"

#include <heaptide/trace_format.h>
#include <stdint.h>

/* Generations of modules at one address that can be told apart. */
#define HT_STACK_GENERATION_BITS 15u

#define HT_STACK_ADDRESS_MASK (((1ull << 48) - 1) | HT_NODE_EXACT)

/* Address (47 bits), generation (bits 48 to 62) and HT_NODE_EXACT in one word. Never 0. */
static inline uint64_t ht_stack_key(uint64_t address, uint32_t generation)
{
	uint64_t max = (1u << HT_STACK_GENERATION_BITS) - 1;

	return (address & HT_STACK_ADDRESS_MASK) | (generation < max ? generation : max) << 48;
}

static inline uint64_t ht_stack_hash(uint64_t key, uint32_t parent)
{
	uint64_t h = (key ^ (uint64_t)parent << 32 ^ parent) * 0x9e3779b97f4a7c15ull;

	return h ^ h >> 32;
}

/* As ht_stack_table_intern(), for what is not in the thread's cache. */
uint32_t ht_stack_table_intern_slow(struct ht_thread *t, uint32_t parent, uint64_t key,
                                    uint64_t hash);

/*
 * The node {parent, address, generation}, made if it is new. parent is 0, a pseudo-node or a node.
 * HT_TRUNC_LOST when it cannot be described or stored.
 */
static inline uint32_t ht_stack_table_intern(struct ht_thread *t, uint32_t parent, uint64_t address,
                                             uint32_t generation)
{
	uint64_t key = ht_stack_key(address, generation);
	uint64_t hash = ht_stack_hash(key, parent);
	const struct ht_stack_cache_entry *e = &t->stack_cache[hash % HT_STACK_CACHE_SLOTS];

	if (__builtin_expect(e->key == key && e->parent == parent, 1))
		return e->node;
	return ht_stack_table_intern_slow(t, parent, key, hash);
}

/*
 * A cache of whole stacks, shared by all threads: hash of a path -> its innermost node, or 0. All 64
 * bits are compared, with one entry: a wrong answer would take 2^64 lookups to become likely.
 */
uint32_t ht_stack_table_find_path(uint64_t path);
void ht_stack_table_add_path(uint64_t path, uint32_t node);

/* Key and parent of a node that was interned. */
uint64_t ht_stack_table_get(uint32_t node, uint32_t *ret_parent);

/* The node id from which a fork's child counts its own. */
uint32_t ht_stack_table_first_unused_node(void);

#endif
