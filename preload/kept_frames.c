/* SPDX-License-Identifier: MIT */
/*
 * Keeping frames from stack to stack and naming their nodes. Target, any thread (one at a time per
 * struct), may not allocate.
 *
 * Each frame carries a hash of its path: all the node of a frame depends on. A stack whose innermost
 * path was met before costs one lookup, however many of its frames are new; only otherwise frames are
 * interned one by one, from the innermost that has a node.
 */
#include "preload/kept_frames.h"

#include <stdatomic.h>
#include <stddef.h>

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include "preload/module_table.h"
#include "preload/sys_prim.h"

#define FIRST_FRAMES 128u
#define FIRST_WORDS  256u

void ht_kept_frames_free(struct ht_stack_walk *w)
{
	if (w->frames != NULL)
		ht_sys_free_pages(w->frames, w->frames_capacity * sizeof *w->frames);
	if (w->words != NULL)
		ht_sys_free_pages(w->words, w->words_capacity * sizeof *w->words);
	if (w->new_frames != NULL)
		ht_sys_free_pages(w->new_frames, w->new_frames_capacity * sizeof *w->new_frames);
	if (w->new_words != NULL)
		ht_sys_free_pages(w->new_words, w->new_words_capacity * sizeof *w->new_words);
}

/* Make room for n items of item_bytes, a multiple of 8, in *items, which has room for *capacity. */
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

	uint64_t *from = *items;
	size_t n_bytes = *capacity * item_bytes;

	for (size_t i = 0; from != NULL && i < n_bytes / 8; i++)
		to[i] = from[i];
	/* In this order: a signal handler may never come back. */
	*items = to;
	atomic_signal_fence(memory_order_seq_cst);
	*capacity = wanted;
	if (from != NULL)
		ht_sys_free_pages(from, n_bytes);
	return true;
}

bool ht_kept_frames_grow_new(struct ht_stack_walk *w)
{
	return grow((void **)&w->new_frames, &w->new_frames_capacity, w->n_new_frames + 1,
	            sizeof *w->new_frames, FIRST_FRAMES) &&
	       grow((void **)&w->new_words, &w->new_words_capacity,
	            w->n_new_words + HT_STEP_MAX_WORDS, sizeof *w->new_words, FIRST_WORDS);
}

static bool grow_kept(struct ht_stack_walk *w, uint32_t n_frames, uint32_t n_words)
{
	return (n_frames <= w->frames_capacity ||
	        grow((void **)&w->frames, &w->frames_capacity, n_frames, sizeof *w->frames,
	             FIRST_FRAMES)) &&
	       (n_words <= w->words_capacity || grow((void **)&w->words, &w->words_capacity,
	                                             n_words, sizeof *w->words, FIRST_WORDS));
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
		uint64_t crossed = w->frames[i - 1].sp ^ w->frames[i].sp;
		uint64_t level = crossed == 0 ? 0 : 1ull << (63 - __builtin_clzll(crossed));

		if (level > best) {
			best = level;
			cut = i;
		}
	}
	return cut;
}

/* Drop kept frames that are out of reach from now on, so that kept frames do not grow for ever. */
static void drop_outer(struct ht_stack_walk *w, struct ht_walk_end *end)
{
	uint32_t n = end->floor;
	uint32_t begin = ht_kept_frames_first_word(w, n);
	uint32_t n_own =
	        ht_walk_words_end(&w->frames[n]) - begin; /* not 0: the step went somewhere */
	uint32_t n_words = ht_walk_words_end(&w->frames[w->n_frames - 1]);
	uint32_t shift = begin + n_own - 1;
	uint32_t n_frames = w->n_frames;

	w->n_frames = 0;
	atomic_signal_fence(memory_order_seq_cst);
	for (uint32_t i = n; i < n_frames; i++) {
		w->frames[i - n] = w->frames[i];
		w->frames[i - n].words -= shift;
	}
	for (uint32_t i = begin + n_own; i < n_words; i++)
		w->words[i - shift] = w->words[i];
	w->words[0] = ht_walk_never_word();
	atomic_signal_fence(memory_order_seq_cst);
	w->n_frames = n_frames - n;
	if (w->cut >= n)
		w->cut -= n;
	else
		w->root_node = HT_TRUNC_LOST; /* of no stack: paths and nodes are made anew */
	end->base -= n;
	end->floor = 0;
}

static inline uint32_t generation_of(const struct ht_walk_frame *frame)
{
	uint64_t pc = frame->pc;

	if (__builtin_expect(!ht_walk_has_generation(frame), 1))
		return 0;
	return ht_module_table_generation(pc & HT_NODE_EXACT ? pc & ~HT_NODE_EXACT : pc - 1);
}

static inline uint64_t extend_path(uint64_t path, uint64_t pc, uint32_t generation)
{
	__uint128_t product =
	        (__uint128_t)(path ^ pc ^ (uint64_t)generation << 48) * 0x9e3779b97f4a7c15ull;

	return (uint64_t)product ^ (uint64_t)(product >> 64);
}

