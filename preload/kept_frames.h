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

/* [any thread] [no alloc] Where the words of a kept frame begin. */
static inline uint32_t ht_kept_frames_first_word(const struct ht_stack_walk *w, uint32_t frame)
{
	return frame == 0 ? 0 : ht_walk_words_end(&w->frames[frame - 1]);
}

bool ht_kept_frames_grow_new(struct ht_stack_walk *w);

/* [any thread] [no alloc] Whether there is room for a new frame and the words of its step. */
static inline bool ht_kept_frames_room_for_new(struct ht_stack_walk *w)
{
	return (w->n_new_frames < w->new_frames_capacity &&
	        w->n_new_words + HT_STEP_MAX_WORDS <= w->new_words_capacity) ||
	       ht_kept_frames_grow_new(w);
}

/*
 * [any thread] [no alloc] Put the new frames behind the kept ones that hold and return the node of
 * the stack.
 */
uint32_t ht_kept_frames_keep(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                             struct ht_walk_end *end);

/* [any thread] [no alloc] Give the memory of frames and words back. */
void ht_kept_frames_free(struct ht_stack_walk *w);

/* [any thread] [no alloc] Give the memory back in which other backends wrote. */
void ht_stack_backend_free(struct ht_stack_walk *w);

#endif
