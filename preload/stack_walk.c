/* SPDX-License-Identifier: MIT */
/* The walk over kept frames. Target, any thread (one at a time per struct), may not allocate. */
#include "preload/stack_walk.h"

#include <stddef.h>

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include "preload/kept_frames.h"
#include "preload/module_table.h"
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
	w->cut = 0;
	w->root_node = 0;
}

void ht_stack_walk_invalidate(struct ht_stack_walk *w)
{
	forget_kept(w);
	__builtin_memset(&w->memory, 0, sizeof w->memory);
}

/*
 * The first word of [to, from) that has changed, from the last one on, or NULL. Four to a turn: this
 * loop is most of what an event costs whose stack is deep and the same as before. Each word is compared
 * before the next one is read.
 */
static inline const struct ht_walk_word *find_changed_word(const struct ht_walk_word *from,
                                                           const struct ht_walk_word *to)
{
#define HT_IS_CHANGED(word) (*(const volatile uint64_t *)(word)->addr != (word)->value)
	for (; from - to >= 4; from -= 4) {
		if (HT_IS_CHANGED(from - 1))
			return from - 1;
		if (HT_IS_CHANGED(from - 2))
			return from - 2;
		if (HT_IS_CHANGED(from - 3))
			return from - 3;
		if (HT_IS_CHANGED(from - 4))
			return from - 4;
	}
	while (from > to) {
		from--;
		if (HT_IS_CHANGED(from))
			return from;
	}
#undef HT_IS_CHANGED
	return NULL;
}

/*
 * Check the steps of kept frames, from frame `from` outwards, that of frame `to` being the last.
 * Returns the first whose words have changed, or UINT32_MAX when none has.
 */
static uint32_t find_changed_step(const struct ht_stack_walk *w, uint32_t from, uint32_t to)
{
	const struct ht_walk_word *word =
	        find_changed_word(w->words + ht_walk_words_end(&w->frames[from]),
	                          w->words + ht_kept_frames_first_word(w, to));

	if (word == NULL)
		return UINT32_MAX;
	while ((uint32_t)(word - w->words) < ht_kept_frames_first_word(w, from))
		from--;
	return from;
}

/* A copy of a kept frame whose outer frames have changed: its own step still holds. */
static bool adopt(struct ht_stack_walk *w, uint32_t i)
{
	uint32_t begin = ht_kept_frames_first_word(w, i);

	if (!ht_kept_frames_room_for_new(w))
		return false;
	w->new_frames[w->n_new_frames] = w->frames[i];
	for (uint32_t k = ht_walk_words_end(&w->frames[i]); k > begin; k--)
		w->new_words[w->n_new_words++] = w->words[k - 1];
	w->new_frames[w->n_new_frames].words =
	        ht_walk_words(w->n_new_words, ht_walk_has_generation(&w->frames[i]));
	w->n_new_frames++;
	return true;
}

/* Make the last new frame one whose step is always taken afresh. */
static void mark_never_kept(struct ht_stack_walk *w)
{
	if (w->n_new_frames == 0)
		return;

	struct ht_walk_frame *last = &w->new_frames[w->n_new_frames - 1];
	uint32_t begin = w->n_new_frames == 1 ? 0 : ht_walk_words_end(last - 1);

	w->new_words[begin] = ht_walk_never_word();
	w->n_new_words = begin + 1;
	last->words = ht_walk_words(w->n_new_words, ht_walk_has_generation(last));
}

/*
 * Whether the stack ends at the outermost kept frame without being complete. Such an end is looked
 * at afresh each time, but the frames before it need not be.
 */
static bool still_ends(struct ht_stack_walk *w, const struct ht_walk_sink *sink, uint32_t kept,
                       uint32_t *ret_truncation)
{
	struct ht_walk_state state = { w->frames[0].pc, w->frames[0].sp, w->frames[0].fp };
	uint32_t n_new_words = w->n_new_words;

	if (w->words[0].addr != (uint64_t)&ht_walk_never || !ht_kept_frames_room_for_new(w))
		return false;

	uint64_t rule = ht_unwind_rules_get(state.pc, w->epoch, sink);
	enum ht_step_result result = ht_stack_step(w, rule, &state);

	w->n_new_words = n_new_words;
	if (result == HT_STEP_COMPLETE)
		return false;
	if (result == HT_STEP_CALLER && w->n_new_frames + kept < w->max_frames)
		return false;
	*ret_truncation = result == HT_STEP_CALLER ? HT_TRUNC_DEPTH : (uint32_t)result;
	return true;
}

