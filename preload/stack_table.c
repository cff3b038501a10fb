/* SPDX-License-Identifier: MIT */
/* The shared part of stack interning. Target, any thread, lock-free, may not allocate. */
#include "stack_table.h"

#include "chunk.h"
#include "sys_prim.h"

#include <stdatomic.h>

/*
 * Nodes live in segments that are mapped as ids reach them; the hash tables hold only node ids, with
 * part of the hash beside each so that a wrong slot rarely costs a look at its node.
 *
 * A node is written completely, and described to the recorder, before its id is published by the
 * compare-and-swap into a slot. A thread that loses that race leaves a node that nobody uses.
 */
#define SEGMENT_NODES     (1u << 16)
#define N_SEGMENTS        (1u << 12)
#define FIRST_TABLE_SLOTS (1u << 12)
#define N_TABLES          18u

struct stack_node {
	uint64_t key;
	uint32_t parent;
	uint32_t reserved0;
};

/* slots: 0 empty, else node id << 32 | high half of the hash. */
struct stack_hash_table {
	uint64_t n_slots; /* power of two */
	_Atomic uint64_t n_used;
	_Atomic uint64_t slots[];
};

static struct stack_node *_Atomic segments[N_SEGMENTS];
static _Atomic uint32_t next_node = HT_FIRST_NODE;

/* tables[i + 1] has twice the slots of tables[i]; the last one is the one being filled. */
static struct stack_hash_table *_Atomic tables[N_TABLES];
static _Atomic uint32_t n_tables;

/*
 * Later paths replace earlier ones. The two words of a slot are not written as one, so the first is
 * combined with the second: whoever reads halves of two entries finds that they do not match.
 */
#define PATH_SLOTS (1u << 17)

struct path_slot {
	_Atomic uint64_t check; /* path ^ spread(node) */
	_Atomic uint64_t node;
};
static struct path_slot *_Atomic path_slots;

uint32_t ht_stack_table_first_unused_node(void)
{
	return atomic_load(&next_node);
}

static void *install_pages(_Atomic(uintptr_t) *where, size_t n_bytes)
{
	uintptr_t there = atomic_load_explicit(where, memory_order_acquire);

	if (there)
		return (void *)there;
	void *fresh = ht_sys_alloc_pages(n_bytes);

	if (!fresh)
		return NULL;
	if (atomic_compare_exchange_strong(where, &there, (uintptr_t)fresh))
		return fresh;
	ht_sys_free_pages(fresh, n_bytes);
	return (void *)there;
}

static struct stack_node *node_at(uint32_t node)
{
	struct stack_node *segment =
	        atomic_load_explicit(&segments[node / SEGMENT_NODES], memory_order_acquire);

	return &segment[node % SEGMENT_NODES];
}

static size_t table_bytes(uint64_t n_slots)
{
	return sizeof(struct stack_hash_table) + n_slots * sizeof(uint64_t);
}

/* Add the table after the n-th, unless another thread has. False without memory. */
static bool grow(uint32_t n)
{
	if (n >= N_TABLES)
		return false;
	uint64_t n_slots = (uint64_t)FIRST_TABLE_SLOTS << n;
	struct stack_hash_table *table =
	        install_pages((_Atomic(uintptr_t) *)&tables[n], table_bytes(n_slots));

	if (!table)
		return false;
	table->n_slots = n_slots; /* the same from every racing thread */
	uint32_t expected = n;

	atomic_compare_exchange_strong(&n_tables, &expected, n + 1);
	return true;
}

/* The node in this table, or 0. */
static uint32_t find(const struct stack_hash_table *table, uint32_t parent, uint64_t key,
                     uint64_t hash)
{
	for (uint64_t i = hash;; i++) {
		uint64_t slot = atomic_load_explicit(&table->slots[i & (table->n_slots - 1)],
		                                     memory_order_acquire);

		if (!slot)
			return 0;
		if ((uint32_t)slot != hash >> 32)
			continue;
		const struct stack_node *node = node_at((uint32_t)(slot >> 32));

		if (node->key == key && node->parent == parent)
			return (uint32_t)(slot >> 32);
	}
}

