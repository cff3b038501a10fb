/* SPDX-License-Identifier: MIT */
/* The walk over kept frames. Target, any thread (one at a time per struct), may not allocate. */
#include "preload/stack_walk.h"

#include <stddef.h>

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include "preload/kept_frames.h"
#include "preload/module_table.h"
#include "preload/stack_same.h"
#include "preload/stack_step.h"
#include "preload/sys_prim.h"
#include "preload/unwind_rules.h"

bool ht_stack_walk_is_supported(void)
{
	uint64_t word = 0;

	return HT_ARCH_HAS_UNWIND_RULES && ht_module_table_is_supported() &&
	       ht_sys_is_readable((uint64_t)&word) && !ht_sys_is_readable(1ull << 63);
}

void ht_stack_walk_init(struct ht_stack_walk *w, uint32_t max_frames)
{
	__builtin_memset(w, 0, sizeof *w);
	w->max_frames = max_frames;
	w->epoch = ht_module_table_epoch();
}

void ht_stack_walk_done(struct ht_stack_walk *w)
{
	ht_kept_frames_free(w);
	ht_stack_backend_free(w);
	__builtin_memset(w, 0, sizeof *w);
}

static void forget_kept(struct ht_stack_walk *w)
{
	w->n_frames = 0;
	w->n_slow = 0;
	w->cut = 0;
	w->root_node = 0;
}

void ht_stack_walk_invalidate(struct ht_stack_walk *w)
{
	forget_kept(w);
	__builtin_memset(&w->memory, 0, sizeof w->memory);
}

void ht_stack_walk_recover(struct ht_stack_walk *w)
{
	ht_stack_walk_invalidate(w);
	ht_stack_cache_clear(&w->cache);
}

/* Whether the step of frame i, which is not slow, leads elsewhere now. */
static inline bool is_changed_step(const struct ht_stack_walk *w, uint32_t i)
{
	uint32_t n_fps = ht_walk_n_fps(&w->names[i]);

	if (i > 0 && ht_walk_is_changed(w->frames[i - 1].sp - HT_STEP_RA_BELOW_BYTES, w->frames[i - 1].pc))
		return true;
	return n_fps > ht_kept_frames_first_fp(w, i) &&
	       ht_walk_is_changed(w->fps[n_fps - 1].addr, w->fps[n_fps - 1].value);
}

/*
 * Check steps that are not slow, of kept frames from `from` outwards, that of frame `to` being the
 * last. Returns the innermost that has changed, or UINT32_MAX. In this order, and no farther than to a
 * difference, each load is one that a fresh walk would make as well.
 */
static inline uint32_t find_changed_plain(const struct ht_stack_walk *w, uint32_t from, uint32_t to)
{
	const struct ht_walk_frame *frames = w->frames;

	if (__builtin_expect(ht_walk_n_fps(&w->names[from]) == ht_kept_frames_first_fp(w, to), 1)) {
		/* Return addresses alone decide. */
		const struct ht_walk_frame *left =
		        ht_walk_find_left_frame(frames + from, frames + (to > 0 ? to - 1 : 0));

		return __builtin_expect(left == NULL, 1) ? UINT32_MAX : (uint32_t)(left - frames) + 1;
	}
	for (uint32_t i = from;; i--) {
		if (is_changed_step(w, i))
			return i;
		if (i == to)
			return UINT32_MAX;
	}
}

static bool slow_step_holds(const struct ht_walk_slow *step)
{
	for (uint32_t i = 0; i < step->n_words; i++) {
		if (ht_walk_is_changed(step->words[i].addr, step->words[i].value))
			return false;
	}
	return step->n_words != 0;
}

/*
 * Check the steps of kept frames, from frame `from` outwards, that of frame `to` being the last.
 * Returns the innermost that has changed, or UINT32_MAX when none has.
 */
static inline uint32_t find_changed_step(struct ht_stack_walk *w, uint32_t from, uint32_t to)
{
	uint32_t n_slow = w->n_slow;

	for (;;) {
		while (n_slow > 0 && w->slow[n_slow - 1].frame > from)
			n_slow--;

		const struct ht_walk_slow *slow =
		        n_slow > 0 && w->slow[n_slow - 1].frame >= to ? &w->slow[n_slow - 1] : NULL;
		uint32_t plain_to = slow == NULL ? to : slow->frame + 1;

		if (plain_to <= from) {
			uint32_t changed = find_changed_plain(w, from, plain_to);

			if (changed != UINT32_MAX)
				return changed;
		}
		if (__builtin_expect(slow == NULL, 1))
			return UINT32_MAX;
		if (!slow_step_holds(slow))
			return slow->frame;
		if (slow->frame == to)
			return UINT32_MAX;
		from = slow->frame - 1;
		ht_stack_memory_enter(&w->memory, w->frames[from].sp);
	}
}

