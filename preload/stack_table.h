/* SPDX-License-Identifier: MIT */
/*
 * Interns stack nodes: {parent node, address} -> dense node id, found by the hash of the whole path to
 * the root. Private to the process, append-only, lock-free, grows without limit but memory; a fork's
 * child continues its parent's table. New nodes are described to the recorder in the record stream,
 * before the first event that uses them. Target, any thread, may not allocate.
 *
 * One look at one cache line finds a stack that was met before, however deep it is. Two different
 * paths would have to agree in a 64-bit hash and in a hash of their innermost address to be taken for
 * each other: less likely than 1 in 10^16 among a million paths.
 */
#ifndef HT_STACK_TABLE_H
#define HT_STACK_TABLE_H

#include "thread.h"

#include <heaptide/trace_format.h>
#include <stdatomic.h>
#include <stdint.h>

/* Generations of modules at one address that can be told apart. */
#define HT_STACK_GENERATION_BITS 15u

#define HT_STACK_ADDRESS_MASK (((1ull << 48) - 1) | HT_NODE_EXACT)

/* Address (47 bits), generation (bits 48 to 62) and HT_NODE_EXACT in one word. */
static inline uint64_t ht_stack_key(uint64_t address, uint32_t generation)
{
	uint64_t max = (1u << HT_STACK_GENERATION_BITS) - 1;

	return (address & HT_STACK_ADDRESS_MASK) | (generation < max ? generation : max) << 48;
}

/* node is 0 while the slot is free: else node id << 32 | check of the key; path follows it. */
struct ht_stack_slot {
	_Atomic uint64_t path; /* 0: not yet */
	_Atomic uint64_t node;
};

struct ht_stack_slots {
	uint64_t mask; /* number of slots, a power of two, minus 1; in the word as well */
	_Atomic uint64_t n_used;
	_Atomic uint64_t next_to_move; /* while a larger table takes this one's place */
	_Atomic uint64_t n_moved;
	uint64_t reserved0[4];
	struct ht_stack_slot slots[]; /* four to a cache line */
};

/*
 * The table, which lies at a page, and in the lowest bits the logarithm of its number of slots: a search
 * touches nothing but its slot. 0 before there is one.
 */
extern _Atomic uintptr_t ht_stack_slots;
#define HT_STACK_SLOTS_LOG_MASK 63u

static inline struct ht_stack_slots *ht_stack_slots_of(uintptr_t word)
{
	return (struct ht_stack_slots *)(word & ~(uintptr_t)HT_STACK_SLOTS_LOG_MASK);
}

static inline uint64_t ht_stack_slots_mask(uintptr_t word)
{
	return (1ull << (word & HT_STACK_SLOTS_LOG_MASK)) - 1;
}

/* Have the slot of a path at hand by the time it is asked for. */
static inline void ht_stack_table_prefetch(uint64_t path)
{
	uintptr_t word = atomic_load_explicit(&ht_stack_slots, memory_order_acquire);

	if (__builtin_expect(word != 0, 1))
		__builtin_prefetch(&ht_stack_slots_of(word)->slots[path & ht_stack_slots_mask(word)]);
}

/* The node of a path that was interned, or 0; now and then 0 while the table is being replaced. */
uint32_t ht_stack_table_find(uint64_t path, uint64_t key);

/*
 * The node {parent, key} with this path, made if it is new. parent is 0, a pseudo-node or a node.
 * HT_TRUNC_LOST when it cannot be described or stored.
 */
uint32_t ht_stack_table_intern(struct ht_thread *t, uint64_t path, uint32_t parent, uint64_t key);

/* The same for a node that is described by another address than its key says. */
uint32_t ht_stack_table_intern_address(struct ht_thread *t, uint64_t path, uint32_t parent,
                                       uint64_t key, uint64_t address, uint32_t generation);

/*
 * Key and parent of a node that was interned, or 0. Remembered only where stacks are compared
 * (HT_UNWIND_VERIFY).
 */
uint64_t ht_stack_table_get(uint32_t node, uint32_t *ret_parent);

/* The node id from which a fork's child counts its own. */
uint32_t ht_stack_table_first_unused_node(void);

/* [fork child] Another thread of the parent may have been growing the table. */
void ht_stack_table_fork_child(void);

#endif