/*
 * A kept frame was met, the innermost of `kept`: see how far the kept ones hold. True when that is to
 * the end of the stack; else the walk goes on from frame *ret_next, whose inner ones are adopted.
 */
static bool is_kept_to_end(struct ht_stack_walk *w, const struct ht_walk_sink *sink, uint32_t kept,
                           struct ht_walk_end *end, uint32_t *ret_next)
{
	uint32_t room = w->max_frames - w->n_new_frames;
	uint32_t floor = kept > room ? kept - room : 0;
	uint32_t changed = find_changed_step(w, kept - 1, floor);

	if (changed == UINT32_MAX) {
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
		if (!adopt(w, i)) {
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
	w->n_new_words = 0;
	for (;;) {
		while (kept > 0 && frames[kept - 1].sp < state.sp)
			kept--;
		if (kept > 0 && frames[kept - 1].sp == state.sp &&
		    frames[kept - 1].pc == state.pc && frames[kept - 1].fp == state.fp) {
			if (is_kept_to_end(w, sink, kept, &end, &kept))
				return end;
			state.pc = frames[kept].pc;
			state.sp = frames[kept].sp;
			state.fp = frames[kept].fp;
		}
		if (__builtin_expect(!ht_kept_frames_room_for_new(w), 0)) {
			mark_never_kept(w);
			end.truncation = HT_TRUNC_DEPTH;
			return end;
		}

		struct ht_walk_frame *frame = &w->new_frames[w->n_new_frames];
		uint64_t rule = ht_unwind_rules_get(state.pc, w->epoch, sink);

		frame->pc = state.pc;
		frame->sp = state.sp;
		frame->fp = state.fp;

		enum ht_step_result result = ht_stack_step(w, rule, &state);

		frame->words = ht_walk_words(w->n_new_words, (rule & HT_RULE_GENERATION_BIT) != 0);
		w->n_new_frames++;
		if (result == HT_STEP_COMPLETE)
			return end;
		if (result != HT_STEP_CALLER || w->n_new_frames == w->max_frames) {
			mark_never_kept(w);
			end.truncation =
			        result == HT_STEP_CALLER ? HT_TRUNC_DEPTH : (uint32_t)result;
			return end;
		}
	}
}

static __attribute__((noinline)) uint32_t capture_changed(struct ht_stack_walk *w,
                                                          const struct ht_walk_sink *sink,
                                                          uint64_t pc, uint64_t sp, uint64_t fp)
{
	struct ht_walk_end end = walk(w, sink, (struct ht_walk_state){ pc, sp, fp });

	w->last_truncation = end.truncation;
	return ht_kept_frames_keep(w, sink, &end);
}

uint32_t ht_stack_walk_capture(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                               uint64_t pc, uint64_t sp, uint64_t fp)
{
	uint32_t epoch = ht_module_table_epoch();

	if (__builtin_expect(epoch != w->epoch, 0)) {
		forget_kept(w);
		w->epoch = epoch;
	}
	ht_stack_memory_enter(&w->memory, sp);

	/* The very stack of last time: nothing but the comparison. */
	if (w->n_frames > 0 && w->root_node == HT_TRUNC_NONE) {
		const struct ht_walk_frame *frame = &w->frames[w->n_frames - 1];

		if (frame->pc == pc && frame->sp == sp && frame->fp == fp && frame->node != 0 &&
		    find_changed_word(w->words + ht_walk_words_end(frame), w->words) == NULL) {
			w->n_new_frames = 0;
			w->last_truncation = HT_TRUNC_NONE;
			return frame->node;
		}
	}
	return capture_changed(w, sink, pc, sp, fp);
}
