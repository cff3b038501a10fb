/* SPDX-License-Identifier: MIT */
/*
 * What the shim keeps per thread, and the registry of it. Target.
 *
 * A state is private memory that only its thread touches, except for its owner word. It outlives
 * its thread, because frees may come from the very last destructors; a later new thread that finds
 * the owner gone takes it over.
 */
#ifndef HT_THREAD_H
#define HT_THREAD_H

#include "python_walk.h"
#include "stack_walk.h"

#include <heaptide/shared_region.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

/* Threads reserve allocation ids in ranges of this many with one atomic add. */
#define HT_ID_RANGE 4096u

struct ht_thread {
	/* Where the next record goes, in the body of chunk. pos == end when there is no chunk. */
	_Atomic uint64_t *pos;
	_Atomic uint64_t *end;
	uint64_t base_tick;
	uint64_t next_id; /* == end_id when the range is used up */
	uint64_t end_id;

	_Atomic uint64_t *chunk_state; /* state word of the chunk; NULL: no chunk */
	uint64_t chunk_seq;
	uint64_t n_lost;   /* events lost since the last record that could be written */
	uint32_t full_seq; /* with n_lost: the region's free_seq when no chunk was to be had */
	uint32_t serial;   /* in this process, from 1 */
	uint32_t tid;
	bool wants_large_chunk;

	struct ht_stack_walk walk;
	struct ht_walk_sink sink; /* ctx is this state */
	struct ht_python_walk python;
	uint64_t *compared_pcs; /* HT_UNWIND_VERIFY: memory of stack_source */

	struct ht_thread *next; /* registry; constant once published */
	_Atomic uint64_t owner; /* tid, with the serial above it; 0 while nobody's */
};

/*
 * All of the shim's static TLS: initial-exec, so that reading it never allocates.
 */
struct ht_tls {
	struct ht_thread *self; /* NULL before the thread's first event */
	uint64_t in_hook;       /* ht_hook_mark() of the hook on this thread's stack; 0: none */
	/*
	 * While the thread has recording paused its state is here, and self NULL, which the quick ways ask for
	 * anyway: so they need no question more.
	 */
	struct ht_thread *paused;
	uint32_t n_pauses; /* calls of pause without one of resume */
	uint32_t paused_process; /* serial of the process that was told; a fork's child is told when there is need */
};
#define HT_IN_SETUP UINT64_MAX /* in_hook: not a hook's frame, but nothing is to be recorded */
extern __thread struct ht_tls ht_tls __attribute__((tls_model("initial-exec")));

/* This thread's state, made or taken over at its first event; NULL when memory cannot be had, or recording is paused. */
struct ht_thread *ht_thread_make(void);

static inline struct ht_thread *ht_thread_self(void)
{
	struct ht_thread *t = ht_tls.self;

	return __builtin_expect(t != NULL, 1) ? t : ht_thread_make();
}

/* The same, also while recording is paused: for what is recorded all the same. */
static inline struct ht_thread *ht_thread_paused_or_self(void)
{
	return ht_tls.paused ? ht_tls.paused : ht_thread_self();
}

/* A hook of this thread ended in the middle: leave what it may have left half done. */
void ht_thread_recover(void);

/*
 * In a fork child, before anything else: forget the chunks (they are the parent's), the other
 * threads (they are not here), and what is left of this thread's id range. True when the parent ever had
 * more than one thread with events.
 */
bool ht_thread_after_fork(void);

#endif
