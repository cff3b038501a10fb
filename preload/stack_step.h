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

struct ht_walk_frame {
	uint64_t pc; /* the three of struct ht_walk_state */
	uint64_t sp;
	uint64_t fp;
	uint64_t path;  /* hash of all that the node depends on: this frame and the outer ones */
	uint32_t node;  /* of this path, or 0: not asked for yet */
	uint32_t words; /* ht_walk_words() */
};
static_assert(sizeof(struct ht_walk_frame) == 40, "kept frames are many");

/*
 * The frame's words end before number words_end, and begin where those of the frame stored before it
 * end; whether its module has a generation other than 0 is in the top bit. Both are always written at
 * once: reading back what was written in parts makes a processor wait.
 */
static inline uint32_t ht_walk_words(uint32_t words_end, bool has_generation)
{
	return words_end | (uint32_t)has_generation << 31;
}

static inline uint32_t ht_walk_words_end(const struct ht_walk_frame *frame)
{
	return frame->words & ~(1u << 31);
}

static inline bool ht_walk_has_generation(const struct ht_walk_frame *frame)
{
	return frame->words >> 31 != 0;
}

/* A word that a step read: while it has this value, the step leads to the same caller. */
struct ht_walk_word {
	uint64_t addr;
	uint64_t value;
};

#define HT_STEP_MAX_WORDS 8u

/* Values below HT_N_TRUNC are those of enum ht_truncation. */
enum ht_step_result {
	HT_STEP_COMPLETE = HT_TRUNC_NONE, /* this frame was the outermost */
	HT_STEP_NO_CFI = HT_TRUNC_NO_CFI,
	HT_STEP_BAD_CFI = HT_TRUNC_BAD_CFI,
	HT_STEP_UNREADABLE = HT_TRUNC_UNREADABLE,
	HT_STEP_LOOP = HT_TRUNC_LOOP,
	HT_STEP_CALLER = HT_N_TRUNC, /* *state is the caller's */
};

/* A word that never has its value: the step is taken afresh every time. */
extern const uint64_t ht_walk_never;

static inline struct ht_walk_word ht_walk_never_word(void)
{
	return (struct ht_walk_word){ (uint64_t)&ht_walk_never, 1 };
}

/* [any thread] [no alloc] A step that a compact rule cannot take. */
enum ht_step_result ht_stack_step_slow(struct ht_stack_walk *w, enum ht_rule_kind kind,
                                       struct ht_walk_state *state);

/* Read the word at addr and note it. */
static inline bool ht_stack_step_read(struct ht_stack_walk *w, uint64_t addr, uint64_t *ret_value)
{
	struct ht_walk_word *word = &w->new_words[w->n_new_words];

	if (__builtin_expect(!ht_stack_memory_has(&w->memory, addr), 0)) {
		if (!ht_stack_memory_reach(&w->memory, addr))
			return false;
		/* Memory that may have to be asked for again is not to be compared later. */
		if (!ht_stack_memory_has(&w->memory, addr)) {
			*ret_value = *(const volatile uint64_t *)addr;
			*word = ht_walk_never_word();
			w->n_new_words++;
			return true;
		}
	}
	*ret_value = *(const volatile uint64_t *)addr;
	word->addr = addr;
	word->value = *ret_value;
	w->n_new_words++;
	return true;
}

/*
 * [any thread] [no alloc] Step from *state to its caller by the rule of its pc. Appends the words
 * read to new_words, for which there is room, at least one when the result is HT_STEP_CALLER.
 */
static inline __attribute__((always_inline)) enum ht_step_result
ht_stack_step(struct ht_stack_walk *w, uint64_t rule, struct ht_walk_state *state)
{
	enum ht_rule_kind kind = ht_rule_kind(rule);

	if (__builtin_expect(kind != HT_RULE_SP && kind != HT_RULE_FP, 0)) {
		struct ht_walk_state slow = *state; /* keeps *state in registers elsewhere */
		enum ht_step_result result = ht_stack_step_slow(w, kind, &slow);

		*state = slow;
		return result;
	}

	uint64_t cfa = (kind == HT_RULE_SP ? state->sp : state->fp) + ht_rule_cfa_off_bytes(rule);
	uint64_t fp_below = ht_rule_fp_below_bytes(rule);
	uint64_t pc;
	uint64_t fp = state->fp;

	if (cfa % 8 != 0)
		return HT_STEP_BAD_CFI;
	if (cfa <= state->sp)
		return HT_STEP_LOOP;
	if (!ht_stack_step_read(w, cfa - 8, &pc) ||
	    (fp_below != 0 && !ht_stack_step_read(w, cfa - fp_below, &fp)))
		return HT_STEP_UNREADABLE;
	if (pc == 0)
		return HT_STEP_COMPLETE;
	if (pc & HT_NODE_EXACT) /* no address of a program */
		return HT_STEP_BAD_CFI;
	state->pc = pc;
	state->sp = cfa;
	state->fp = fp;
	return HT_STEP_CALLER;
}

#endif