/*
 * A copy of a kept frame whose outer frames have changed: its own step still holds. *fp is its frame
 * pointer, and becomes its caller's, which new outer frames may need where the old ones did not.
 */
static bool adopt(struct ht_stack_walk *w, uint32_t i, uint64_t *fp)
{
	if (!ht_kept_frames_room_for_new(w))
		return false;

	struct ht_new_frame *frame = &w->new_frames[w->n_new_frames];

	*frame = (struct ht_new_frame){
		.sp = w->frames[i].sp,
		.pc = w->frames[i].pc,
		.fp = *fp,
		.fp_addr = w->names[i].fp_addr,
		.has_generation = ht_walk_has_generation(&w->names[i]),
		.uses_fp = ht_walk_needs_fp(&w->names[i]),
	};
	if (frame->fp_addr != 0)
		*fp = *(const volatile uint64_t *)frame->fp_addr;
	for (uint32_t s = w->n_slow; s > 0 && w->slow[s - 1].frame >= i; s--) {
		if (w->slow[s - 1].frame == i) {
			frame->is_slow = true;
			w->new_slow[w->n_new_slow++] = w->slow[s - 1];
			*fp = w->slow[s - 1].caller_fp;
		}
	}
	w->n_new_frames++;
	return true;
}

/* Make the last new frame one whose step is always taken afresh. There is room for a slow step. */
static void mark_never_kept(struct ht_stack_walk *w)
{
	if (w->n_new_frames == 0)
		return;

	struct ht_new_frame *last = &w->new_frames[w->n_new_frames - 1];

	if (!last->is_slow)
		w->n_new_slow++;
	last->is_slow = true;
	last->uses_fp = true;
	last->fp_addr = 0;
	w->new_slow[w->n_new_slow - 1].n_words = 0;
}

/* Step to the caller by whatever it takes. */
static __attribute__((noinline)) enum ht_step_result
step_otherwise(struct ht_stack_walk *w, uint32_t rule, struct ht_walk_state *state,
               struct ht_new_frame *frame, struct ht_walk_slow *slow)
{
	uint64_t cfa = ((rule & 3) == HT_RULE_SP ? state->sp : state->fp) + ht_rule_cfa_off_bytes(rule);
	uint64_t ra_addr = cfa - HT_STEP_RA_BELOW_BYTES;

	frame->fp_addr = 0;
	frame->is_slow = false;
	if (ht_rule_is_compact(rule) && cfa % 8 == 0 && cfa > state->sp &&
	    !ht_stack_memory_has(&w->memory, ra_addr)) {
		if (!ht_stack_memory_reach(&w->memory, ra_addr)) {
			frame->is_slow = true;
			slow->n_words = 0;
			slow->is_by_guess = false;
			return HT_STEP_UNREADABLE;
		}
		/* The first walk on this memory: frames near the root must not be slow ever after. */
		if (ht_stack_step(&w->memory, rule, state, &frame->fp_addr))
			return HT_STEP_CALLER;
	}
	return ht_stack_step_slow(w, rule, state, slow, &frame->is_slow);
}

/*
 * Whether the stack ends at the outermost kept frame without being complete. Such an end is looked
 * at afresh each time, but the frames before it need not be.
 */
static bool still_ends(struct ht_stack_walk *w, const struct ht_walk_sink *sink, uint32_t kept,
                       uint32_t *ret_truncation)
{
	struct ht_walk_state state = { w->frames[0].pc, w->frames[0].sp, w->names[0].fp };
	struct ht_new_frame frame;
	struct ht_walk_slow slow;

	if (w->n_slow == 0 || w->slow[0].frame != 0 || w->slow[0].n_words != 0)
		return false;

	uint32_t rule = ht_unwind_rules_get(state.pc, sink);
	enum ht_step_result result = step_otherwise(w, rule, &state, &frame, &slow);

	if (result == HT_STEP_COMPLETE)
		return false;
	if (result == HT_STEP_CALLER && w->n_new_frames + kept < w->max_frames)
		return false;
	*ret_truncation = result == HT_STEP_CALLER ? HT_TRUNC_DEPTH : (uint32_t)result;
	return true;
}

/*
 * A kept frame was met, the innermost of `kept`: see how far the kept ones hold. True when that is to
 * the end of the stack; else the walk goes on from frame *ret_next, whose inner ones are adopted. *fp is
 * the frame pointer of the one that was met, then of that one.
 */
