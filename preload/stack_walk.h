/* SPDX-License-Identifier: MIT */
/*
 * The stack of a hook's caller as a node, found by stepping only over frames that changed since the
 * thread's previous stack. Target, any thread (one at a time per struct), may not allocate.
 *
 * Kept frames are hypotheses: frame i leads to frame i-1 as long as the words that the step read
 * still have the values it read. A walk steps afresh from the innermost frame until it meets a kept
 * one in the same state, then compares words, inner to outer, up to the first difference, and steps
 * afresh from there. The result always equals that of a full unwind.
 */
#ifndef HT_STACK_WALK_H
#define HT_STACK_WALK_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/stack_memory.h"

struct ht_module_record;
struct ht_unwind_backend_api;

/* What the walk gives to and takes from the rest of the shim. All functions run in the walking thread. */
struct ht_walk_sink {
	void *ctx;
	/*
	 * The node {parent, address, generation}; address may carry HT_NODE_EXACT. A result below
	 * HT_FIRST_NODE is used once and not remembered.
	 */
	uint32_t (*intern)(void *ctx, uint32_t parent_node, uint64_t address, uint32_t generation);
	/*
	 * A memory of whole stacks, which may forget: the node that add_path noted for this hash of a
	 * path and whose address is pc, or 0. Optional, both or neither.
	 */
	uint32_t (*find_path)(void *ctx, uint64_t path, uint64_t pc);
	void (*add_path)(void *ctx, uint64_t path, uint32_t node);
	/* A module was seen for the first time. path is not terminated: record->path_bytes long. */
	void (*module)(void *ctx, const struct ht_module_record *record, const char *path);
	/* Report the free of the block at addr, if it is a tracked one, to
	 * ht_module_table_link_map_freed(). */
	void (*watch)(void *ctx, uint64_t addr);
};

struct ht_walk_frame;
struct ht_walk_word;

/* Per thread. Zero-filled memory is a valid, uninitialised one. */
struct ht_stack_walk {
	/*
	 * Kept: outermost first; words in the order that makes checking them from the last to the
	 * first the order in which a walk reads them.
	 */
	struct ht_walk_frame *frames;
	struct ht_walk_word *words;
	uint32_t n_frames;
	uint32_t frames_capacity;
	uint32_t words_capacity;

	/* New in this walk: innermost first, words in the order of reading. */
	uint32_t n_new_frames;
	struct ht_walk_frame *new_frames;
	struct ht_walk_word *new_words;
	uint32_t n_new_words;
	uint32_t new_frames_capacity;
	uint32_t new_words_capacity;

	uint32_t max_frames;
	uint32_t epoch;     /* of the modules, when the frames were kept */
	uint32_t root_node; /* parent of the outermost frame in the stack: 0 or a pseudo-node */
	uint32_t cut;       /* kept frames before this one are not in the stack: HT_TRUNC_DEPTH */
	uint32_t last_truncation; /* enum ht_truncation of the last stack */
	struct ht_stack_memory memory;
	uint64_t *others; /* what another backend says; made when one is first asked */
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

/*
 * [any thread] [no alloc] The node of the stack that called the hook: pc is the hook's return
 * address, sp the stack pointer after that return (the hook's CFA), fp the caller's frame pointer
 * register. Never 0 where there is a stack; a pseudo-node when nothing could be walked. Sets
 * last_truncation. Changes no errno, takes no lock, makes no system call in the common case.
 */
uint32_t ht_stack_walk_capture(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                               uint64_t pc, uint64_t sp, uint64_t fp);

/* [any thread] The same by another backend, without remembering anything between stacks. */
uint32_t ht_stack_walk_capture_by(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                                  const struct ht_unwind_backend_api *backend, uint64_t sp);

/*
 * [any thread] Compare the frames of the last ht_stack_walk_capture() with the backend's, in the same
 * hook call. False when they differ, with both lists on descriptor 2 when log_level is not 0.
 */
bool ht_stack_walk_verify(struct ht_stack_walk *w, const struct ht_unwind_backend_api *backend,
                          uint64_t sp, uint32_t log_level);

#endif
