/* SPDX-License-Identifier: MIT */
/* A hash map from 64-bit numbers to 64-bit numbers. Analyzer, one thread at a time. */
#ifndef HT_U64_MAP_H
#define HT_U64_MAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_u64_map_slot {
	uint64_t key; /* 0 marks an empty slot; the key 0 itself lives in zero_value */
	uint64_t value;
};

/* All zero is an empty map. Fields are for u64_map.c and the iteration below only. */
struct ht_u64_map {
	struct ht_u64_map_slot *slots;
	size_t n_slots; /* a power of two, or 0 */
	size_t n_used;
	uint64_t zero_value;
	bool has_zero;
};

/* Release what the map holds; it is empty afterwards. NULL is fine. */
void ht_u64_map_done(struct ht_u64_map *map);

/* The value under key, or NULL. Valid until the next put or remove. */
uint64_t *ht_u64_map_get(const struct ht_u64_map *map, uint64_t key);

/* The value under key, put there as 0 when it is new. Valid until the next put or remove. */
uint64_t *ht_u64_map_put(struct ht_u64_map *map, uint64_t key);

/* Take key out. False when it was not there; else *ret_value (may be NULL) is what it had. */
bool ht_u64_map_remove(struct ht_u64_map *map, uint64_t key, uint64_t *ret_value);

/* How many keys there are. */
size_t ht_u64_map_count(const struct ht_u64_map *map);

/*
 * Visit all pairs in no useful order: start with *cursor 0, stop when it returns false. The map
 * must not change meanwhile.
 */
bool ht_u64_map_next(const struct ht_u64_map *map, size_t *cursor, uint64_t *ret_key,
                     uint64_t *ret_value);

/* A number whose every bit depends on every bit of v. */
static inline uint64_t ht_u64_mix(uint64_t v)
{
	v ^= v >> 32;
	v *= 0xd6e8feb86659fd93ull;
	v ^= v >> 32;
	v *= 0xd6e8feb86659fd93ull;
	v ^= v >> 32;
	return v;
}

#endif
