/* SPDX-License-Identifier: MIT */
/*
 * The quick part of a stack walk: whether kept frames still hold, and the stack that is the same as
 * last time. Target, any thread, may not allocate. Part of stack_walk, inlined into the hooks.
 */
#ifndef HT_STACK_SAME_H
#define HT_STACK_SAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <heaptide/shared_region.h>

#include "preload/module_table.h"
#include "preload/stack_memory.h"
#include "preload/stack_step.h"
#include "preload/stack_walk.h"

/* Whether the word at addr has another value than it had. */
static inline bool ht_walk_is_changed(uint64_t addr, uint64_t value)
{
	return *(const volatile uint64_t *)addr != value;
}

/*
 * The innermost of the frames [to, from) whose callee does not return there any more, or NULL. Four to
 * a turn: this loop is most of what an event costs whose stack is deep and the same as before.
 */
static inline const struct ht_walk_frame *ht_walk_find_left_frame(const struct ht_walk_frame *from,
                                                          const struct ht_walk_frame *to)
{
#define HT_IS_LEFT(frame) ht_walk_is_changed((frame)->sp - HT_STEP_RA_BELOW_BYTES, (frame)->pc)
	for (; from - to >= 4; from -= 4) {
		if (HT_IS_LEFT(from - 1))
			return from - 1;
		if (HT_IS_LEFT(from - 2))
			return from - 2;
		if (HT_IS_LEFT(from - 3))
			return from - 3;
		if (HT_IS_LEFT(from - 4))
			return from - 4;
	}
	while (from > to) {
		from--;
		if (HT_IS_LEFT(from))
			return from;
	}
#undef HT_IS_LEFT
	return NULL;
}

/* [any thread] [no alloc] As ht_stack_walk_begin(), for another stack than last time's. */
uint32_t ht_stack_walk_changed(struct ht_stack_walk *w, const struct ht_walk_sink *sink, uint64_t pc,
                               uint64_t sp, uint64_t fp);

/*
 * [any thread] [no alloc] Walk the stack that called the hook: pc is the hook's return address, sp the
 * stack pointer after that return (the hook's CFA), fp the caller's frame pointer register. Sets
 * last_truncation. Changes no errno, takes no lock, makes no system call in the common case. Returns its
 * node when that is known at once; or 0: then ht_stack_walk_name() has it, for which memory is being
 * fetched meanwhile.
 */
static inline __attribute__((always_inline)) uint32_t
ht_stack_walk_begin(struct ht_stack_walk *w, const struct ht_walk_sink *sink, uint64_t pc,
                    uint64_t sp, uint64_t fp)
{
	const struct ht_cached_stack *last = w->cache.last;

	/* The very stack of last time: nothing but the comparison. */
	if (__builtin_expect(last != NULL, 1) && ht_module_table_epoch() == w->epoch &&
	    ht_cached_stack_holds(last, &w->memory, pc, sp, fp)) {
		w->last_truncation = HT_TRUNC_NONE;
		return last->node;
	}
	return ht_stack_walk_changed(w, sink, pc, sp, fp);
}

/* [any thread] [no alloc] Walk and name at once. */
static inline uint32_t ht_stack_walk_capture(struct ht_stack_walk *w,
                                             const struct ht_walk_sink *sink, uint64_t pc,
                                             uint64_t sp, uint64_t fp)
{
	uint32_t node = ht_stack_walk_begin(w, sink, pc, sp, fp);

	return node != 0 ? node : ht_stack_walk_name(w, sink);
}

#endif
