/* SPDX-License-Identifier: MIT */
/* Live blocks by any allocation ids. Analyzer. */
#include "analyzer/replay/block_map.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

#define MIN_SLOTS 256u

void ht_block_map_done(struct ht_block_map *map)
{
	if (!map)
		return;
	free(map->slots);
	free(map->records);
	*map = (struct ht_block_map){ 0 };
}

static void put_slot(struct ht_block_map *map, struct ht_block_map_slot slot)
{
	size_t i = ht_block_map_home(map, slot.tag);

	while (map->slots[i].record)
		i = (i + 1) & (map->n_slots - 1);
	map->slots[i] = slot;
}

void ht_block_map_grow(struct ht_block_map *map)
{
	if (!map->free_record)
		map->records = ht_xalloc_grow(map->records, &map->records_capacity,
		                              map->n_records + 1, sizeof(*map->records));
	if (map->n_used < map->n_slots / 2)
		return;

	struct ht_block_map_slot *old = map->slots;
	size_t n_old = map->n_slots;

	map->n_slots = n_old ? n_old * 2 : MIN_SLOTS;
	map->home_shift = 32 - (unsigned)__builtin_ctzll(map->n_slots);
	map->slots = ht_xalloc_zeroed(map->n_slots, sizeof(*map->slots));
	for (size_t i = 0; i < n_old; i++) {
		if (old[i].record)
			put_slot(map, old[i]);
	}
	free(old);
}

void ht_block_map_remove_slot(struct ht_block_map *map, size_t i)
{
	size_t mask = map->n_slots - 1;
	uint32_t record = map->slots[i].record;
	size_t hole = i;

	map->records[record - 1].next_free = map->free_record;
	map->free_record = record;
	map->n_used--;
	/* Move back every later slot of the run whose own place is not after the hole. */
	for (i = (i + 1) & mask; map->slots[i].record; i = (i + 1) & mask) {
		size_t home = ht_block_map_home(map, map->slots[i].tag);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole] = (struct ht_block_map_slot){ 0 };
}

const struct ht_live_block *ht_block_map_next(const struct ht_block_map *map, size_t *cursor)
{
	while (*cursor < map->n_slots) {
		uint32_t record = map->slots[(*cursor)++].record;

		if (record)
			return &map->records[record - 1];
	}
	return NULL;
}
