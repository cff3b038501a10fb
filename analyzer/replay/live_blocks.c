/* SPDX-License-Identifier: MIT */
/* The live blocks of one process by allocation id. Analyzer. */
#include "analyzer/replay/live_blocks.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

#define MIN_SEGMENTS    4096u
#define SLACK_SEGMENTS  1024u /* below the first id seen: other threads' ranges */
#define ARRAYS_PER_SLAB 32u
#define FEW_LIVE        (HT_LIVE_SEGMENT / 4) /* of an array: it may be given up */

void ht_live_blocks_done(struct ht_live_blocks *live)
{
	if (!live)
		return;
	for (size_t i = 0; i < live->n_slabs; i++)
		free(live->slabs[i]);
	free(live->slabs);
	free(live->segments);
	ht_block_map_done(&live->strays);
	*live = (struct ht_live_blocks){ 0 };
}

/* ---- Arrays of blocks. In those that are not in use, no id is one that belongs there. ---- */

static void put_spare(struct ht_live_blocks *live, struct ht_live_block *array)
{
	memcpy(&array->size, &live->spare, sizeof(live->spare));
	live->spare = array;
}

static void make_spares(struct ht_live_blocks *live)
{
	struct ht_live_block *slab =
	        ht_xalloc_zeroed(ARRAYS_PER_SLAB * HT_LIVE_SEGMENT, sizeof(*slab));

	live->slabs = ht_xalloc_grow(live->slabs, &live->slabs_capacity, live->n_slabs + 1,
	                             sizeof(struct ht_live_block *));
	live->slabs[live->n_slabs++] = slab;
	for (size_t i = ARRAYS_PER_SLAB; i-- > 0;) {
		slab[i * HT_LIVE_SEGMENT].id = UINT64_MAX; /* 0 does belong to the first place */
		put_spare(live, slab + i * HT_LIVE_SEGMENT);
	}
}

static void give_array(struct ht_live_blocks *live, struct ht_live_segment *segment)
{
	if (!live->spare)
		make_spares(live);
	segment->blocks = live->spare;
	memcpy(&live->spare, &segment->blocks->size, sizeof(live->spare));
	segment->n_live = 0;
	segment->n_born = 0;
	live->n_arrays++;
}

void ht_live_blocks_drop_array(struct ht_live_blocks *live, struct ht_live_segment *segment)
{
	put_spare(live, segment->blocks);
	segment->blocks = NULL;
	live->n_arrays--;
}

/* ---- Blocks that are alone. ---- */

static void note_stray(struct ht_live_blocks *live, uint64_t id)
{
	uint64_t number = id >> HT_LIVE_SEGMENT_BITS;

	if (number >= live->n_strayed)
		live->n_strayed = number + 1;
}

/* Move what is left of a segment to the map. */
static void dissolve(struct ht_live_blocks *live, size_t i)
{
	struct ht_live_segment *segment = &live->segments[i];
	uint64_t first_id = (live->base + i) << HT_LIVE_SEGMENT_BITS;

	for (size_t k = 0; k < HT_LIVE_SEGMENT && segment->n_live > 0; k++) {
		struct ht_live_block *block = &segment->blocks[k];

		if (block->id != first_id + k)
			continue;
		struct ht_live_block *stray = ht_block_map_add(&live->strays, block->id);

		/* Not NULL: an id is in one place only. */
		*stray = *block;
		block->id = ~block->id;
		segment->n_live--;
		live->n_dense--;
	}
	segment->has_strays = true;
	note_stray(live, first_id);
	ht_live_blocks_drop_array(live, segment);
}

/* Arrays with few blocks must not be most of them. */
static void sweep(struct ht_live_blocks *live)
{
	for (size_t i = 0; i < live->n_segments; i++) {
		if (live->segments[i].blocks && live->segments[i].n_live < FEW_LIVE)
			dissolve(live, i);
	}
}

/* ---- The table of segments. ---- */

/* Give up the first half of the table when little is in it. */
static bool trim(struct ht_live_blocks *live)
{
	size_t n_half = live->n_segments / 2, n_arrays = 0;

	for (size_t i = 0; i < n_half; i++)
		n_arrays += live->segments[i].blocks != NULL;
	if (n_arrays > n_half / 16)
		return false;
	for (size_t i = 0; i < n_half; i++) {
		if (live->segments[i].blocks)
			dissolve(live, i);
	}
	memcpy(live->segments, live->segments + n_half, n_half * sizeof(*live->segments));
	memset(live->segments + n_half, 0, n_half * sizeof(*live->segments));
	live->base += n_half;
	return true;
}

