/* SPDX-License-Identifier: MIT */
/* The growing part of the live map. Target, any thread, may not allocate. */
#include "live_map.h"

#include "sys_prim.h"

struct ht_live_root ht_live_plane0;
struct ht_live_root *_Atomic ht_live_plane8;

/* Pages that the first of several racing threads installs; the others give theirs back. */
static void *install(_Atomic(uintptr_t) *where, size_t n_bytes)
{
	uintptr_t there = atomic_load_explicit(where, memory_order_acquire);

	if (there)
		return (void *)there;
	void *fresh = ht_sys_alloc_pages(n_bytes);

	if (!fresh)
		return NULL;
	/* Slots are touched sparsely: a huge page would make them dense. */
	ht_sys6(SYS_madvise, (long)fresh, (long)n_bytes, MADV_NOHUGEPAGE, 0, 0, 0);
	if (atomic_compare_exchange_strong_explicit(where, &there, (uintptr_t)fresh,
	                                            memory_order_acq_rel, memory_order_acquire))
		return fresh;
	ht_sys_free_pages(fresh, n_bytes);
	return (void *)there;
}

_Atomic uint64_t *ht_live_map_make_slot(uint64_t addr)
{
	struct ht_live_root *root = &ht_live_plane0;

	if (addr & 7 || addr >> HT_LIVE_ADDR_BITS)
		return NULL;
	if (addr & 8) {
		root = install((_Atomic(uintptr_t) *)&ht_live_plane8, sizeof(*root));
		if (!root)
			return NULL;
	}
	struct ht_live_mid *mid =
	        install((_Atomic(uintptr_t) *)&root->mids[addr >> HT_LIVE_MID_SHIFT], sizeof(*mid));

	if (!mid)
		return NULL;
	struct ht_live_leaf *leaf =
	        install((_Atomic(uintptr_t) *)&mid
	                        ->leaves[addr >> HT_LIVE_LEAF_SHIFT & (HT_LIVE_MID_SLOTS - 1)],
	                sizeof(*leaf));

	return leaf ? &leaf->slots[addr >> 4 & (HT_LIVE_LEAF_SLOTS - 1)] : NULL;
}

bool ht_live_map_watch(uint64_t addr)
{
	_Atomic uint64_t *slot = ht_live_map_slot(addr);
	uint64_t value = slot ? atomic_load_explicit(slot, memory_order_relaxed) : 0;

	if (!ht_live_map_is_live(value))
		return false;
	atomic_fetch_or_explicit(slot, HT_LIVE_WATCHED, memory_order_relaxed);
	return (value & HT_LIVE_LOST) == 0;
}
