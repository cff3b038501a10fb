/* SPDX-License-Identifier: MIT */
/*
 * Steps that need more than a compact rule: signal frames, expressions, other registers, and code
 * without unwind data. Target, any thread, may not allocate.
 */
#include "preload/stack_step.h"

#include <stddef.h>

#include "preload/module_table.h"
#include "preload/sys_prim.h"

#if HT_ARCH_HAS_UNWIND_RULES

static_assert(HT_ARCH_RA_OFF_BYTES == -(int)HT_STEP_RA_BELOW_BYTES, "kept frames are compared there");

#include "preload/cfi_row.h"
#include "preload/cfi_step.h"

/* Where the main thread's stack was when the process began; the loader exports it. */
extern void *__libc_stack_end __attribute__((weak));

#define WALK_REGS_MASK (1u << HT_ARCH_REG_PC | 1u << HT_ARCH_REG_SP | 1u << HT_ARCH_REG_FP)
#define ALL_REGS_MASK  ((1u << HT_ARCH_N_REGS) - 1)

/* Frames of the shim between a hook and the walk, with room to spare. */
#define MAX_OWN_FRAMES 64u

/* Without unwind data a frame larger than this is taken for a frame pointer that is none. */
#define MAX_FP_CHAIN_FRAME_BYTES (1u << 20)

/*
 * All registers of the frame in `target`: from this very function through the shim and all frames
 * below. Slow, and seldom needed.
 */
static __attribute__((noinline)) bool find_registers(struct ht_stack_walk *w,
                                                     const struct ht_walk_state *target,
                                                     struct ht_cfi_regs *ret_regs)
{
	struct ht_cfi_regs regs;
	struct ht_cfi_row row;
	uint64_t exact = HT_NODE_EXACT;

	__builtin_memset(&regs, 0, sizeof regs);
	ht_arch_capture(regs.values);
	regs.known = HT_ARCH_CALLEE_SAVED_MASK | 1u << HT_ARCH_REG_PC;

	for (uint32_t n = 0; n < w->max_frames + MAX_OWN_FRAMES; n++) {
		uint64_t pc = regs.values[HT_ARCH_REG_PC] | exact;

		if (regs.values[HT_ARCH_REG_SP] == target->sp && pc == target->pc) {
			*ret_regs = regs;
			return true;
		}
		ht_stack_memory_enter(&w->memory, regs.values[HT_ARCH_REG_SP]);
		if (ht_unwind_rules_row(pc, &row) != HT_RULE_SLOW ||
		    ht_cfi_step(&row, ALL_REGS_MASK, &w->memory, &regs, NULL) != HT_CFI_STEPPED)
			return false;
		exact = row.is_signal_frame ? HT_NODE_EXACT : 0;
	}
	return false;
}

/* What a step depends on; without words when that is not known, or is not always readable. */
static void note_reads(const struct ht_stack_walk *w, const struct ht_cfi_reads *reads,
                       struct ht_walk_slow *ret_slow)
{
	ret_slow->n_words = 0;
	if (reads->n_missed != 0)
		return;
	for (uint32_t i = 0; i < reads->n; i++) {
		if (!ht_stack_memory_has(&w->memory, reads->words[i].addr) ||
		    reads->words[i].addr % 8 != 0) {
			ret_slow->n_words = 0;
			return;
		}
		ret_slow->words[ret_slow->n_words++] =
		        (struct ht_walk_word){ reads->words[i].addr, reads->words[i].value };
	}
}
static_assert(HT_CFI_MAX_READS <= HT_STEP_MAX_WORDS, "room for what a step reads");

/* Read the word at addr and note it. */
static bool read_word(struct ht_stack_walk *w, uint64_t addr, struct ht_walk_slow *slow,
                      bool *is_all_noted, uint64_t *ret_value)
{
	if (!ht_stack_memory_has(&w->memory, addr) && !ht_stack_memory_reach(&w->memory, addr))
		return false;
	*ret_value = *(const volatile uint64_t *)addr;
	/* Memory that may have to be asked for again is not to be compared later. */
	if (!ht_stack_memory_has(&w->memory, addr))
		*is_all_noted = false;
	if (*is_all_noted)
		slow->words[slow->n_words++] = (struct ht_walk_word){ addr, *ret_value };
	else
		slow->n_words = 0;
	return true;
}

static enum ht_step_result result_of(enum ht_cfi_step step)
{
	switch (step) {
	case HT_CFI_OUTERMOST: return HT_STEP_COMPLETE;
	case HT_CFI_UNREADABLE: return HT_STEP_UNREADABLE;
	default: return HT_STEP_BAD_CFI;
	}
}

static enum ht_step_result step_by_row(struct ht_stack_walk *w, struct ht_walk_state *state,
                                       struct ht_walk_slow *slow, bool *ret_is_slow)
{
	struct ht_cfi_row row;
	struct ht_cfi_regs regs;
	struct ht_cfi_reads reads;

	if (ht_unwind_rules_row(state->pc, &row) != HT_RULE_SLOW)
		return HT_STEP_BAD_CFI;

	reads.n = 0;
	reads.n_missed = 0;
	regs.known = WALK_REGS_MASK;
	regs.values[HT_ARCH_REG_PC] = state->pc & ~HT_NODE_EXACT;
	regs.values[HT_ARCH_REG_SP] = state->sp;
	regs.values[HT_ARCH_REG_FP] = state->fp;

	enum ht_cfi_step step = ht_cfi_step(&row, WALK_REGS_MASK, &w->memory, &regs, &reads);

