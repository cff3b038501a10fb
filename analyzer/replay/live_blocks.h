/* SPDX-License-Identifier: MIT */
/* The live blocks of one process by allocation id. Analyzer, one thread at a time. */
#ifndef HT_LIVE_BLOCKS_H
#define HT_LIVE_BLOCKS_H

#include "analyzer/replay/block_map.h"
#include "analyzer/replay/live_block.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Ids are dense: threads take them in ranges and use them up in order. So the blocks of HT_LIVE_SEGMENT
 * ids in a row are an array, and a table says where each array is. Arrays go when their last block ends,
 * and when few of their blocks are left and there are many such arrays: the rest of the blocks, and
 * those with ids that are not dense, move to a map. So memory is for live blocks always, and time is
 * that of two loads as good as always. All zero is empty.
 */
#define HT_LIVE_SEGMENT_BITS 6u
#define HT_LIVE_SEGMENT      (1u << HT_LIVE_SEGMENT_BITS)
#define HT_LIVE_MANY_ARRAYS  64u

struct ht_live_segment {
	struct ht_live_block *blocks; /* by the low bits of the id; NULL: none are here */
	uint32_t n_live;
	uint16_t n_born;
	bool has_strays; /* blocks with these ids may be in the map, too */
};

struct ht_live_blocks {
	struct ht_live_segment *segments;
	size_t n_segments;
	uint64_t base;      /* id >> HT_LIVE_SEGMENT_BITS of segments[0] */
	uint64_t n_born;    /* ever */
	size_t n_dense;     /* live blocks in segments */
	size_t n_arrays;    /* segments that have blocks */
	uint64_t n_strayed; /* segments before this one, counted from id 0, may have strays */
	struct ht_live_block **slabs;
	size_t n_slabs;
	size_t slabs_capacity;
	struct ht_live_block *spare; /* arrays not in use; each begins with a pointer to the next */
	struct ht_block_map strays;
};

/* NULL is fine; empty afterwards. */
void ht_live_blocks_done(struct ht_live_blocks *live);

/* How many there are. */
static inline size_t ht_live_blocks_count(const struct ht_live_blocks *live)
{
	return live->n_dense + live->strays.n_used;
}

/* The rare parts of add, find and remove. */
struct ht_live_block *ht_live_blocks_add_slowly(struct ht_live_blocks *live, uint64_t id);
struct ht_live_block *ht_live_blocks_find_stray(const struct ht_live_blocks *live, uint64_t id);
void ht_live_blocks_remove_stray(struct ht_live_blocks *live, uint64_t id);
void ht_live_blocks_drop_array(struct ht_live_blocks *live, struct ht_live_segment *segment);

/* True when they are more than fit a processor's nearer caches. */
static inline bool ht_live_blocks_are_many(const struct ht_live_blocks *live)
{
	return live->n_arrays > HT_LIVE_MANY_ARRAYS;
}

/*
 * Start loading what ht_live_blocks_prefetch will read, some time before it. Always inline, as the next one: GCC
 * 12 finds that such functions have no effect, and leaves out calls of them.
 */
static inline __attribute__((always_inline)) void
ht_live_blocks_prefetch_place(const struct ht_live_blocks *live, uint64_t id)
{
	uint64_t i = (id >> HT_LIVE_SEGMENT_BITS) - live->base;

	/* What is not there is not loaded, which does no harm. */
	__builtin_prefetch((const void *)((uintptr_t)live->segments + i * sizeof(*live->segments)));
}

/* Start loading what a find of id will read, some time before it. */
static inline __attribute__((always_inline)) void
ht_live_blocks_prefetch(const struct ht_live_blocks *live, uint64_t id)
{
	uint64_t i = (id >> HT_LIVE_SEGMENT_BITS) - live->base;

	if (i < live->n_segments) {
		const struct ht_live_block *block = live->segments[i].blocks;

		/* Into nowhere when there are no blocks, which does no harm. Two lines may have it. */
		block = (const void *)((uintptr_t)block + id % HT_LIVE_SEGMENT * sizeof(*block));
		__builtin_prefetch(block);
		__builtin_prefetch((const void *)((uintptr_t)block + sizeof(*block) - 1));
	}
}

/* The block, or NULL; *ret_segment is where it is, NULL for the map: for ht_live_blocks_remove_from. */
static inline __attribute__((always_inline)) struct ht_live_block *
ht_live_blocks_find_in(const struct ht_live_blocks *live, uint64_t id,
                       struct ht_live_segment **ret_segment)
{
	uint64_t i = (id >> HT_LIVE_SEGMENT_BITS) - live->base;

	if (__builtin_expect(i < live->n_segments, 1)) {
		struct ht_live_segment *segment = &live->segments[i];

		if (__builtin_expect(segment->blocks != NULL, 1)) {
			struct ht_live_block *block = &segment->blocks[id % HT_LIVE_SEGMENT];

			*ret_segment = segment;
			if (__builtin_expect(block->id == id, 1))
				return block;
		}
	}
	*ret_segment = NULL;
	return ht_live_blocks_find_stray(live, id);
}

static inline struct ht_live_block *ht_live_blocks_find(const struct ht_live_blocks *live,
                                                        uint64_t id)
{
	struct ht_live_segment *segment;

	return ht_live_blocks_find_in(live, id, &segment);
}

/*
 * A new record for id, with only the id filled in, valid until the next add; NULL when there is one
 * already.
 */
static inline struct ht_live_block *ht_live_blocks_add(struct ht_live_blocks *live, uint64_t id)
{
	uint64_t i = (id >> HT_LIVE_SEGMENT_BITS) - live->base;

	if (__builtin_expect(i < live->n_segments, 1)) {
		struct ht_live_segment *segment = &live->segments[i];

		if (__builtin_expect(segment->blocks && !segment->has_strays, 1)) {
			struct ht_live_block *block = &segment->blocks[id % HT_LIVE_SEGMENT];

			if (__builtin_expect(block->id == id, 0))
				return NULL;
			block->id = id;
			segment->n_live++;
			segment->n_born++;
			live->n_born++;
			live->n_dense++;
			return block;
		}
	}
	return ht_live_blocks_add_slowly(live, id);
}

/* Take a block out that ht_live_blocks_find_in gave, with its segment; it is gone then. */
static inline __attribute__((always_inline)) void
ht_live_blocks_remove_from(struct ht_live_blocks *live, struct ht_live_segment *segment,
                           struct ht_live_block *block)
{
	if (__builtin_expect(!segment, 0)) {
		ht_live_blocks_remove_stray(live, block->id);
		return;
	}
	block->id = ~block->id; /* an id that does not belong here */
	live->n_dense--;
	if (--segment->n_live == 0 && segment->n_born >= HT_LIVE_SEGMENT)
		ht_live_blocks_drop_array(live, segment);
}

/* The same for one that is known by its id only; nothing when it is not there. */
static inline void ht_live_blocks_remove(struct ht_live_blocks *live, uint64_t id)
{
	struct ht_live_segment *segment;
	struct ht_live_block *block = ht_live_blocks_find_in(live, id, &segment);

	if (block)
		ht_live_blocks_remove_from(live, segment, block);
}

/* All of them begin again with none. */
void ht_live_blocks_forget_reallocations(struct ht_live_blocks *live);

/* Visit all blocks in no useful order: start with *cursor 0, NULL at the end. No changes meanwhile. */
const struct ht_live_block *ht_live_blocks_next(const struct ht_live_blocks *live, size_t *cursor);

#endif