static void mark_strays(struct ht_live_blocks *live, size_t first)
{
	for (size_t i = first; i < live->n_segments && live->base + i < live->n_strayed; i++)
		live->segments[i].has_strays = true;
}

/* Make segment number the table's, if ids are dense enough that far. */
static bool reach(struct ht_live_blocks *live, uint64_t number)
{
	if (live->n_segments == 0) {
		live->base = number > SLACK_SEGMENTS ? number - SLACK_SEGMENTS : 0;
		live->n_segments = MIN_SEGMENTS;
		live->segments = ht_xalloc_zeroed(MIN_SEGMENTS, sizeof(*live->segments));
		mark_strays(live, 0);
	}
	while (number - live->base >= live->n_segments) {
		size_t n = live->n_segments;

		/* Honest ids are never this far apart; others must not make the table long. */
		if (number < live->base || number - live->base > 2 * n ||
		    number - live->base > MIN_SEGMENTS + live->n_born)
			return false;
		if (trim(live)) {
			mark_strays(live, n / 2);
			continue;
		}
		live->segments = ht_xalloc_resize(live->segments, 2 * n, sizeof(*live->segments));
		memset(live->segments + n, 0, n * sizeof(*live->segments));
		live->n_segments = 2 * n;
		mark_strays(live, n);
	}
	return true;
}

struct ht_live_block *ht_live_blocks_find_stray(const struct ht_live_blocks *live, uint64_t id)
{
	size_t ignored;

	return ht_block_map_find(&live->strays, id, &ignored);
}

void ht_live_blocks_remove_stray(struct ht_live_blocks *live, uint64_t id)
{
	size_t slot;

	if (ht_block_map_find(&live->strays, id, &slot))
		ht_block_map_remove_slot(&live->strays, slot);
}

struct ht_live_block *ht_live_blocks_add_slowly(struct ht_live_blocks *live, uint64_t id)
{
	uint64_t number = id >> HT_LIVE_SEGMENT_BITS;

	live->n_born++;
	if (live->n_arrays > 1024 + live->n_dense / 8 + live->n_segments / 256)
		sweep(live);
	if (!reach(live, number)) {
		note_stray(live, id);
		return ht_block_map_add(&live->strays, id);
	}
	struct ht_live_segment *segment = &live->segments[number - live->base];

	if (segment->has_strays && ht_live_blocks_find_stray(live, id))
		return NULL;
	if (!segment->blocks)
		give_array(live, segment);
	struct ht_live_block *block = &segment->blocks[id % HT_LIVE_SEGMENT];

	if (block->id == id)
		return NULL;
	block->id = id;
	segment->n_live++;
	segment->n_born++;
	live->n_dense++;
	return block;
}

const struct ht_live_block *ht_live_blocks_next(const struct ht_live_blocks *live, size_t *cursor)
{
	size_t n_dense = live->n_segments * HT_LIVE_SEGMENT;

	while (*cursor < n_dense) {
		size_t i = *cursor / HT_LIVE_SEGMENT, k = *cursor % HT_LIVE_SEGMENT;
		uint64_t id = ((live->base + i) << HT_LIVE_SEGMENT_BITS) + k;

		if (!live->segments[i].blocks || live->segments[i].n_live == 0) {
			*cursor += HT_LIVE_SEGMENT - k;
			continue;
		}
		++*cursor;
		if (live->segments[i].blocks[k].id == id)
			return &live->segments[i].blocks[k];
	}
	size_t in_map = *cursor - n_dense;
	const struct ht_live_block *block = ht_block_map_next(&live->strays, &in_map);

	*cursor = n_dense + in_map;
	return block;
}

void ht_live_blocks_forget_reallocations(struct ht_live_blocks *live)
{
	size_t cursor = 0;

	for (const struct ht_live_block *b; (b = ht_live_blocks_next(live, &cursor));)
		((struct ht_live_block *)b)->n_reallocations = 0; /* they are ours */
}
