/* SPDX-License-Identifier: MIT */
/* Address ranges, possibly nested, and the question which innermost one holds an address. Analyzer. */
#ifndef HT_RANGE_MAP_H
#define HT_RANGE_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* lo is inside, hi is not. */
struct ht_range {
	uint64_t lo;
	uint64_t hi;
	uint32_t priority;
	uint32_t value;
};

/* All zero is an empty map. Fill it with add, call flatten once, then ask. */
struct ht_range_map {
	struct ht_range *ranges;
	size_t n_ranges;
	size_t capacity;
};

/* Release the ranges; the map is empty afterwards. NULL is fine. */
void ht_range_map_done(struct ht_range_map *map);

/* Empty ranges are left out. */
void ht_range_map_add(struct ht_range_map *map, uint64_t lo, uint64_t hi, uint32_t priority,
		      uint32_t value);

/*
 * Cut what was added into ranges that do not overlap, so that a question is one binary search.
 * Where several cover an address the one that begins last wins; of those that begin together the
 * one with the highest priority; then the shortest; then the one added first.
 */
void ht_range_map_flatten(struct ht_range_map *map);

/* True, and *ret_value set, when a range holds addr. */
bool ht_range_map_find(const struct ht_range_map *map, uint64_t addr, uint32_t *ret_value);

#endif
