/* SPDX-License-Identifier: MIT */
/* The table of stack nodes. Target, any thread, lock-free, may not allocate. */
#include "stack_table.h"

#include "chunk.h"
#include "hot.h"
#include "lifecycle.h"
#include "sys_prim.h"

#include <stdatomic.h>

/*
 * Slots live in one open-addressed table. When it gets full a larger one takes its place, and every
 * thread that makes a node moves some of the old slots: no event waits for all of them. Until they are
 * moved, what is not found in the new table is looked for in the old one.
 *
 * A slot is taken by a compare-and-swap of its node word, complete with the store of its path, and
 * never changes again. Whoever has put a slot into a table that was replaced meanwhile puts it into the
 * new one as well, so none is missed by the moving.
 */
#define FIRST_SLOTS  (1ull << 12)
#define MAX_SLOTS    (1ull << 31)
#define MOVED_SLOTS  64u
#define STEEP_SLOTS  (1ull << 20) /* tables below it grow by a factor of four */
#define HUGE_BYTES   (4u << 20)   /* from here on huge pages save more than they waste */

/* Turns to wait for another thread that is between the two stores of a slot. */
#define PATIENCE 256u

_Atomic uintptr_t ht_stack_slots HT_HOT_VARIABLE;
static struct ht_stack_slots *_Atomic old_slots HT_HOT_VARIABLE; /* being moved, or NULL */
static _Atomic uint32_t growing;
static _Atomic uint32_t next_node = HT_FIRST_NODE;

/* For comparing stacks: what nodes are. Segments are mapped as ids reach them. */
#define SEGMENT_NODES (1u << 16)
#define N_SEGMENTS    (1u << 12)

struct stack_node {
	uint64_t key;
	uint32_t parent;
	uint32_t reserved0;
};
static struct stack_node *_Atomic segments[N_SEGMENTS];

uint32_t ht_stack_table_first_unused_node(void)
{
	return atomic_load(&next_node);
}

static size_t table_bytes(uint64_t n_slots)
{
	return sizeof(struct ht_stack_slots) + n_slots * sizeof(struct ht_stack_slot);
}

static uint32_t check_of(uint64_t key)
{
	return (uint32_t)(key ^ key >> 32);
}

static inline uint32_t find_in(struct ht_stack_slots *table, uint64_t mask, uint64_t path,
                               uint32_t check)
{
	for (uint64_t i = path;; i++) {
		struct ht_stack_slot *slot = &table->slots[i & mask];
		uint64_t there = atomic_load_explicit(&slot->path, memory_order_acquire);

		if (there == 0)
			return 0;
		if (there == path) {
			uint64_t node = atomic_load_explicit(&slot->node, memory_order_relaxed);

			if ((uint32_t)node == check)
				return (uint32_t)(node >> 32);
		}
	}
}

uint32_t ht_stack_table_find(uint64_t path, uint64_t key)
{
	uintptr_t word = atomic_load(&ht_stack_slots);

	if (HT_UNLIKELY(!word))
		return 0;

	uint32_t node = find_in(ht_stack_slots_of(word), ht_stack_slots_mask(word), path, check_of(key));

	if (HT_LIKELY(node != 0))
		return node;

	struct ht_stack_slots *old = atomic_load(&old_slots);

	return old ? find_in(old, old->mask, path, check_of(key)) : 0;
}

static struct ht_stack_slots *current_slots(void)
{
	return ht_stack_slots_of(atomic_load(&ht_stack_slots));
}

/* The path of a slot that was taken; 0 when its taker does not come to store it. */
static uint64_t wait_for_path(struct ht_stack_slot *slot)
{
	uint64_t path = 0;

	for (uint32_t i = 0; i < PATIENCE && path == 0; i++)
		path = atomic_load_explicit(&slot->path, memory_order_acquire);
	return path;
}

/* The node that has the path in this table afterwards: the given one or an earlier one's. */
static uint32_t insert(struct ht_stack_slots *table, uint64_t path, uint32_t check, uint32_t node)
{
	/* Full tables must keep free slots, at which a search ends. */
	if (atomic_load_explicit(&table->n_used, memory_order_relaxed) >
	    table->mask - table->mask / 8)
		return node;
	for (uint64_t i = path;; i++) {
		struct ht_stack_slot *slot = &table->slots[i & table->mask];
		uint64_t there = atomic_load_explicit(&slot->node, memory_order_acquire);

		if (!there &&
		    atomic_compare_exchange_strong(&slot->node, &there, (uint64_t)node << 32 | check)) {
			atomic_store_explicit(&slot->path, path, memory_order_release);
			atomic_fetch_add_explicit(&table->n_used, 1, memory_order_relaxed);
			return node;
		}
		if ((uint32_t)there == check && wait_for_path(slot) == path)
			return (uint32_t)(there >> 32);
	}
}

/* Move some slots of the old table into the current one. */
static void help_moving(void)
{
	struct ht_stack_slots *old = atomic_load(&old_slots);

	if (!old)
		return;

	struct ht_stack_slots *table = current_slots();
	uint64_t from = atomic_fetch_add(&old->next_to_move, MOVED_SLOTS);

	if (from > old->mask)
		return;
	for (uint64_t i = from; i < from + MOVED_SLOTS; i++) {
		uint64_t path = atomic_load_explicit(&old->slots[i].path, memory_order_acquire);
		uint64_t node = atomic_load_explicit(&old->slots[i].node, memory_order_relaxed);

		if (path)
			insert(table, path, (uint32_t)node, (uint32_t)(node >> 32));
	}
	if (atomic_fetch_add(&old->n_moved, MOVED_SLOTS) + MOVED_SLOTS <= old->mask)
		return;
	atomic_store(&old_slots, NULL);
	/* A thread may still read it: it stays mapped, but reads as empty. */
	ht_sys6(SYS_madvise, ((long)old->slots + 4095) & -4096l,
	        (long)table_bytes(old->mask + 1) - 4096, MADV_DONTNEED, 0, 0, 0);
}

