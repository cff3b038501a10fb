/* SPDX-License-Identifier: MIT */
/*
 * Address of a live block -> its allocation id. Private to the process, lock-free, grows on demand.
 * Target, any thread, may not allocate.
 *
 * A sparse array over the address space: one 8-byte slot per 16 bytes of heap, in leaves of 512 KiB
 * that cover 1 MiB each, so that untouched parts cost nothing and a small RLIMIT_AS is enough.
 * Blocks at 8 mod 16, which some allocators hand out, have a plane of their own.
 *
 * Two threads never use one slot at a time unless the program frees a block twice at once: a slot
 * follows its block, and the program orders malloc, hand-over and free. Plain relaxed accesses do.
 */
#ifndef HT_LIVE_MAP_H
#define HT_LIVE_MAP_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A slot: 0 for no block, else id and these flags. With FREED it is what the block was that was here last. */
#define HT_LIVE_ID_MASK ((1ull << 57) - 1)
#define HT_LIVE_FORM_SHIFT 57 /* enum ht_block_form; 2 bits */
#define HT_LIVE_FORMS (3ull << HT_LIVE_FORM_SHIFT)
#define HT_LIVE_FREED   (1ull << 63)
#define HT_LIVE_WATCHED (1ull << 62) /* somebody wants to know when this block is freed */
#define HT_LIVE_LOST    (1ull << 61) /* the allocation's event was lost: lose the free too */
#define HT_LIVE_SKIPPED (1ull << 60) /* allocated while recording was paused: no event, of its free neither */
#define HT_LIVE_NO_ID   (HT_LIVE_LOST | HT_LIVE_SKIPPED)

#define HT_LIVE_ADDR_BITS  47
#define HT_LIVE_LEAF_SHIFT 20
#define HT_LIVE_MID_SHIFT  33
#define HT_LIVE_ROOT_SLOTS (1u << (HT_LIVE_ADDR_BITS - HT_LIVE_MID_SHIFT))
#define HT_LIVE_MID_SLOTS  (1u << (HT_LIVE_MID_SHIFT - HT_LIVE_LEAF_SHIFT))
#define HT_LIVE_LEAF_SLOTS (1u << (HT_LIVE_LEAF_SHIFT - 4))

struct ht_live_leaf {
	_Atomic uint64_t slots[HT_LIVE_LEAF_SLOTS];
};
struct ht_live_mid {
	struct ht_live_leaf *_Atomic leaves[HT_LIVE_MID_SLOTS];
};
struct ht_live_root {
	struct ht_live_mid *_Atomic mids[HT_LIVE_ROOT_SLOTS];
};

extern struct ht_live_root ht_live_plane0;
extern struct ht_live_root *_Atomic ht_live_plane8;

/* The slot of addr, or NULL when there is no leaf and none can be had. */
_Atomic uint64_t *ht_live_map_make_slot(uint64_t addr);

/* The slot of addr, or NULL when nothing was ever stored near it. */
static inline _Atomic uint64_t *ht_live_map_slot(uint64_t addr)
{
	struct ht_live_root *root = &ht_live_plane0;

	if (__builtin_expect((addr & 15) != 0 || addr >> HT_LIVE_ADDR_BITS, 0)) {
		if ((addr & 7) != 0 || addr >> HT_LIVE_ADDR_BITS)
			return NULL;
		root = atomic_load_explicit(&ht_live_plane8, memory_order_acquire);
		if (!root)
			return NULL;
	}
	struct ht_live_mid *mid =
	        atomic_load_explicit(&root->mids[addr >> HT_LIVE_MID_SHIFT], memory_order_acquire);

	if (__builtin_expect(!mid, 0))
		return NULL;
	struct ht_live_leaf *leaf = atomic_load_explicit(
	        &mid->leaves[addr >> HT_LIVE_LEAF_SHIFT & (HT_LIVE_MID_SLOTS - 1)],
	        memory_order_acquire);

	if (__builtin_expect(!leaf, 0))
		return NULL;
	return &leaf->slots[addr >> 4 & (HT_LIVE_LEAF_SLOTS - 1)];
}

/* Whether the value is of a block that is there: as quick as a comparison with 0. */
static inline bool ht_live_map_is_live(uint64_t value)
{
	return (int64_t)value > 0;
}

/*
 * The slot's value, which from now on is that of a freed block; 0 or HT_LIVE_FREED alone when nothing is known of the
 * address. Call before the real free.
 */
static inline uint64_t ht_live_map_take(const void *p)
{
	_Atomic uint64_t *slot = ht_live_map_slot((uintptr_t)p);

	if (__builtin_expect(!slot, 0))
		return 0;
	uint64_t value = atomic_load_explicit(slot, memory_order_relaxed);

	atomic_store_explicit(slot, value | HT_LIVE_FREED, memory_order_relaxed);
	return value;
}

/*
 * Store value for a block just handed out, in slot, which is ht_live_map_slot() of it. *ret_before gets
 * what was there: a live one is a block that was freed unseen. False when the address cannot be tracked.
 */
static inline bool ht_live_map_put_at(_Atomic uint64_t *slot, const void *p, uint64_t value,
                                      uint64_t *ret_before)
{
	*ret_before = 0;
	if (__builtin_expect(!slot, 0)) {
		slot = ht_live_map_make_slot((uintptr_t)p);
		if (!slot)
			return false;
	}
	*ret_before = atomic_load_explicit(slot, memory_order_relaxed);
	atomic_store_explicit(slot, value, memory_order_relaxed);
	return true;
}

static inline bool ht_live_map_put(const void *p, uint64_t value, uint64_t *ret_before)
{
	return ht_live_map_put_at(ht_live_map_slot((uintptr_t)p), p, value, ret_before);
}

/*
 * Ask for a word when the block at addr is freed. False when it is not known: then nobody
 * will tell.
 */
bool ht_live_map_watch(uint64_t addr);

#endif