static inline bool is_kept_to_end(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                                  uint32_t kept, struct ht_walk_end *end, uint32_t *ret_next,
                                  uint64_t *fp)
{
	uint32_t room = w->max_frames - w->n_new_frames;
	uint32_t floor = kept > room ? kept - room : 0;
	uint32_t changed = find_changed_step(w, kept - 1, floor);

	if (__builtin_expect(changed == UINT32_MAX, 1)) {
		end->base = kept;
		end->floor = floor;
		end->truncation = floor > 0 ? HT_TRUNC_DEPTH : HT_TRUNC_NONE;
		return true;
	}
	if (changed == 0 && still_ends(w, sink, kept, &end->truncation)) {
		end->base = kept;
		return true;
	}
	for (uint32_t i = kept - 1; i > changed; i--) {
		if (!adopt(w, i, fp)) {
			mark_never_kept(w);
			end->truncation = HT_TRUNC_DEPTH;
			return true;
		}
	}
	*ret_next = changed;
	return false;
}

/* Walk from state to the root, collecting new frames until kept ones hold to the end. */
static inline struct ht_walk_end walk(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                                      struct ht_walk_state state)
{
	struct ht_walk_end end = { 0, 0, HT_TRUNC_NONE };
	const struct ht_walk_frame *frames = w->frames;
	uint32_t kept = w->n_frames;

	w->n_new_frames = 0;
	w->n_new_slow = 0;
	for (;;) {
		while (kept > 0 && frames[kept - 1].sp < state.sp)
			kept--;
		if (kept > 0 && frames[kept - 1].sp == state.sp && frames[kept - 1].pc == state.pc &&
		    (w->names[kept - 1].fp == state.fp ||
		     !ht_walk_needs_fp(&w->names[kept - 1]))) {
			uint64_t fp = state.fp;

			if (is_kept_to_end(w, sink, kept, &end, &kept, &fp))
				return end;
			state.pc = frames[kept].pc;
			state.sp = frames[kept].sp;
			state.fp = fp;
			ht_stack_memory_enter(&w->memory, state.sp);
		}
		if (!ht_kept_frames_room_for_new(w)) {
			mark_never_kept(w);
			end.truncation = HT_TRUNC_DEPTH;
			return end;
		}

		struct ht_new_frame *frame = &w->new_frames[w->n_new_frames];
		uint32_t rule = ht_unwind_rules_get(state.pc, sink);
		enum ht_step_result result = HT_STEP_CALLER;

		frame->sp = state.sp;
		frame->pc = state.pc;
		frame->fp = state.fp;
		frame->has_generation = (rule & HT_RULE_GENERATION_BIT) != 0;
		frame->uses_fp = (rule & 3) == HT_RULE_FP;
		if (__builtin_expect(ht_stack_step(&w->memory, rule, &state, &frame->fp_addr), 1)) {
			frame->is_slow = false;
		} else {
			struct ht_walk_state slow = state; /* keeps state in registers elsewhere */

			result = step_otherwise(w, rule, &slow, frame, &w->new_slow[w->n_new_slow]);
			state = slow;
			if (frame->is_slow) {
				frame->uses_fp = true;
				w->new_slow[w->n_new_slow++].caller_fp = state.fp;
			}
		}
		w->n_new_frames++;
		if (__builtin_expect(result == HT_STEP_COMPLETE, 0))
			return end;
		if (__builtin_expect(result != HT_STEP_CALLER || w->n_new_frames == w->max_frames, 0)) {
			mark_never_kept(w);
			end.truncation =
			        result == HT_STEP_CALLER ? HT_TRUNC_DEPTH : (uint32_t)result;
			return end;
		}
	}
}

uint32_t ht_stack_walk_changed(struct ht_stack_walk *w, const struct ht_walk_sink *sink, uint64_t pc,
                               uint64_t sp, uint64_t fp)
{
	uint32_t epoch = ht_module_table_epoch();

	if (__builtin_expect(epoch != w->epoch, 0)) {
		forget_kept(w);
		ht_stack_cache_clear(&w->cache);
		ht_unwind_rules_enter_epoch(epoch);
		w->epoch = epoch;
	}
	ht_stack_memory_enter(&w->memory, sp);
	w->last_truncation = HT_TRUNC_NONE;

	uint32_t node = ht_stack_cache_find(&w->cache, &w->memory, pc, sp, fp);

	if (node != 0)
		return node;

	struct ht_walk_end end = walk(w, sink, (struct ht_walk_state){ pc, sp, fp });

	w->last_truncation = end.truncation;
	return ht_kept_frames_keep(w, sink, &end);
}