static struct ht_stack_slots *new_table(uint64_t n_slots)
{
	size_t n_bytes = table_bytes(n_slots);
	struct ht_stack_slots *table = ht_sys_alloc_pages(n_bytes);

	if (!table)
		return NULL;
	if (n_bytes >= HUGE_BYTES)
		ht_sys6(SYS_madvise, (long)table, (long)n_bytes, MADV_HUGEPAGE, 0, 0, 0);
	table->mask = n_slots - 1;
	return table;
}

static uintptr_t slots_word(const struct ht_stack_slots *table)
{
	return (uintptr_t)table | (unsigned)__builtin_ctzll(table->mask + 1);
}

/* The first table; of several threads that make one, one succeeds. */
static void make_first(void)
{
	struct ht_stack_slots *table = new_table(FIRST_SLOTS);
	uintptr_t none = 0;

	if (table && !atomic_compare_exchange_strong(&ht_stack_slots, &none, slots_word(table)))
		ht_sys_free_pages(table, table_bytes(FIRST_SLOTS));
}

/* Put a larger table in the place of this one, unless another thread is at it. */
static void grow(struct ht_stack_slots *table)
{
	uint64_t n_slots = table->mask + 1;
	uint64_t wanted = n_slots * (n_slots < STEEP_SLOTS ? 4 : 2);

	if (wanted > MAX_SLOTS || atomic_exchange(&growing, 1) != 0)
		return;
	if (current_slots() == table && !atomic_load(&old_slots)) {
		struct ht_stack_slots *bigger = new_table(wanted);

		if (bigger) {
			atomic_store(&old_slots, table);
			atomic_store(&ht_stack_slots, slots_word(bigger));
		}
	}
	atomic_store(&growing, 0);
}

/* Let other threads find the node. Returns the one that stands. */
static uint32_t publish(uint64_t path, uint64_t key, uint32_t node)
{
	struct ht_stack_slots *table = current_slots();

	if (!table)
		make_first();
	else if (atomic_load_explicit(&table->n_used, memory_order_relaxed) > table->mask / 8 * 5)
		grow(table);
	help_moving();
	table = current_slots();
	while (table) {
		struct ht_stack_slots *before = table;

		node = insert(table, path, check_of(key), node);
		table = current_slots();
		if (table == before)
			break;
	}
	return node;
}

static struct stack_node *node_at(uint32_t node)
{
	struct stack_node *segment =
	        node / SEGMENT_NODES < N_SEGMENTS
	                ? atomic_load_explicit(&segments[node / SEGMENT_NODES], memory_order_acquire)
	                : NULL;

	return segment ? &segment[node % SEGMENT_NODES] : NULL;
}

static void remember(uint32_t node, uint64_t key, uint32_t parent)
{
	if (node / SEGMENT_NODES < N_SEGMENTS && !node_at(node)) {
		struct stack_node *fresh = ht_sys_alloc_pages(SEGMENT_NODES * sizeof(*fresh));
		struct stack_node *there = NULL;

		if (fresh &&
		    !atomic_compare_exchange_strong(&segments[node / SEGMENT_NODES], &there, fresh))
			ht_sys_free_pages(fresh, SEGMENT_NODES * sizeof(*fresh));
	}

	struct stack_node *n = node_at(node);

	if (n)
		*n = (struct stack_node){ .key = key, .parent = parent };
}

uint32_t ht_stack_table_intern(struct ht_thread *t, uint64_t path, uint32_t parent, uint64_t key)
{
	uint32_t generation = key >> 48 & ((1u << HT_STACK_GENERATION_BITS) - 1);

	return ht_stack_table_intern_address(t, path, parent, key, key & HT_STACK_ADDRESS_MASK,
	                                     generation);
}

uint32_t ht_stack_table_intern_address(struct ht_thread *t, uint64_t path, uint32_t parent,
                                       uint64_t key, uint64_t address, uint32_t generation)
{
	uint32_t node = ht_stack_table_find(path, key);

	if (node)
		return node;
	node = atomic_fetch_add_explicit(&next_node, 1, memory_order_relaxed);
	if (node < HT_FIRST_NODE) /* all 2^32 are used up */
		return HT_TRUNC_LOST;
	if (ht_process.unwind == HT_UNWIND_VERIFY)
		remember(node, key, parent);
	if (!ht_chunk_put_node(t, node, address, parent, generation))
		return HT_TRUNC_LOST;
	return publish(path, key, node);
}

uint64_t ht_stack_table_get(uint32_t node, uint32_t *ret_parent)
{
	const struct stack_node *n = node_at(node);

	*ret_parent = n ? n->parent : 0;
	return n ? n->key : 0;
}

void ht_stack_table_fork_child(void)
{
	struct ht_stack_slots *old = atomic_load(&old_slots);

	atomic_store(&growing, 0);
	if (old && old == current_slots()) {
		atomic_store(&old_slots, NULL); /* between grow()'s two stores */
	} else if (old) {
		/* What was moved already is found to be there. */
		atomic_store(&old->n_moved, 0);
		atomic_store(&old->next_to_move, 0);
	}
}
