/* SPDX-License-Identifier: MIT */
/* The walk over kept frames. Target, any thread (one at a time per struct), may not allocate. */
#include "preload/stack_walk.h"

#include <stddef.h>

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include "preload/module_table.h"
#include "preload/stack_step.h"
#include "preload/sys_prim.h"
#include "preload/unwind_rules.h"

#define FIRST_FRAMES 128u
#define FIRST_WORDS 256u

bool ht_stack_walk_is_supported(void)
{
	return HT_ARCH_HAS_UNWIND_RULES && ht_module_table_is_supported();
}

void ht_stack_walk_init(struct ht_stack_walk *w, uint32_t max_frames)
{
	__builtin_memset(w, 0, sizeof *w);
	w->max_frames = max_frames;
	w->epoch = ht_module_table_epoch();
}

void ht_stack_walk_done(struct ht_stack_walk *w)
{
	if (w->frames != NULL)
		ht_sys_free_pages(w->frames, w->frames_capacity * sizeof *w->frames);
	if (w->words != NULL)
		ht_sys_free_pages(w->words, w->words_capacity * sizeof *w->words);
	if (w->new_frames != NULL)
		ht_sys_free_pages(w->new_frames, w->new_frames_capacity * sizeof *w->new_frames);
	if (w->new_words != NULL)
		ht_sys_free_pages(w->new_words, w->new_words_capacity * sizeof *w->new_words);
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

/* Make room for n items of item_bytes in *items, which has room for *capacity. */
static bool grow(void **items, uint32_t *capacity, uint32_t n, size_t item_bytes, uint32_t first)
{
	uint32_t wanted = *capacity == 0 ? first : *capacity;

	while (wanted < n)
		wanted *= 2;
	if (wanted == *capacity)
		return true;

	uint64_t *to = ht_sys_alloc_pages(wanted * item_bytes);

	if (to == NULL)
		return false;
	if (*items != NULL) {
		const uint64_t *from = *items;
		size_t n_bytes = *capacity * item_bytes;

		for (size_t i = 0; i < n_bytes / 8; i++)
			to[i] = from[i];
		ht_sys_free_pages(*items, n_bytes);
	}
	*items = to;
	*capacity = wanted;
	return true;
}

static bool grow_kept(struct ht_stack_walk *w, uint32_t n_frames, uint32_t n_words)
{
	return (n_frames <= w->frames_capacity ||
		grow((void **)&w->frames, &w->frames_capacity, n_frames, sizeof *w->frames,
		     FIRST_FRAMES)) &&
	       (n_words <= w->words_capacity ||
		grow((void **)&w->words, &w->words_capacity, n_words, sizeof *w->words,
		     FIRST_WORDS));
}

/* Room for one more new frame and the words of its step. */
static bool grow_new(struct ht_stack_walk *w)
{
	uint32_t n_frames = w->n_new_frames + 1;
	uint32_t n_words = w->n_new_words + HT_STEP_MAX_WORDS;

	return (n_frames <= w->new_frames_capacity ||
		grow((void **)&w->new_frames, &w->new_frames_capacity, n_frames,
		     sizeof *w->new_frames, FIRST_FRAMES)) &&
	       (n_words <= w->new_words_capacity ||
		grow((void **)&w->new_words, &w->new_words_capacity, n_words, sizeof *w->new_words,
		     FIRST_WORDS));
}

static uint32_t first_word(const struct ht_stack_walk *w, uint32_t frame)
{
	return frame == 0 ? 0 : w->frames[frame - 1].words_end;
}

/*
 * The first word of [end, word) that has changed, inner to outer, or NULL. Four to a turn: this loop is
 * most of what an event costs whose stack is deep and the same as before. Each word is compared before
 * the next one is read.
 */
static inline const struct ht_walk_word *find_changed_word(const struct ht_walk_word *end,
							    const struct ht_walk_word *word)
{
#define HT_IS_CHANGED(w) (*(const volatile uint64_t *)(w)->addr != (w)->value)
	for (; word - end >= 4; word -= 4) {
		if (HT_IS_CHANGED(word - 1))
			return word - 1;
		if (HT_IS_CHANGED(word - 2))
			return word - 2;
		if (HT_IS_CHANGED(word - 3))
			return word - 3;
		if (HT_IS_CHANGED(word - 4))
			return word - 4;
	}
	while (word > end) {
		word--;
		if (HT_IS_CHANGED(word))
			return word;
	}
#undef HT_IS_CHANGED
	return NULL;
}

/*
 * Check the steps of kept frames, from frame `from` outwards, that of frame `to` being the last.
 * Returns the first whose words have changed, or UINT32_MAX when none has.
 */
static uint32_t find_changed(const struct ht_stack_walk *w, uint32_t from, uint32_t to)
{
	const struct ht_walk_word *word = find_changed_word(w->words + first_word(w, to),
							    w->words + w->frames[from].words_end);

	if (word == NULL)
		return UINT32_MAX;
	while ((uint32_t)(word - w->words) < first_word(w, from))
		from--;
	return from;
}

/* A copy of a kept frame whose outer frames have changed: its own step still holds. */
static bool adopt(struct ht_stack_walk *w, uint32_t i)
{
	uint32_t begin = first_word(w, i);

	if (!grow_new(w))
		return false;
	w->new_frames[w->n_new_frames] = w->frames[i];
	for (uint32_t k = w->frames[i].words_end; k > begin; k--)
		w->new_words[w->n_new_words++] = w->words[k - 1];
	w->new_frames[w->n_new_frames].words_end = w->n_new_words;
	w->n_new_frames++;
	return true;
}

/* The innermost kept frame, below *kept, in the same state; false when there is none. */
static bool find_kept(const struct ht_stack_walk *w, const struct ht_walk_state *state,
		      uint32_t *kept)
{
	uint32_t k = *kept;

	while (k > 0 && w->frames[k - 1].state.sp < state->sp)
		k--;
	*kept = k;
	if (k == 0)
		return false;

	const struct ht_walk_state *other = &w->frames[k - 1].state;

	return other->sp == state->sp && other->pc == state->pc && other->fp == state->fp;
}

/* How a walk ended: with `base` kept frames, of which those from `floor` on belong to the stack. */
struct walk_end {
	uint32_t base;
	uint32_t floor;
	uint32_t truncation;
};

/* Make the last new frame one whose step is always taken afresh. */
static void mark_never_kept(struct ht_stack_walk *w)
{
	uint32_t begin = w->n_new_frames == 1 ? 0 : w->new_frames[w->n_new_frames - 2].words_end;

	w->new_words[begin] = ht_walk_never_word();
	w->n_new_words = begin + 1;
	w->new_frames[w->n_new_frames - 1].words_end = w->n_new_words;
}

/*
 * Whether the stack ends at the outermost kept frame without being complete. Such an end is looked
 * at afresh each time, but the frames before it need not be.
 */
static bool still_ends(struct ht_stack_walk *w, const struct ht_walk_sink *sink, uint32_t kept,
		       uint32_t *ret_truncation)
{
	struct ht_walk_state state = w->frames[0].state;
	struct ht_walk_frame frame;
	uint32_t n_new_words = w->n_new_words;

	if (w->words[0].addr != (uint64_t)&ht_walk_never || !grow_new(w))
		return false;

	enum ht_step_result result = ht_stack_step(w, sink, &state, &frame);

	w->n_new_words = n_new_words;
	if (result == HT_STEP_COMPLETE)
		return false;
	if (result == HT_STEP_CALLER && w->n_new_frames + kept < w->max_frames)
		return false;
	*ret_truncation = result == HT_STEP_CALLER ? HT_TRUNC_DEPTH : (uint32_t)result;
	return true;
}

/* Walk from state to the root, collecting new frames until kept ones hold to the end. */
static struct walk_end walk(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
			    struct ht_walk_state state)
{
	struct walk_end end = { 0, 0, HT_TRUNC_NONE };
	uint32_t kept = w->n_frames;

	w->n_new_frames = 0;
	w->n_new_words = 0;
	for (;;) {
		if (find_kept(w, &state, &kept)) {
			uint32_t room = w->max_frames - w->n_new_frames;
			uint32_t floor = kept > room ? kept - room : 0;
			uint32_t changed = find_changed(w, kept - 1, floor);

			if (changed == UINT32_MAX) {
				end.base = kept;
				end.floor = floor;
				end.truncation = floor > 0 ? HT_TRUNC_DEPTH : HT_TRUNC_NONE;
				return end;
			}
			if (changed == 0 && still_ends(w, sink, kept, &end.truncation)) {
				end.base = kept;
				return end;
			}
			while (kept - 1 > changed) {
				if (!adopt(w, kept - 1)) {
					end.truncation = HT_TRUNC_DEPTH;
					return end;
				}
				kept--;
			}
			state = w->frames[kept - 1].state;
			kept--;
		}
		if (!grow_new(w)) {
			if (w->n_new_frames > 0)
				mark_never_kept(w);
			end.truncation = HT_TRUNC_DEPTH;
			return end;
		}

		struct ht_walk_frame *frame = &w->new_frames[w->n_new_frames];

		frame->state = state;
		frame->has_generation = false;

		enum ht_step_result result = ht_stack_step(w, sink, &state, frame);

		frame->words_end = w->n_new_words;
		w->n_new_frames++;
		if (result == HT_STEP_COMPLETE)
			return end;
		if (result != HT_STEP_CALLER || w->n_new_frames == w->max_frames) {
			mark_never_kept(w);
			end.truncation = result == HT_STEP_CALLER ? HT_TRUNC_DEPTH : (uint32_t)result;
			return end;
		}
	}
}

/*
 * Of a stack that is too deep its innermost frames are kept, and where it is cut must depend on the
 * stack alone and seldom move, or each event would describe all its frames anew. So it is cut, in
 * the outer half of what could be kept, at the frame whose stack pointer crosses the largest power
 * of two.
 */
static uint32_t choose_cut(const struct ht_stack_walk *w, uint32_t floor, uint32_t n)
{
	uint32_t cut = floor;
	uint64_t best = 0;

	for (uint32_t i = floor + 1; i < floor + (n - floor) / 2; i++) {
		uint64_t crossed = w->frames[i - 1].state.sp ^ w->frames[i].state.sp;
		uint64_t level = crossed == 0 ? 0 : 1ull << (63 - __builtin_clzll(crossed));

		if (level > best) {
			best = level;
			cut = i;
		}
	}
	return cut;
}

static uint32_t generation_of(const struct ht_walk_frame *frame)
{
	uint64_t pc = frame->state.pc;

	if (__builtin_expect(!frame->has_generation, 1))
		return 0;
	return ht_module_table_generation(pc & HT_NODE_EXACT ? pc & ~HT_NODE_EXACT : pc - 1);
}

static uint32_t intern(const struct ht_walk_sink *sink, uint32_t parent,
		       const struct ht_walk_frame *frame)
{
	return sink->intern(sink->ctx, parent, frame->state.pc, generation_of(frame));
}

/* Of the path to a frame, given that of its caller's. */
static uint64_t extend_hash(uint64_t hash, const struct ht_walk_frame *frame)
{
	hash = (hash ^ frame->state.pc ^ (uint64_t)generation_of(frame) << 48) *
	       0x9fb21c651e98df25ull;
	return hash ^ hash >> 29;
}

/*
 * Nodes for frames `from` to n - 1. A path of many new frames was mostly seen before, and looking each
 * frame up costs two cache misses a frame; so the whole path is looked up by its hash first.
 */
static uint32_t name_frames(struct ht_stack_walk *w, const struct ht_walk_sink *sink, uint32_t from,
			    uint32_t n, uint32_t cut, uint32_t root)
{
	bool has_outer = from > cut;
	uint32_t node = has_outer ? w->frames[from - 1].node : root;
	uint64_t hash = has_outer ? w->frames[from - 1].path_hash : root;

	for (uint32_t i = from; i < n; i++)
		w->frames[i].path_hash = hash = extend_hash(hash, &w->frames[i]);
	if (n - from > 1 && sink->find_path != NULL) {
		uint32_t found = sink->find_path(sink->ctx, hash, w->frames + from, n - from, node);

		if (found != 0)
			return found;
	}
	for (uint32_t i = from; i < n; i++) {
		node = intern(sink, node, &w->frames[i]);
		w->frames[i].node = node;
		if (node < HT_FIRST_NODE)
			w->n_frames = 0; /* could not be described: try again next time */
	}
	if (n - from > 1 && node >= HT_FIRST_NODE && sink->add_path != NULL)
		sink->add_path(sink->ctx, hash, node);
	return node;
}

/* Drop kept frames that are out of reach from now on, so that kept frames do not grow for ever. */
static void drop_outer(struct ht_stack_walk *w, struct walk_end *end)
{
	uint32_t n = end->floor;
	uint32_t n_words = first_word(w, n);
	uint32_t n_own = w->frames[n].words_end - n_words; /* at least 1: the step went somewhere */
	uint32_t shift = n_words + n_own - 1;

	for (uint32_t i = n; i < w->n_frames; i++) {
		w->frames[i - n] = w->frames[i];
		w->frames[i - n].words_end -= shift;
	}
	for (uint32_t i = n_words + n_own; i < w->frames[w->n_frames - n - 1].words_end + shift; i++)
		w->words[i - shift] = w->words[i];
	w->words[0] = ht_walk_never_word();
	w->n_frames -= n;
	w->cut = w->cut > n ? w->cut - n : 0;
	if (w->cut == 0)
		w->root_node = HT_TRUNC_LOST; /* no stack's: all nodes are made anew */
	end->base -= n;
	end->floor = 0;
}

/* Put the new frames behind the kept ones. Nodes are reused as long as nothing differs. */
static uint32_t keep(struct ht_stack_walk *w, const struct ht_walk_sink *sink, struct walk_end end)
{
	uint32_t n_old = w->n_frames;
	uint32_t n = end.base + w->n_new_frames;
	uint32_t word = first_word(w, end.base);
	uint32_t root = end.truncation;
	bool is_same = true;

	if (n == 0)
		return root;

	/* Without memory to keep them in, frames are named one by one and forgotten. */
	if (!grow_kept(w, n, word + w->n_new_words)) {
		uint32_t node = end.base > 0 ? w->frames[end.base - 1].node : root;

		for (uint32_t i = w->n_new_frames; i > 0; i--)
			node = intern(sink, node, &w->new_frames[i - 1]);
		return node;
	}

	for (uint32_t i = w->n_new_words; i > 0; i--)
		w->words[word++] = w->new_words[i - 1];

	uint32_t words_end = first_word(w, end.base);
	uint32_t first_to_name = n;

	for (uint32_t i = end.base; i < n; i++) {
		const struct ht_walk_frame *from = &w->new_frames[n - 1 - i];
		uint32_t from_begin = n - 1 - i == 0 ? 0 : from[-1].words_end;
		struct ht_walk_frame *to = &w->frames[i];

		words_end += from->words_end - from_begin;
		if (is_same && (i >= n_old || to->state.pc != from->state.pc ||
				(i >= w->cut && to->node < HT_FIRST_NODE))) {
			is_same = false;
			first_to_name = i;
		}
		to->state = from->state;
		to->has_generation = from->has_generation;
		to->words_end = words_end;
	}
	w->n_frames = n;

	uint32_t cut = root == HT_TRUNC_DEPTH ? choose_cut(w, end.floor, n) : 0;

	if (cut != w->cut || root != w->root_node || first_to_name < cut)
		first_to_name = cut;
	w->cut = cut;
	w->root_node = root;

	if (first_to_name < n)
		name_frames(w, sink, first_to_name, n, cut, root);
	return w->frames[n - 1].node;
}

/* The node of the previous stack when this one is the same, complete and not cut; else 0. */
static inline uint32_t same_as_before(const struct ht_stack_walk *w, uint64_t pc, uint64_t sp,
				      uint64_t fp)
{
	if (w->n_frames == 0 || w->root_node != HT_TRUNC_NONE || w->cut != 0)
		return 0;

	const struct ht_walk_frame *innermost = &w->frames[w->n_frames - 1];

	if (innermost->state.sp != sp || innermost->state.pc != pc || innermost->state.fp != fp ||
	    find_changed_word(w->words, w->words + innermost->words_end) != NULL)
		return 0;
	return innermost->node;
}

uint32_t ht_stack_walk_capture(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
			       uint64_t pc, uint64_t sp, uint64_t fp)
{
	struct ht_walk_state state = { pc, sp, fp };
	uint32_t epoch = ht_module_table_epoch();

	if (__builtin_expect(epoch == w->epoch, 1)) {
		uint32_t node = same_as_before(w, pc, sp, fp);

		if (node != 0) {
			w->n_new_frames = 0;
			w->start_sp = sp;
			w->last_truncation = HT_TRUNC_NONE;
			return node;
		}
	}
	if (epoch != w->epoch) {
		forget_kept(w);
		w->epoch = epoch;
	}
	w->start_sp = sp;
	ht_stack_memory_enter(&w->memory, sp);

	struct walk_end end = walk(w, sink, state);

	w->last_truncation = end.truncation;
	if (w->n_new_frames == 0 && end.base == w->n_frames && end.truncation == w->root_node &&
	    end.base > 0)
		return w->frames[end.base - 1].node;
	if (end.floor > 0 && end.base + w->n_new_frames > 2 * w->max_frames)
		drop_outer(w, &end);
	return keep(w, sink, end);
}
