/* SPDX-License-Identifier: MIT */
/* Open addressing with linear probing; removal shifts back, so there are no tombstones. Analyzer. */
#include "analyzer/base/u64_map.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

#define MIN_SLOTS 16u

void ht_u64_map_done(struct ht_u64_map *map)
{
	if (!map)
		return;
	free(map->slots);
	*map = (struct ht_u64_map){ 0 };
}

static size_t find_slot(const struct ht_u64_map *map, uint64_t key)
{
	size_t mask = map->n_slots - 1;
	size_t i = (size_t)ht_u64_mix(key) & mask;

	while (map->slots[i].key && map->slots[i].key != key)
		i = (i + 1) & mask;
	return i;
}

uint64_t *ht_u64_map_get(const struct ht_u64_map *map, uint64_t key)
{
	if (!key)
		return map->has_zero ? (uint64_t *)&map->zero_value : NULL;
	if (!map->n_slots)
		return NULL;
	struct ht_u64_map_slot *slot = &map->slots[find_slot(map, key)];

	return slot->key ? &slot->value : NULL;
}

static void grow(struct ht_u64_map *map)
{
	struct ht_u64_map_slot *old = map->slots;
	size_t n_old = map->n_slots;

	map->n_slots = n_old ? n_old * 2 : MIN_SLOTS;
	map->slots = ht_xalloc_zeroed(map->n_slots, sizeof(*map->slots));
	for (size_t i = 0; i < n_old; i++) {
		if (old[i].key)
			map->slots[find_slot(map, old[i].key)] = old[i];
	}
	free(old);
}

uint64_t *ht_u64_map_put(struct ht_u64_map *map, uint64_t key)
{
	if (!key) {
		map->has_zero = true;
		return &map->zero_value;
	}
	if (map->n_used >= map->n_slots / 4 * 3)
		grow(map);
	struct ht_u64_map_slot *slot = &map->slots[find_slot(map, key)];

	if (!slot->key) {
		slot->key = key;
		slot->value = 0;
		map->n_used++;
	}
	return &slot->value;
}

bool ht_u64_map_remove(struct ht_u64_map *map, uint64_t key, uint64_t *ret_value)
{
	uint64_t *value = ht_u64_map_get(map, key);

	if (!value)
		return false;
	if (ret_value)
		*ret_value = *value;
	if (!key) {
		map->has_zero = false;
		map->zero_value = 0;
		return true;
	}

	size_t mask = map->n_slots - 1;
	size_t hole = find_slot(map, key);

	/* Move back every later entry of the run whose own place is not after the hole. */
	for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
		size_t home = (size_t)ht_u64_mix(map->slots[i].key) & mask;

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole] = (struct ht_u64_map_slot){ 0 };
	map->n_used--;
	return true;
}

size_t ht_u64_map_count(const struct ht_u64_map *map)
{
	return map->n_used + map->has_zero;
}

bool ht_u64_map_next(const struct ht_u64_map *map, size_t *cursor, uint64_t *ret_key,
                     uint64_t *ret_value)
{
	if (*cursor == 0) {
		*cursor = 1;
		if (map->has_zero) {
			*ret_key = 0;
			*ret_value = map->zero_value;
			return true;
		}
	}
	for (size_t i = *cursor - 1; i < map->n_slots; i++) {
		if (map->slots[i].key) {
			*ret_key = map->slots[i].key;
			*ret_value = map->slots[i].value;
			*cursor = i + 2;
			return true;
		}
	}
	*cursor = map->n_slots + 1;
	return false;
}
