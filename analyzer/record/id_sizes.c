/* SPDX-License-Identifier: MIT */
/* The sizes of live allocations by id. Analyzer, one thread. */
#include "analyzer/record/id_sizes.h"

#include <stdlib.h>
#include <string.h>

#define MIN_SLOTS 1024u
#define MIN_LINES 256u

void ht_id_sizes_done(struct ht_id_sizes *map)
{
	free(map->slots);
	free(map->lines);
	free(map->large);
	*map = (struct ht_id_sizes){ 0 };
}

static uint64_t key_of(uint64_t id)
{
	return (id >> HT_ID_GROUP_BITS) + 1;
}

/* The slot of key, or the empty one where it would be. */
static size_t slot_of(const struct ht_id_sizes *map, uint64_t key)
{
	size_t i = ht_id_sizes_home(map, key);

	while (map->slots[i].key && map->slots[i].key != key)
		i = (i + 1) & (map->n_slots - 1);
	return i;
}

static bool grow_slots(struct ht_id_sizes *map)
{
	struct ht_id_slot *old = map->slots;
	size_t n_old = map->n_slots;
	size_t n_slots = n_old ? 2 * n_old : MIN_SLOTS;
	struct ht_id_slot *slots = calloc(n_slots, sizeof(*slots));

	if (!slots)
		return false;
	map->slots = slots;
	map->n_slots = n_slots;
	map->home_shift = 64 - (unsigned)__builtin_ctzll(n_slots) + 3;
	for (size_t i = 0; i < n_old; i++) {
		if (old[i].key)
			map->slots[slot_of(map, old[i].key)] = old[i];
	}
	free(old);
	return true;
}

/* A line of zeros; false: no memory. */
static bool new_line(struct ht_id_sizes *map, uint32_t *ret_line)
{
	if (map->free_line) {
		*ret_line = map->free_line - 1;
		map->free_line = map->lines[*ret_line].codes[0];
	} else {
		if (map->n_lines == map->lines_size) {
			uint32_t size = map->lines_size ? 2 * map->lines_size : MIN_LINES;
			struct ht_id_line *bigger = NULL;

			if (size > map->lines_size)
				bigger = realloc(map->lines, (size_t)size * sizeof(*bigger));
			if (!bigger)
				return false;
			map->lines = bigger;
			map->lines_size = size;
		}
		*ret_line = map->n_lines++;
	}
	memset(&map->lines[*ret_line], 0, sizeof(struct ht_id_line));
	return true;
}

static void remove_slot(struct ht_id_sizes *map, size_t hole)
{
	size_t mask = map->n_slots - 1;
	uint32_t line = map->slots[hole].line;

	map->lines[line].codes[0] = map->free_line;
	map->free_line = line + 1;
	map->n_used--;
	/* Move back every later slot of the run whose own place is not after the hole. */
	for (size_t i = (hole + 1) & mask; map->slots[i].key; i = (i + 1) & mask) {
		size_t home = ht_id_sizes_home(map, map->slots[i].key);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			map->slots[hole] = map->slots[i];
			hole = i;
		}
	}
	map->slots[hole] = (struct ht_id_slot){ 0 };
}

static bool is_empty(const struct ht_id_line *line)
{
	uint32_t any = 0;

	for (unsigned i = 0; i < HT_ID_GROUP; i++)
		any |= line->codes[i];
	return any == 0;
}

/* The line of key, made when there is none; false: no memory. */
static bool need_line(struct ht_id_sizes *map, uint64_t key)
{
	/* The one used last was kept though its blocks may all be gone. */
	if (map->last_key && is_empty(&map->lines[map->last_line]))
		remove_slot(map, slot_of(map, map->last_key));
	map->last_key = 0;
	if (map->n_used >= map->n_slots / 2 && !grow_slots(map))
		return false;

	size_t i = slot_of(map, key);

	if (!map->slots[i].key) {
		uint32_t line;

		if (!new_line(map, &line))
			return false;
		map->slots[i] = (struct ht_id_slot){ .key = key, .line = line };
		map->n_used++;
	}
	map->last_key = key;
	map->last_line = map->slots[i].line;
	return true;
}

static bool add_large(struct ht_id_sizes *map, uint64_t id, uint64_t n_bytes)
{
	if (map->n_large == map->large_size) {
		uint32_t size = map->large_size ? 2 * map->large_size : 16;
		struct ht_id_large *bigger = realloc(map->large, size * sizeof(*bigger));

		if (!bigger)
			return false;
		map->large = bigger;
		map->large_size = size;
	}
	map->large[map->n_large++] = (struct ht_id_large){ id, n_bytes };
	return true;
}

static uint64_t remove_large(struct ht_id_sizes *map, uint64_t id)
{
	uint32_t i = 0;

	while (map->large[i].id != id)
		i++;
	uint64_t n_bytes = map->large[i].n_bytes;

	map->large[i] = map->large[--map->n_large];
	return n_bytes;
}

enum ht_id_added ht_id_sizes_add(struct ht_id_sizes *map, uint64_t id, uint64_t n_bytes)
{
	uint64_t key = key_of(id);
	bool is_large = n_bytes >= HT_ID_CODE_LARGE - 1;

	if (key != map->last_key && !need_line(map, key))
		return HT_ID_NO_MEMORY;
	uint32_t *code = &map->lines[map->last_line].codes[id % HT_ID_GROUP];

	if (*code)
		return HT_ID_DUPLICATE;
	if (is_large && !add_large(map, id, n_bytes))
		return HT_ID_NO_MEMORY;
	*code = is_large ? HT_ID_CODE_LARGE : (uint32_t)n_bytes + 1;
	return HT_ID_ADDED;
}

bool ht_id_sizes_remove(struct ht_id_sizes *map, uint64_t id, uint64_t *ret_bytes)
{
	uint64_t key = key_of(id);
	bool is_last = key == map->last_key;
	uint32_t line = map->last_line;
	size_t i = 0;

	if (!is_last) {
		if (!map->n_slots)
			return false;
		i = slot_of(map, key);
		if (!map->slots[i].key)
			return false;
		line = map->slots[i].line;
	}
	uint32_t *code = &map->lines[line].codes[id % HT_ID_GROUP];

	if (!*code)
		return false;
	*ret_bytes = *code == HT_ID_CODE_LARGE ? remove_large(map, id) : *code - 1;
	*code = 0;
	/* The group used last stays, empty or not: the next block is most likely one of its. */
	if (!is_last && is_empty(&map->lines[line]))
		remove_slot(map, i);
	return true;
}
