/* SPDX-License-Identifier: MIT */
/* Chooses who walks the stack and joins the walk with the stack table. Target. */
#ifndef HT_STACK_SOURCE_H
#define HT_STACK_SOURCE_H

#include "lifecycle.h"
#include "stack_walk.h"
#include "thread.h"

#include <heaptide/shared_region.h>
#include <stdint.h>

/*
 * Make `wanted` ready, loading libunwind's module if that takes it, and return what will be used.
 * [before main, with ht_tls.depth set]
 */
enum ht_unwind_backend ht_stack_source_setup(enum ht_unwind_backend wanted);

/* Point the walk of a fresh thread state at its stack table. */
void ht_stack_source_bind(struct ht_thread *t);

/* Count a stack that ended early, when it is a new one. */
void ht_stack_source_count_cut(const struct ht_stack_walk *walk);

/* As ht_stack_source_node(), for any backend and for stacks that were cut. */
uint32_t ht_stack_source_node_slow(struct ht_thread *t, uint64_t pc, uint64_t sp, uint64_t fp);

/* The node of the stack with these registers. [own thread] [no alloc] */
static inline uint32_t ht_stack_source_node(struct ht_thread *t, uint64_t pc, uint64_t sp, uint64_t fp)
{
	if (__builtin_expect(ht_process.unwind == HT_UNWIND_FAST, 1)) {
		uint32_t node = ht_stack_walk_capture(&t->walk, &t->sink, pc, sp, fp);

		if (__builtin_expect(t->walk.last_truncation == HT_TRUNC_NONE, 1))
			return node;
		ht_stack_source_count_cut(&t->walk);
		return node;
	}
	return ht_stack_source_node_slow(t, pc, sp, fp);
}

#endif
