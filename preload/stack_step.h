/* SPDX-License-Identifier: MIT */
/*
 * One step of a stack walk: from a frame to its caller, with the words of memory that decide it.
 * Target, any thread, may not allocate. Part of stack_walk.
 */
#ifndef HT_STACK_STEP_H
#define HT_STACK_STEP_H

#include <assert.h>
#include <stdbool.h>
#include <stdint.h>

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include "preload/stack_memory.h"
#include "preload/stack_walk.h"
#include "preload/unwind_rules.h"

/* All that a step without other registers depends on. */
struct ht_walk_state {
	uint64_t pc; /* return address, or with HT_NODE_EXACT where a signal interrupted */
	uint64_t sp; /* once the callee has returned */
	uint64_t fp;
};

/* Where a call put the return address, from the CFA, in frames whose step is not a slow one. */
#define HT_STEP_RA_BELOW_BYTES 8u

/*
 * A kept frame. That the word below sp is pc says that the callee still returns here: reading that is
 * all that most frames cost.
 */
struct ht_walk_frame {
	uint64_t sp;
	uint64_t pc;
};

struct ht_walk_name {
	uint64_t fp;      /* as it was; only sure to be still so when a step needs it */
	uint64_t fp_addr; /* where this frame's step read its caller's, or 0: the caller's is the same */
	uint64_t path;    /* hash of all that the node depends on: this frame and the outer ones */
	uint32_t node;    /* of this path, or 0: not asked for yet */
	uint32_t fps;     /* ht_walk_fps() */
};
static_assert(sizeof(struct ht_walk_frame) + sizeof(struct ht_walk_name) == 48,
              "kept frames are many");

/*
 * How many of the list of frame pointers belong to the steps of this frame and all outer ones, whether
 * its module has a generation other than 0, and whether the steps depend on its frame pointer: in code
 * that uses the register for other things none does, whatever is saved and restored on the way. All are
 * always written at once: reading back what was written in parts makes a processor wait.
 */
#define HT_WALK_HAS_GENERATION (1u << 31)
#define HT_WALK_NEEDS_FP       (1u << 30)

static inline uint32_t ht_walk_fps(uint32_t n_fps, bool has_generation, bool needs_fp)
{
	return n_fps | (uint32_t)has_generation << 31 | (uint32_t)needs_fp << 30;
}

static inline uint32_t ht_walk_n_fps(const struct ht_walk_name *name)
{
	return name->fps & ~(HT_WALK_HAS_GENERATION | HT_WALK_NEEDS_FP);
}

static inline bool ht_walk_has_generation(const struct ht_walk_name *name)
{
	return (name->fps & HT_WALK_HAS_GENERATION) != 0;
}

static inline bool ht_walk_needs_fp(const struct ht_walk_name *name)
{
	return (name->fps & HT_WALK_NEEDS_FP) != 0;
}

/* A word that a step read: while it has this value, the step leads to the same caller. */
struct ht_walk_word {
	uint64_t addr;
	uint64_t value;
};

/*
 * A step that is decided by other words than the return address below the caller's sp and perhaps one
 * saved frame pointer. One without words is taken afresh every time. One by guess is through code that
 * no unwind data describes, which may be other code when the same address comes again.
 */
#define HT_STEP_MAX_WORDS 8u
struct ht_walk_slow {
	uint32_t frame; /* of which frame: index of the kept or of the new one */
	uint16_t n_words;
	bool is_by_guess;
	uint64_t caller_fp;
	struct ht_walk_word words[HT_STEP_MAX_WORDS];
};

/* A frame of this walk, with its step. */
struct ht_new_frame {
	uint64_t sp;
	uint64_t pc;
	uint64_t fp;
	uint64_t fp_addr; /* where the caller's frame pointer was read, or 0 */
	bool has_generation;
	bool uses_fp; /* its step does */
	bool is_slow; /* the next of the slow steps is this one's */
};

/* Values below HT_N_TRUNC are those of enum ht_truncation. */
enum ht_step_result {
	HT_STEP_COMPLETE = HT_TRUNC_NONE, /* this frame was the outermost */
	HT_STEP_NO_CFI = HT_TRUNC_NO_CFI,
	HT_STEP_BAD_CFI = HT_TRUNC_BAD_CFI,
	HT_STEP_UNREADABLE = HT_TRUNC_UNREADABLE,
	HT_STEP_LOOP = HT_TRUNC_LOOP,
	HT_STEP_CALLER = HT_N_TRUNC, /* *state is the caller's */
};

/*
 * [any thread] [no alloc] A step that is not decided by a return address and a frame pointer in memory
 * known to be readable. *ret_slow gets its words; it is not needed when *ret_is_slow is false, as for a
 * frame that has no caller whatever memory holds.
 */
enum ht_step_result ht_stack_step_slow(struct ht_stack_walk *w, uint32_t rule,
                                       struct ht_walk_state *state, struct ht_walk_slow *ret_slow,
                                       bool *ret_is_slow);

/*
 * [any thread] [no alloc] Step from *state to its caller by a compact rule. False, and *state is as it
 * was, when that needs ht_stack_step_slow(). *ret_fp_addr gets where the frame pointer was read, or 0.
 */
static inline __attribute__((always_inline)) bool
ht_stack_step(const struct ht_stack_memory *memory, uint32_t rule, struct ht_walk_state *state,
              uint64_t *ret_fp_addr)
{
	uint64_t cfa = ((rule & 3) == HT_RULE_SP ? state->sp : state->fp) + ht_rule_cfa_off_bytes(rule);
	uint64_t fp_below = ht_rule_fp_below_bytes(rule);
	uint64_t fp_addr = 0;

	if (__builtin_expect(!ht_rule_is_compact(rule) || cfa % 8 != 0 || cfa - state->sp - 1 >= 1u << 30 ||
	                             !ht_stack_memory_has(memory, cfa - HT_STEP_RA_BELOW_BYTES) ||
	                             fp_below > cfa - state->sp,
	                     0))
		return false;

	uint64_t pc = *(const volatile uint64_t *)(cfa - HT_STEP_RA_BELOW_BYTES);

	if (__builtin_expect(pc - 1 >= (1ull << 63) - 1, 0)) /* 0, or no address of a program */
		return false;
	if (fp_below != 0) {
		fp_addr = cfa - fp_below;
		state->fp = *(const volatile uint64_t *)fp_addr;
	}
	*ret_fp_addr = fp_addr;
	state->pc = pc;
	state->sp = cfa;
	return true;
}

#endif
