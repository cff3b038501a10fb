/* SPDX-License-Identifier: MIT */
/*
 * The stack of a hook's caller as a node, found by stepping only over frames that changed since the
 * thread's previous stack. Target, any thread (one at a time per struct), may not allocate.
 *
 * Kept frames are hypotheses: frame i leads to frame i-1 as long as the words that the step read
 * still have the values it read. A walk steps afresh from the innermost frame until it meets a kept
 * one in the same state, then compares words up to the innermost difference, and steps afresh from
 * there. The result always equals that of a full unwind.
 */
#ifndef HT_STACK_WALK_H
#define HT_STACK_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/stack_cache.h"
#include "preload/stack_memory.h"

struct ht_module_record;
struct ht_unwind_backend_api;

/* What the walk gives to and takes from the rest of the shim. All functions run in the walking thread. */
struct ht_walk_sink {
	void *ctx;
	/*
	 * The node that was made for a path with this hash and this innermost address, or 0. Optional.
	 * prefetch says that a path will be asked for soon, and goes with it.
	 */
	uint32_t (*find)(void *ctx, uint64_t path, uint64_t address, uint32_t generation);
	void (*prefetch)(uint64_t path);
	/*
	 * The node {parent, address, generation} with this path; address may carry HT_NODE_EXACT. A
	 * result below HT_FIRST_NODE is used once and not remembered.
	 */
	uint32_t (*intern)(void *ctx, uint64_t path, uint32_t parent_node, uint64_t address,
	                   uint32_t generation);
	/* A module was seen for the first time. path is not terminated: record->path_bytes long. False when
	 * it could not be written down: the module table offers it again. */
	bool (*module)(void *ctx, const struct ht_module_record *record, const char *path);
	/* Report the free of the block at addr, if it is a tracked one, to
	 * ht_module_table_link_map_freed(). */
	void (*watch)(void *ctx, uint64_t addr);
};

struct ht_walk_frame;
struct ht_walk_name;
struct ht_walk_word;
struct ht_walk_slow;
struct ht_new_frame;

/* Per thread. Zero-filled memory is a valid, uninitialised one. */
struct ht_stack_walk {
	/*
	 * Kept, outermost first: what is compared on every walk, and what is looked at when frames are
	 * named. The frame pointers that steps read from memory, and the steps that read other words than
	 * a return address and a frame pointer, are lists of their own, in the same order.
	 */
	struct ht_walk_frame *frames;
	struct ht_walk_name *names;
	struct ht_walk_word *fps;
	uint32_t n_frames;
	uint32_t n_slow;
	uint32_t epoch;           /* of the modules, when frames and stacks were remembered */
	uint32_t last_truncation; /* enum ht_truncation of the last stack */
	struct ht_stack_memory memory;
	struct ht_stack_cache cache;

	struct ht_walk_slow *slow;
	uint32_t frames_capacity; /* of frames, names and fps */
	uint32_t slow_capacity;

	/* New in this walk: innermost first. */
	struct ht_new_frame *new_frames;
	struct ht_walk_slow *new_slow;
	uint32_t n_new_frames;
	uint32_t n_new_slow;
	uint32_t new_frames_capacity;
	uint32_t new_slow_capacity;

	uint32_t max_frames;
	uint32_t root_node; /* parent of the outermost frame in the stack: 0 or a pseudo-node */
	uint32_t cut;       /* kept frames before this one are not in the stack: HT_TRUNC_DEPTH */
	uint64_t *others;   /* what another backend says; made when one is first asked */
};

/*
 * [any thread] Whether this backend works here: an architecture with unwind rules, a loader that
 * can be asked without locks, a kernel that tells whether memory is readable.
 */
bool ht_stack_walk_is_supported(void);

/* [any thread] [no alloc] Stacks deeper than max_frames (2..65536) are cut. */
void ht_stack_walk_init(struct ht_stack_walk *w, uint32_t max_frames);

/* [any thread] [no alloc] Give the memory back. w may be initialised again. */
void ht_stack_walk_done(struct ht_stack_walk *w);

/*
 * [any thread] [no alloc] Forget the kept frames and what is known of the stack's memory: for a fork
 * child, and for a thread that takes over the state of one that is gone.
 */
void ht_stack_walk_invalidate(struct ht_stack_walk *w);

/* [any thread] [no alloc] The same, and the stack cache as well: a walk or an update was left by a jump. */
void ht_stack_walk_recover(struct ht_stack_walk *w);

/*
 * [any thread] [no alloc] The node of the stack that ht_stack_walk_begin() has walked. Never 0 where there is a stack; a
 * pseudo-node when nothing could be walked.
 */
uint32_t ht_stack_walk_name(struct ht_stack_walk *w, const struct ht_walk_sink *sink);

/* [any thread] The same by another backend, without remembering anything between stacks. */
uint32_t ht_stack_walk_capture_by(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                                  const struct ht_unwind_backend_api *backend, uint64_t sp);

/*
 * [any thread] Compare the n program counters, innermost first, that a node of the caller's stack stands
 * for with the backend's, in the same hook call. truncation is why they end. False when they differ, with
 * both lists on descriptor 2 when log_level is not 0.
 */
bool ht_stack_walk_verify(struct ht_stack_walk *w, const struct ht_unwind_backend_api *backend,
                          const uint64_t *pcs, uint32_t n, uint32_t truncation, uint64_t sp,
                          uint32_t log_level);

#endif
