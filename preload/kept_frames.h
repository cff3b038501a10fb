/* SPDX-License-Identifier: MIT */
/*
 * The frames a thread keeps from its previous stack, and their nodes. Target, any thread (one at a
 * time per struct), may not allocate. Part of stack_walk.
 */
#ifndef HT_KEPT_FRAMES_H
#define HT_KEPT_FRAMES_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/stack_step.h"
#include "preload/stack_walk.h"

/* How a walk ended: with `base` kept frames, of which those from `floor` on belong to the stack. */
struct ht_walk_end {
	uint32_t base;
	uint32_t floor;
	uint32_t truncation; /* enum ht_truncation */
};

/* The hash of a path without frames, which ends for a reason (enum ht_truncation). */
static inline uint64_t ht_path_root(uint32_t truncation)
{
	return 0xa0761d6478bd642full + truncation;
}

/* The hash of a path with one frame more. */
static inline uint64_t ht_path_extend(uint64_t path, uint64_t pc, uint32_t generation)
{
	__uint128_t product =
	        (__uint128_t)(path ^ pc ^ (uint64_t)generation << 48) * 0x9e3779b97f4a7c15ull;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

/* [any thread] [no alloc] How many saved frame pointers the steps of frames before this one read. */
static inline uint32_t ht_kept_frames_first_fp(const struct ht_stack_walk *w, uint32_t frame)
{
	return frame == 0 ? 0 : ht_walk_n_fps(&w->names[frame - 1]);
}

bool ht_kept_frames_grow_new(struct ht_stack_walk *w);

/* [any thread] [no alloc] Whether there is room for a new frame and two slow steps. */
static inline bool ht_kept_frames_room_for_new(struct ht_stack_walk *w)
{
	return __builtin_expect(w->n_new_frames < w->new_frames_capacity &&
	                                w->n_new_slow + 2 <= w->new_slow_capacity,
	                        1) ||
	       ht_kept_frames_grow_new(w);
}

/*
 * [any thread] [no alloc] Put the new frames behind the kept ones that hold. Returns the node of a
 * stack that cannot be kept, else 0.
 */
uint32_t ht_kept_frames_keep(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                             struct ht_walk_end *end);

/* [any thread] [no alloc] Give the memory of frames back. */
void ht_kept_frames_free(struct ht_stack_walk *w);

/* [any thread] [no alloc] Give the memory back in which other backends wrote. */
void ht_stack_backend_free(struct ht_stack_walk *w);

#endif
