/* SPDX-License-Identifier: MIT */
/* Live blocks by any allocation ids, in memory for these only. Analyzer, one thread at a time. */
#ifndef HT_BLOCK_MAP_H
#define HT_BLOCK_MAP_H

#include "analyzer/replay/live_block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * An index by id, and records at stable numbers. Ids are dense and come in runs, so the index keeps
 * HT_BLOCK_MAP_GROUP consecutive ids side by side: allocation order is memory order. All zero is empty.
 */
#define HT_BLOCK_MAP_GROUP_BITS 4u

struct ht_block_map_slot {
	uint32_t tag;
	uint32_t record; /* index + 1; 0: empty */
};

struct ht_block_map {
	struct ht_block_map_slot *slots;
	size_t n_slots; /* a power of two, or 0; at most half used */
	size_t n_used;
	unsigned home_shift; /* from the 32 bits of a tag to the number of slots */
	struct ht_live_block *records;
	size_t n_records;
	size_t records_capacity;
	uint32_t free_record; /* index + 1 of the newest unused record */
};

/* NULL is fine; empty afterwards. */
void ht_block_map_done(struct ht_block_map *map);

/* The rare part of add. */
void ht_block_map_grow(struct ht_block_map *map);

/* Take the record in slot i out. What ht_block_map_find gave stays readable until the next add. */
void ht_block_map_remove_slot(struct ht_block_map *map, size_t i);

/* A number of the group that is well mixed from all bits of the id, and the place in the group. */
static inline uint32_t ht_block_map_tag(uint64_t id)
{
	uint64_t group = (id >> HT_BLOCK_MAP_GROUP_BITS) * 0x9e3779b97f4a7c15ull;
	uint32_t in_group = (uint32_t)id & ((1u << HT_BLOCK_MAP_GROUP_BITS) - 1);

	return (uint32_t)(group >> (32 + HT_BLOCK_MAP_GROUP_BITS) << HT_BLOCK_MAP_GROUP_BITS) |
	       in_group;
}

/* Where a slot with this tag wants to be. Only from that, so that moving slots needs no look at records. */
static inline size_t ht_block_map_home(const struct ht_block_map *map, uint32_t tag)
{
	uint32_t in_group = (1u << HT_BLOCK_MAP_GROUP_BITS) - 1;

	return (tag >> map->home_shift & ~in_group) | (tag & in_group);
}

/* The block, or NULL; *ret_slot (not NULL) is for ht_block_map_remove_slot. */
static inline struct ht_live_block *ht_block_map_find(const struct ht_block_map *map, uint64_t id,
                                                      size_t *ret_slot)
{
	uint32_t tag = ht_block_map_tag(id);

	if (map->n_slots == 0)
		return NULL;
	for (size_t i = ht_block_map_home(map, tag);; i = (i + 1) & (map->n_slots - 1)) {
		struct ht_block_map_slot slot = map->slots[i];

		if (slot.record == 0)
			return NULL;
		if (slot.tag == tag && map->records[slot.record - 1].id == id) {
			*ret_slot = i;
			return &map->records[slot.record - 1];
		}
	}
}

/*
 * A new record for id, with only the id filled in, valid until the next add; NULL when there is one
 * already.
 */
static inline struct ht_live_block *ht_block_map_add(struct ht_block_map *map, uint64_t id)
{
	if (__builtin_expect(map->n_used >= map->n_slots / 2 ||
	                             (!map->free_record && map->n_records == map->records_capacity),
	                     0))
		ht_block_map_grow(map);
	uint32_t tag = ht_block_map_tag(id);
	size_t i = ht_block_map_home(map, tag);

	for (; map->slots[i].record; i = (i + 1) & (map->n_slots - 1)) {
		if (map->slots[i].tag == tag && map->records[map->slots[i].record - 1].id == id)
			return NULL;
	}
	uint32_t record = map->free_record;

	if (record)
		map->free_record = map->records[record - 1].next_free;
	else
		record = (uint32_t)++map->n_records;
	map->slots[i] = (struct ht_block_map_slot){ tag, record };
	map->n_used++;
	map->records[record - 1].id = id;
	return &map->records[record - 1];
}

/* Visit all blocks in no useful order: start with *cursor 0, NULL at the end. No changes meanwhile. */
const struct ht_live_block *ht_block_map_next(const struct ht_block_map *map, size_t *cursor);

#endif
