/* SPDX-License-Identifier: MIT */
/* The sizes of live allocations by id, in little memory. Analyzer, one thread. */
#ifndef HT_ID_SIZES_H
#define HT_ID_SIZES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Ids are dense and given away in order, so HT_ID_GROUP of them share a cache line; lines are found by
 * a hash of the id without its low bits, and given back when their last block is freed. So memory
 * grows with live blocks: 4 to 100 bytes each.
 */
#define HT_ID_GROUP_BITS 4u
#define HT_ID_GROUP (1u << HT_ID_GROUP_BITS)

struct ht_id_line {
	uint32_t codes[HT_ID_GROUP]; /* size + 1; 0: not live; HT_ID_CODE_LARGE: see there */
};
#define HT_ID_CODE_LARGE UINT32_MAX

struct ht_id_slot {
	uint64_t key; /* id >> HT_ID_GROUP_BITS, plus 1; 0: empty */
	uint32_t line;
	uint32_t reserved0;
};

/* A block whose size is no code. There are few: each is 4 GiB or more. */
struct ht_id_large {
	uint64_t id;
	uint64_t n_bytes;
};

/* All zero is an empty map. Fields are for id_sizes.c and the functions below only. */
struct ht_id_sizes {
	struct ht_id_slot *slots;
	size_t n_slots; /* a power of two, or 0; at most half used */
	size_t n_used;
	unsigned home_shift;
	struct ht_id_line *lines;
	uint32_t n_lines;
	uint32_t lines_size;
	uint32_t free_line;  /* index + 1; the next one is in its first code */
	uint64_t last_key;   /* the group used last, */
	uint32_t last_line;  /* and where it is; valid when last_key is not 0 */
	uint32_t n_large;
	struct ht_id_large *large;
	uint32_t large_size;
};

/* Release what it holds; it is empty afterwards. */
void ht_id_sizes_done(struct ht_id_sizes *map);

enum ht_id_added {
	HT_ID_ADDED,
	HT_ID_DUPLICATE, /* it is there already: nothing was changed */
	HT_ID_NO_MEMORY,
};

/* A new block. */
enum ht_id_added ht_id_sizes_add(struct ht_id_sizes *map, uint64_t id, uint64_t n_bytes);

/* Take a block out. False when it was not there; else *ret_bytes is its size. */
bool ht_id_sizes_remove(struct ht_id_sizes *map, uint64_t id, uint64_t *ret_bytes);

/* Groups that follow each other stay side by side, eight in two cache lines. */
static inline size_t ht_id_sizes_home(const struct ht_id_sizes *map, uint64_t key)
{
	return (size_t)(((key >> 3) * 0x9e3779b97f4a7c15ull) >> map->home_shift) << 3 | (key & 7);
}

/* Start loading what a removal of id will look at first. */
static inline __attribute__((always_inline)) void
ht_id_sizes_prefetch(const struct ht_id_sizes *map, uint64_t id)
{
	if (map->n_slots)
		__builtin_prefetch(&map->slots[ht_id_sizes_home(map, (id >> HT_ID_GROUP_BITS) + 1)]);
}

#endif