static inline uint64_t root_path(uint32_t root)
{
	return 0xa0761d6478bd642full + root;
}

/* Name the innermost of n frames, and all outer ones down to the first that has a node. */
static uint32_t intern_frames(struct ht_stack_walk *w, const struct ht_walk_sink *sink, uint32_t n)
{
	bool is_described = true;
	uint32_t i = n;

	while (i > w->cut && w->frames[i - 1].node == 0)
		i--;

	uint32_t node = i == w->cut ? w->root_node : w->frames[i - 1].node;

	for (; i < n; i++) {
		struct ht_walk_frame *frame = &w->frames[i];

		node = sink->intern(sink->ctx, node, frame->pc, generation_of(frame));
		if (node < HT_FIRST_NODE)
			is_described = false; /* try again next time, with all that follow */
		frame->node = is_described ? node : 0;
	}
	return node;
}

/* The node of the innermost of n kept frames, whose path is known. */
static uint32_t node_of(struct ht_stack_walk *w, const struct ht_walk_sink *sink, uint32_t n)
{
	struct ht_walk_frame *frame = &w->frames[n - 1];

	if (frame->node != 0)
		return frame->node;
	if (sink->find_path != NULL) {
		frame->node = sink->find_path(sink->ctx, frame->path, frame->pc);
		if (frame->node != 0)
			return frame->node;
	}

	uint32_t node = intern_frames(w, sink, n);

	if (frame->node != 0 && sink->add_path != NULL)
		sink->add_path(sink->ctx, frame->path, frame->node);
	return node;
}

/* Without memory to keep them in, frames are named one by one and forgotten. */
static uint32_t name_and_forget(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                                const struct ht_walk_end *end)
{
	uint32_t node = end->truncation;

	for (uint32_t i = end->floor; i < end->base; i++)
		node = sink->intern(sink->ctx, node, w->frames[i].pc, generation_of(&w->frames[i]));
	for (uint32_t i = w->n_new_frames; i > 0; i--)
		node = sink->intern(sink->ctx, node, w->new_frames[i - 1].pc,
		                    generation_of(&w->new_frames[i - 1]));
	w->n_frames = 0;
	return node;
}

/* Give frames the path that follows from the frame before them; a new path has no node yet. */
static void set_paths(struct ht_stack_walk *w, uint32_t from, uint32_t to, uint64_t path)
{
	for (uint32_t i = from; i < to; i++) {
		struct ht_walk_frame *frame = &w->frames[i];

		path = extend_path(path, frame->pc, generation_of(frame));
		if (frame->path != path) {
			frame->path = path;
			frame->node = 0;
		}
	}
}

uint32_t ht_kept_frames_keep(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                             struct ht_walk_end *end)
{
	if (end->base + w->n_new_frames == 0)
		return end->truncation;
	if (end->floor > 0 && end->base + w->n_new_frames > 2 * w->max_frames)
		drop_outer(w, end);

	uint32_t n = end->base + w->n_new_frames;
	uint32_t word = ht_kept_frames_first_word(w, end->base);

	if (__builtin_expect(!grow_kept(w, n, word + w->n_new_words), 0))
		return name_and_forget(w, sink, end);

	uint32_t words_end = word;
	uint64_t path = end->base == 0 ? root_path(end->truncation) : w->frames[end->base - 1].path;

	/* A signal handler that never comes back must find kept frames that are whole. */
	w->n_frames = end->base;
	atomic_signal_fence(memory_order_seq_cst);
	for (uint32_t i = w->n_new_words; i > 0; i--) {
		w->words[word].addr = w->new_words[i - 1].addr;
		w->words[word].value = w->new_words[i - 1].value;
		word++;
	}
	/* Frames that are written over may be of the same path, only elsewhere: their node is right. */
	for (uint32_t i = end->base; i < n; i++) {
		const struct ht_walk_frame *from = &w->new_frames[n - 1 - i];
		struct ht_walk_frame *to = &w->frames[i];

		path = extend_path(path, from->pc, generation_of(from));
		if (to->path != path)
			to->node = 0;
		words_end +=
		        ht_walk_words_end(from) - (i == n - 1 ? 0 : ht_walk_words_end(from - 1));
		to->pc = from->pc;
		to->sp = from->sp;
		to->fp = from->fp;
		to->path = path;
		to->words = ht_walk_words(words_end, ht_walk_has_generation(from));
	}
	atomic_signal_fence(memory_order_seq_cst);
	w->n_frames = n;

	uint32_t cut = end->truncation == HT_TRUNC_DEPTH ? choose_cut(w, end->floor, n) : 0;

	if (__builtin_expect(cut != w->cut || end->truncation != w->root_node ||
	                             (cut != 0 && end->base <= cut),
	                     0))
		set_paths(w, cut, n, root_path(end->truncation));
	w->cut = cut;
	w->root_node = end->truncation;
	return node_of(w, sink, n);
}
