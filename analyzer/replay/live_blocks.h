/* SPDX-License-Identifier: MIT */
/* The live blocks of one process by allocation id. Analyzer, one thread at a time. */
#ifndef HT_LIVE_BLOCKS_H
#define HT_LIVE_BLOCKS_H

#include "analyzer/base/u64_map.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_live_block {
	uint64_t id;
	uint64_t size;
	uint64_t birth_tick;
	uint64_t birth_count; /* allocations of its thread up to and including this one */
	uint32_t owner_site;  /* of the newest realloc, or of the allocation */
	uint32_t birth_site;
	uint32_t thread;    /* that allocated it */
	uint32_t next_free; /* of an unused record: index + 1 of the next one */
};

/*
 * An index by id, and records at stable numbers. Ids are dense and come in runs, so the index keeps
 * HT_LIVE_GROUP consecutive ids side by side: allocation order is memory order. All zero is empty.
 */
#define HT_LIVE_GROUP_BITS 4u

struct ht_live_slot {
	uint32_t id_low;
	uint32_t record; /* index + 1; 0: empty */
};

struct ht_live_blocks {
	struct ht_live_slot *slots;
	size_t n_slots; /* a power of two, or 0; at most half used */
	size_t n_used;
	unsigned home_shift; /* from 32 + HT_LIVE_GROUP_BITS bits to the number of slots */
	struct ht_live_block *records;
	size_t n_records;
	size_t records_capacity;
	uint32_t free_record; /* index + 1 of the newest unused record */
};

/* NULL is fine; empty afterwards. */
void ht_live_blocks_done(struct ht_live_blocks *live);

/* The rare part of add. */
void ht_live_blocks_grow(struct ht_live_blocks *live);

/* Take the record in slot i out. What ht_live_blocks_find gave stays readable until the next add. */
void ht_live_blocks_remove_slot(struct ht_live_blocks *live, size_t i);

/*
 * Where a slot with the low bits of this id wants to be. Only from those, so that moving slots needs no
 * look at records.
 */
static inline size_t ht_live_blocks_home(const struct ht_live_blocks *live, uint32_t id_low)
{
	uint32_t group = (id_low >> HT_LIVE_GROUP_BITS) * 0x9e3779b1u;
	uint32_t in_group = id_low & ((1u << HT_LIVE_GROUP_BITS) - 1);

	/* The high bits of the product are the well mixed ones. */
	return ((size_t)((uint64_t)group << HT_LIVE_GROUP_BITS >> live->home_shift) &
	        ~(size_t)((1u << HT_LIVE_GROUP_BITS) - 1)) |
	       in_group;
}

#define HT_LIVE_PREFETCH_SLOTS 4u /* looked at for a prefetch; most are at home */

/*
 * Start loading what a find of id will read, some time before it. Always inline: GCC 12 finds that such
 * functions have no effect, and leaves out calls of them.
 */
static inline __attribute__((always_inline)) void
ht_live_blocks_prefetch_slot(const struct ht_live_blocks *live, uint64_t id)
{
	if (live->n_slots)
		__builtin_prefetch(&live->slots[ht_live_blocks_home(live, (uint32_t)id)]);
}

static inline __attribute__((always_inline)) void
ht_live_blocks_prefetch_record(const struct ht_live_blocks *live, uint64_t id)
{
	if (!live->n_slots)
		return;
	size_t home = ht_live_blocks_home(live, (uint32_t)id);

	for (size_t i = 0; i < HT_LIVE_PREFETCH_SLOTS; i++) {
		struct ht_live_slot slot = live->slots[(home + i) & (live->n_slots - 1)];

		if (slot.record == 0)
			return;
		if (slot.id_low == (uint32_t)id) {
			__builtin_prefetch(&live->records[slot.record - 1]);
			return;
		}
	}
}

/* The block, or NULL; *ret_slot (not NULL) is for ht_live_blocks_remove_slot. */
static inline struct ht_live_block *ht_live_blocks_find(const struct ht_live_blocks *live,
                                                        uint64_t id, size_t *ret_slot)
{
	if (live->n_slots == 0)
		return NULL;
	for (size_t i = ht_live_blocks_home(live, (uint32_t)id);;
	     i = (i + 1) & (live->n_slots - 1)) {
		struct ht_live_slot slot = live->slots[i];

		if (slot.record == 0)
			return NULL;
		if (slot.id_low == (uint32_t)id && live->records[slot.record - 1].id == id) {
			*ret_slot = i;
			return &live->records[slot.record - 1];
		}
	}
}

/*
 * A new record for id, with only the id filled in, valid until the next add; NULL when there is one
 * already.
 */
static inline struct ht_live_block *ht_live_blocks_add(struct ht_live_blocks *live, uint64_t id)
{
	if (__builtin_expect(
	            live->n_used >= live->n_slots / 2 ||
	                    (!live->free_record && live->n_records == live->records_capacity),
	            0))
		ht_live_blocks_grow(live);
	size_t i = ht_live_blocks_home(live, (uint32_t)id);

	for (; live->slots[i].record; i = (i + 1) & (live->n_slots - 1)) {
		if (live->slots[i].id_low == (uint32_t)id &&
		    live->records[live->slots[i].record - 1].id == id)
			return NULL;
	}
	uint32_t record = live->free_record;

	if (record)
		live->free_record = live->records[record - 1].next_free;
	else
		record = (uint32_t)++live->n_records;
	live->slots[i] = (struct ht_live_slot){ (uint32_t)id, record };
	live->n_used++;
	live->records[record - 1].id = id;
	return &live->records[record - 1];
}

/* Visit all blocks in no useful order: start with *cursor 0, NULL at the end. No changes meanwhile. */
const struct ht_live_block *ht_live_blocks_next(const struct ht_live_blocks *live, size_t *cursor);

#endif
