/* SPDX-License-Identifier: MIT */
/* Chooses who walks the stack and joins the walk with the stack table. Target. */
#ifndef HT_STACK_SOURCE_H
#define HT_STACK_SOURCE_H

#include "hot.h"
#include "lifecycle.h"
#include "stack_same.h"
#include "stack_walk.h"
#include "thread.h"

#include <heaptide/shared_region.h>
#include <stdint.h>

/*
 * Make `wanted` ready, loading libunwind's module if that takes it, and return what will be used.
 * [before main, with ht_tls.in_hook set]
 */
enum ht_unwind_backend ht_stack_source_setup(enum ht_unwind_backend wanted);

/*
 * In a fork's child whose parent had threads: one of them may have been inside libunwind, whose locks are
 * then locked here for ever. Stacks come from our own walk alone, or there are none (HT_TRUNC_OFF).
 */
void ht_stack_source_leave_libunwind(void);

/* Point the walk of a fresh thread state at its stack table. */
void ht_stack_source_bind(struct ht_thread *t);

/* As ht_stack_source_begin(), for any backend. Never 0. */
uint32_t ht_stack_source_begin_slow(struct ht_thread *t, uint64_t pc, uint64_t sp, uint64_t fp);

/*
 * The node of the stack with these registers, or 0: then ht_stack_source_finish() has it, for which
 * memory is being fetched meanwhile. [own thread] [no alloc]
 */
static inline uint32_t ht_stack_source_begin(struct ht_thread *t, uint64_t pc, uint64_t sp, uint64_t fp)
{
	if (HT_LIKELY(ht_process.unwind == HT_UNWIND_FAST))
		return ht_stack_walk_begin(&t->walk, &t->sink, pc, sp, fp);
	return ht_stack_source_begin_slow(t, pc, sp, fp);
}

/* The node of the stack that ht_stack_source_begin() returned 0 for. [own thread] [no alloc] */
uint32_t ht_stack_source_finish(struct ht_thread *t);

#endif