	if (step == HT_CFI_NEEDS_REGISTER) {
		reads.n_missed++;
		if (!find_registers(w, state, &regs))
			return HT_STEP_BAD_CFI;
		ht_stack_memory_enter(&w->memory, state->sp);
		step = ht_cfi_step(&row, ALL_REGS_MASK, &w->memory, &regs, NULL);
	}
	if (step != HT_CFI_STEPPED) {
		*ret_is_slow = step != HT_CFI_OUTERMOST;
		return result_of(step);
	}
	note_reads(w, &reads, slow);

	uint64_t pc = regs.values[HT_ARCH_REG_PC];
	uint64_t sp = regs.values[HT_ARCH_REG_SP];

	if (pc == 0)
		return HT_STEP_COMPLETE;
	if (pc & HT_NODE_EXACT || sp % 8 != 0)
		return HT_STEP_BAD_CFI;
	if (!row.is_signal_frame && sp <= state->sp)
		return HT_STEP_LOOP;
	if (row.is_signal_frame) {
		pc |= HT_NODE_EXACT;
		ht_stack_memory_enter(&w->memory, sp); /* the interrupted stack may be another */
	}
	*state = (struct ht_walk_state){
		pc, sp, regs.known & 1u << HT_ARCH_REG_FP ? regs.values[HT_ARCH_REG_FP] : 0
	};
	return HT_STEP_CALLER;
}

/* Code of a module, or at least something that could be code. */
static bool is_plausible_return(uint64_t pc)
{
	struct ht_module_location location;

	return !(pc & HT_NODE_EXACT) &&
	       (ht_module_table_locate(pc - 1, &location) || ht_sys_is_readable(pc - 8));
}

static enum ht_step_result step_by_frame_pointer(struct ht_stack_walk *w,
                                                 struct ht_walk_state *state,
                                                 struct ht_walk_slow *slow, bool *ret_is_slow)
{
	uint64_t frame = state->fp;
	uint64_t pc;
	uint64_t fp;
	bool is_all_noted = true;

	/*
	 * The loader's entry code has no unwind data and calls constructors with the stack pointer the
	 * kernel gave it: there is nothing beyond.
	 */
	if (&__libc_stack_end != NULL && state->sp == (uint64_t)__libc_stack_end) {
		*ret_is_slow = false;
		return HT_STEP_COMPLETE;
	}
	if (frame % 8 != 0 || frame < state->sp || frame - state->sp > MAX_FP_CHAIN_FRAME_BYTES ||
	    !read_word(w, frame + HT_ARCH_FP_CHAIN_RA_OFF_BYTES, slow, &is_all_noted, &pc) ||
	    !read_word(w, frame + HT_ARCH_FP_CHAIN_FP_OFF_BYTES, slow, &is_all_noted, &fp))
		return HT_STEP_NO_CFI;
	if (pc == 0 && fp == 0)
		return HT_STEP_COMPLETE; /* as the ABI ends such a chain */
	if (!is_plausible_return(pc))
		return HT_STEP_NO_CFI;
	*state = (struct ht_walk_state){ pc, frame + HT_ARCH_FP_CHAIN_CFA_OFF_BYTES, fp };
	return HT_STEP_CALLER;
}

/* By a compact rule, where memory has to be asked for, or where the stack ends. */
static enum ht_step_result step_by_rule(struct ht_stack_walk *w, uint32_t rule,
                                        struct ht_walk_state *state, struct ht_walk_slow *slow)
{
	uint64_t cfa = (ht_rule_kind(rule) == HT_RULE_SP ? state->sp : state->fp) +
	               ht_rule_cfa_off_bytes(rule);
	uint64_t fp_below = ht_rule_fp_below_bytes(rule);
	uint64_t pc;
	uint64_t fp = state->fp;
	bool is_all_noted = true;

	if (cfa % 8 != 0)
		return HT_STEP_BAD_CFI;
	if (cfa <= state->sp)
		return HT_STEP_LOOP;
	if (!read_word(w, cfa - HT_STEP_RA_BELOW_BYTES, slow, &is_all_noted, &pc) ||
	    (fp_below != 0 && !read_word(w, cfa - fp_below, slow, &is_all_noted, &fp)))
		return HT_STEP_UNREADABLE;
	if (pc == 0)
		return HT_STEP_COMPLETE;
	if (pc & HT_NODE_EXACT) /* no address of a program */
		return HT_STEP_BAD_CFI;
	*state = (struct ht_walk_state){ pc, cfa, fp };
	return HT_STEP_CALLER;
}

enum ht_step_result ht_stack_step_slow(struct ht_stack_walk *w, uint32_t rule,
                                       struct ht_walk_state *state, struct ht_walk_slow *ret_slow,
                                       bool *ret_is_slow)
{
	ret_slow->n_words = 0;
	ret_slow->is_by_guess = ht_rule_kind(rule) == HT_RULE_NO_CFI;
	*ret_is_slow = true;
	switch (ht_rule_kind(rule)) {
	case HT_RULE_SP:
	case HT_RULE_FP: return step_by_rule(w, rule, state, ret_slow);
	case HT_RULE_SLOW: return step_by_row(w, state, ret_slow, ret_is_slow);
	case HT_RULE_OUTERMOST: *ret_is_slow = false; return HT_STEP_COMPLETE;
	case HT_RULE_NO_CFI: return step_by_frame_pointer(w, state, ret_slow, ret_is_slow);
	default: return HT_STEP_BAD_CFI;
	}
}

#else

enum ht_step_result ht_stack_step_slow(struct ht_stack_walk *w, uint32_t rule,
                                       struct ht_walk_state *state, struct ht_walk_slow *ret_slow,
                                       bool *ret_is_slow)
{
	(void)w;
	(void)rule;
	(void)state;
	ret_slow->n_words = 0;
	ret_slow->is_by_guess = true;
	*ret_is_slow = true;
	return HT_STEP_NO_CFI;
}

#endif
