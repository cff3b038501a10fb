/* SPDX-License-Identifier: MIT */
/*
 * The Python stack of a thread as a node, read from the interpreter's own frames, and joined with the
 * node of the native stack. Target, own thread, may not allocate.
 *
 * The frames that belong to a thread are changed by that thread only, so here, in a call that it made,
 * they are whole, whether it holds the interpreter's lock or not. Frames of the stack before are kept:
 * the chain is followed through memory, and only what changed is looked up.
 */
#ifndef HT_PYTHON_WALK_H
#define HT_PYTHON_WALK_H

#include <stdbool.h>
#include <stdint.h>

struct ht_thread;
struct ht_python_memory;

/* Per thread. Zero-filled is valid: nothing known. */
struct ht_python_walk {
	struct ht_python_memory *memory; /* made at the thread's first Python stack */
	uint64_t thread_state_addr;      /* the last one that was found to be this thread's */
	uint32_t n_frames;               /* kept */
	uint32_t epoch;                  /* of the code objects, when they were kept */
	bool has_rejected; /* memory has thread-specific values that are no thread state */
	bool is_unsure;    /* some code object may be replaced unseen: keep nothing */
};

/* Find the interpreter, and tell the recorder. True when stacks will have Python frames. */
bool ht_python_walk_setup(struct ht_thread *t);

/* Forget what belongs to another thread. */
static inline void ht_python_walk_invalidate(struct ht_python_walk *w)
{
	w->n_frames = 0;
	w->thread_state_addr = 0;
	w->has_rejected = false;
}

/* The node of the native stack with the thread's Python stack, or just native when it has none. */
uint32_t ht_python_walk_join(struct ht_thread *t, uint32_t native);

#endif