/* Put node into the table, or find that an equal one is there by now. */
static uint32_t insert(struct stack_hash_table *table, uint32_t parent, uint64_t key, uint64_t hash,
                       uint32_t node)
{
	for (uint64_t i = hash;; i++) {
		_Atomic uint64_t *where = &table->slots[i & (table->n_slots - 1)];
		uint64_t slot = atomic_load_explicit(where, memory_order_acquire);

		if (!slot && atomic_compare_exchange_strong(where, &slot,
		                                            (uint64_t)node << 32 | hash >> 32)) {
			atomic_fetch_add_explicit(&table->n_used, 1, memory_order_relaxed);
			return node;
		}
		if ((uint32_t)slot != hash >> 32)
			continue;
		const struct stack_node *there = node_at((uint32_t)(slot >> 32));

		if (there->key == key && there->parent == parent)
			return (uint32_t)(slot >> 32);
	}
}

/* A new node with an id of its own, described to the recorder; 0 when that fails. */
static uint32_t make_node(struct ht_thread *t, uint32_t parent, uint64_t key)
{
	uint32_t generation = key >> 48 & ((1u << HT_STACK_GENERATION_BITS) - 1);
	uint32_t node = atomic_fetch_add_explicit(&next_node, 1, memory_order_relaxed);

	if (node / SEGMENT_NODES >= N_SEGMENTS ||
	    !install_pages((_Atomic(uintptr_t) *)&segments[node / SEGMENT_NODES],
	                   SEGMENT_NODES * sizeof(struct stack_node)))
		return 0;
	*node_at(node) = (struct stack_node){ .key = key, .parent = parent };
	if (!ht_chunk_put_node(t, node, key & HT_STACK_ADDRESS_MASK, parent,
	                       generation))
		return 0;
	return node;
}

uint32_t ht_stack_table_intern_slow(struct ht_thread *t, uint32_t parent, uint64_t key,
                                    uint64_t hash)
{
	uint32_t n = atomic_load_explicit(&n_tables, memory_order_acquire);
	uint32_t node = 0;

	/* Newest first: a node found in an older table is copied, so later lookups end at once. */
	for (uint32_t i = n; i-- > 0 && !node;) {
		struct stack_hash_table *table =
		        atomic_load_explicit(&tables[i], memory_order_acquire);

		node = find(table, parent, key, hash);
		if (node && i == n - 1)
			goto found;
	}
	if (!node) {
		node = make_node(t, parent, key);
		if (!node)
			return HT_TRUNC_LOST;
	}
	struct stack_hash_table *last = n ? atomic_load(&tables[n - 1]) : NULL;

	if (!last ||
	    atomic_load_explicit(&last->n_used, memory_order_relaxed) > last->n_slots / 2) {
		if (!grow(n) && !last)
			return node; /* not shared, but described and right */
		n = atomic_load_explicit(&n_tables, memory_order_acquire);
		last = atomic_load(&tables[n - 1]);
		if (atomic_load(&last->n_used) > last->n_slots - last->n_slots / 8)
			return node; /* no memory to grow: full tables must keep empty slots */
	}
	node = insert(last, parent, key, hash, node);
found:
	t->stack_cache[hash % HT_STACK_CACHE_SLOTS] =
	        (struct ht_stack_cache_entry){ .key = key, .parent = parent, .node = node };
	return node;
}

static uint64_t spread(uint64_t node)
{
	return node * 0xd6e8feb86659fd93ull;
}

uint32_t ht_stack_table_find_path(uint64_t path)
{
	struct path_slot *slots = atomic_load_explicit(&path_slots, memory_order_acquire);

	if (!slots)
		return 0;
	/* Acquire: the node was written before the thread that made it published it here. */
	uint64_t node = atomic_load_explicit(&slots[path % PATH_SLOTS].node, memory_order_acquire);
	uint64_t check = atomic_load_explicit(&slots[path % PATH_SLOTS].check, memory_order_relaxed);

	return (check ^ spread(node)) == path ? (uint32_t)node : 0;
}

void ht_stack_table_add_path(uint64_t path, uint32_t node)
{
	struct path_slot *slots = install_pages((_Atomic(uintptr_t) *)&path_slots,
						PATH_SLOTS * sizeof(struct path_slot));

	if (!slots)
		return;
	atomic_store_explicit(&slots[path % PATH_SLOTS].check, path ^ spread(node),
			      memory_order_relaxed);
	atomic_store_explicit(&slots[path % PATH_SLOTS].node, node, memory_order_release);
}

uint64_t ht_stack_table_get(uint32_t node, uint32_t *ret_parent)
{
	const struct stack_node *n = node_at(node);

	*ret_parent = n->parent;
	return n->key;
}
