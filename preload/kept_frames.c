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
#define FIRST_SLOW   16u

/* frames, names and fps are parts of one piece of memory. */
static size_t kept_bytes(uint32_t capacity)
{
	return (size_t)capacity * (sizeof(struct ht_walk_frame) + sizeof(struct ht_walk_name) +
	                           sizeof(struct ht_walk_word));
}

void ht_kept_frames_free(struct ht_stack_walk *w)
{
	if (w->frames != NULL)
		ht_sys_free_pages(w->frames, kept_bytes(w->frames_capacity));
	if (w->slow != NULL)
		ht_sys_free_pages(w->slow, w->slow_capacity * sizeof *w->slow);
	if (w->new_frames != NULL)
		ht_sys_free_pages(w->new_frames, w->new_frames_capacity * sizeof *w->new_frames);
	if (w->new_slow != NULL)
		ht_sys_free_pages(w->new_slow, w->new_slow_capacity * sizeof *w->new_slow);
	ht_stack_cache_free(&w->cache);
}

static void copy_words(void *to, const void *from, size_t n_bytes)
{
	for (size_t i = 0; i < n_bytes / 8; i++)
		((uint64_t *)to)[i] = ((const uint64_t *)from)[i];
}

static uint32_t larger(uint32_t capacity, uint32_t n, uint32_t first)
{
	uint32_t wanted = capacity == 0 ? first : capacity;

	while (wanted < n)
		wanted *= 2;
	return wanted;
}

/* Make room for n items of item_bytes, a multiple of 8, in *items, which has room for *capacity. */
static bool grow(void **items, uint32_t *capacity, uint32_t n, size_t item_bytes, uint32_t first)
{
	uint32_t wanted = larger(*capacity, n, first);

	if (wanted == *capacity)
		return true;

	void *to = ht_sys_alloc_pages(wanted * item_bytes);
	void *from = *items;
	size_t n_bytes = *capacity * item_bytes;

	if (to == NULL)
		return false;
	copy_words(to, from, n_bytes);
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
	       grow((void **)&w->new_slow, &w->new_slow_capacity, w->n_new_slow + 2,
	            sizeof *w->new_slow, FIRST_SLOW);
}

static bool grow_frames(struct ht_stack_walk *w, uint32_t n)
{
	uint32_t before = w->frames_capacity;
	uint32_t wanted = larger(before, n, FIRST_FRAMES);
	struct ht_walk_frame *frames = ht_sys_alloc_pages(kept_bytes(wanted));
	struct ht_walk_frame *from = w->frames;

	if (frames == NULL)
		return false;

	struct ht_walk_name *names = (struct ht_walk_name *)(frames + wanted);
	struct ht_walk_word *fps = (struct ht_walk_word *)(names + wanted);

	copy_words(frames, w->frames, before * sizeof *frames);
	copy_words(names, w->names, before * sizeof *names);
	copy_words(fps, w->fps, before * sizeof *fps);
	w->frames = frames;
	w->names = names;
	w->fps = fps;
	atomic_signal_fence(memory_order_seq_cst);
	w->frames_capacity = wanted;
	if (from != NULL)
		ht_sys_free_pages(from, kept_bytes(before));
	return true;
}

/* Room for n frames, and for n_slow slow steps. */
static inline bool make_room(struct ht_stack_walk *w, uint32_t n, uint32_t n_slow)
{
	return (n <= w->frames_capacity || grow_frames(w, n)) &&
	       (n_slow <= w->slow_capacity ||
	        grow((void **)&w->slow, &w->slow_capacity, n_slow, sizeof *w->slow, FIRST_SLOW));
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

/*
 * Drop kept frames that are out of reach from now on, so that kept frames do not grow for ever. There
 * is room for one more slow step: that of the frame which becomes the outermost is taken afresh always.
 */
static void drop_outer(struct ht_stack_walk *w, struct ht_walk_end *end)
{
	uint32_t n = end->floor;
	uint32_t n_frames = w->n_frames;
	uint32_t n_fps = ht_walk_n_fps(&w->names[n_frames - 1]);
	uint32_t n_dropped_fps = ht_walk_n_fps(&w->names[n]);
	uint32_t n_dropped_slow = 0;

	w->n_frames = 0;
	atomic_signal_fence(memory_order_seq_cst);
	for (uint32_t i = n; i < n_frames; i++) {
		w->frames[i - n] = w->frames[i];
		w->names[i - n] = w->names[i];
		w->names[i - n].fps -= n_dropped_fps;
	}
	for (uint32_t i = n_dropped_fps; i < n_fps; i++)
		w->fps[i - n_dropped_fps] = w->fps[i];
	while (n_dropped_slow < w->n_slow && w->slow[n_dropped_slow].frame <= n)
		n_dropped_slow++;
	if (n_dropped_slow == 0) {
		for (uint32_t i = w->n_slow; i > 0; i--)
			w->slow[i] = w->slow[i - 1];
		w->n_slow++;
		n_dropped_slow = 1;
	}
	for (uint32_t i = n_dropped_slow; i < w->n_slow; i++) {
		w->slow[i - n_dropped_slow + 1] = w->slow[i];
		w->slow[i - n_dropped_slow + 1].frame -= n;
	}
	w->slow[0].frame = 0;
	w->slow[0].n_words = 0;
	w->n_slow -= n_dropped_slow - 1;
	atomic_signal_fence(memory_order_seq_cst);
	w->n_frames = n_frames - n;
	if (w->cut >= n)
		w->cut -= n;
	else
		w->root_node = HT_TRUNC_LOST; /* of no stack: paths and nodes are made anew */
	end->base -= n;
	end->floor = 0;
}

static uint32_t generation_at(uint64_t pc)
{
	return ht_module_table_generation(pc & HT_NODE_EXACT ? pc & ~HT_NODE_EXACT : pc - 1);
}

static inline uint32_t generation_of(const struct ht_stack_walk *w, uint32_t i)
{
	if (__builtin_expect(!ht_walk_has_generation(&w->names[i]), 1))
		return 0;
	return generation_at(w->frames[i].pc);
}

/* Name the innermost of n frames, and all outer ones down to the first that has a node. */
static uint32_t intern_frames(struct ht_stack_walk *w, const struct ht_walk_sink *sink, uint32_t n)
{
	bool is_described = true;
	uint32_t i = n;

	while (i > w->cut) {
		struct ht_walk_name *name = &w->names[i - 1];

		if (name->node == 0 && i < n && sink->find != NULL)
			name->node = sink->find(sink->ctx, name->path, w->frames[i - 1].pc,
			                        generation_of(w, i - 1));
		if (name->node != 0)
			break;
		i--;
	}

	uint32_t node = i == w->cut ? w->root_node : w->names[i - 1].node;

	for (; i < n; i++) {
		struct ht_walk_name *name = &w->names[i];

		node = sink->intern(sink->ctx, name->path, node, w->frames[i].pc,
		                    generation_of(w, i));
		if (node < HT_FIRST_NODE)
			is_described = false; /* try again next time, with all that follow */
		name->node = is_described ? node : 0;
	}
	return node;
}

static uint32_t node_of_kept(struct ht_stack_walk *w, const struct ht_walk_sink *sink)
{
	uint32_t n = w->n_frames;
	struct ht_walk_name *name = &w->names[n - 1];

	if (name->node == 0 && sink->find != NULL)
		name->node = sink->find(sink->ctx, name->path, w->frames[n - 1].pc,
		                        generation_of(w, n - 1));
	return name->node != 0 ? name->node : intern_frames(w, sink, n);
}

uint32_t ht_stack_walk_name(struct ht_stack_walk *w, const struct ht_walk_sink *sink)
{
	uint32_t node = node_of_kept(w, sink);

	if (node >= HT_FIRST_NODE && w->root_node == HT_TRUNC_NONE)
		ht_stack_cache_add(&w->cache, w, node);
	return node;
}

/* Without memory to keep them in, frames are named one by one and forgotten. */
static uint32_t name_and_forget(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                                const struct ht_walk_end *end)
{
	uint32_t node = end->truncation;
	uint64_t path = ht_path_root(end->truncation);
	uint32_t generation;

	for (uint32_t i = end->floor; i < end->base; i++) {
		generation = generation_of(w, i);
		path = ht_path_extend(path, w->frames[i].pc, generation);
		node = sink->intern(sink->ctx, path, node, w->frames[i].pc, generation);
	}
	for (uint32_t i = w->n_new_frames; i > 0; i--) {
		const struct ht_new_frame *frame = &w->new_frames[i - 1];

		generation = frame->has_generation ? generation_at(frame->pc) : 0;
		path = ht_path_extend(path, frame->pc, generation);
		node = sink->intern(sink->ctx, path, node, frame->pc, generation);
	}
	w->n_frames = 0;
	w->n_slow = 0;
	return node;
}

/* Give frames the path that follows from the frame before them; a new path has no node yet. */
static void set_paths(struct ht_stack_walk *w, uint32_t from, uint32_t to, uint64_t path)
{
	for (uint32_t i = from; i < to; i++) {
		path = ht_path_extend(path, w->frames[i].pc, generation_of(w, i));
		if (w->names[i].path != path) {
			w->names[i].path = path;
			w->names[i].node = 0;
		}
	}
}

/* Move the new frames behind `base` kept ones. There is room. */
static inline void append_new(struct ht_stack_walk *w, uint32_t base, uint64_t path)
{
	uint32_t n = base + w->n_new_frames;
	uint32_t n_fps = ht_kept_frames_first_fp(w, base);
	uint32_t n_slow = w->n_slow;
	uint32_t n_new_slow = w->n_new_slow;
	uint64_t caller_fp = base == 0 ? 0 : w->names[base - 1].fp;
	bool caller_needs_fp = base != 0 && ht_walk_needs_fp(&w->names[base - 1]);
	const struct ht_new_frame *from = w->new_frames + w->n_new_frames;

	while (n_slow > 0 && w->slow[n_slow - 1].frame >= base)
		n_slow--;
	/* Names that are written over may be of the same path, only elsewhere: their node is right. */
	for (uint32_t i = base; i < n; i++) {
		struct ht_walk_name *name = &w->names[i];

		from--;
		path = ht_path_extend(path, from->pc,
		                      __builtin_expect(from->has_generation, 0) ? generation_at(from->pc)
		                                                                : 0);
		w->frames[i].sp = from->sp;
		w->frames[i].pc = from->pc;
		if (name->path != path) {
			name->path = path;
			name->node = 0;
		}
		name->fp = from->fp;
		name->fp_addr = from->fp_addr;
		if (caller_needs_fp && from->fp_addr != 0)
			w->fps[n_fps++] = (struct ht_walk_word){ from->fp_addr, caller_fp };
		caller_needs_fp = from->uses_fp || (caller_needs_fp && from->fp_addr == 0);
		name->fps = ht_walk_fps(n_fps, from->has_generation, caller_needs_fp);
		if (__builtin_expect(from->is_slow, 0)) {
			w->slow[n_slow] = w->new_slow[--n_new_slow];
			w->slow[n_slow++].frame = i;
		}
		caller_fp = from->fp;
	}
	w->n_slow = n_slow;
}

uint32_t ht_kept_frames_keep(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                             struct ht_walk_end *end)
{
	if (__builtin_expect(end->base + w->n_new_frames == 0, 0))
		return end->truncation;
	if (__builtin_expect(!make_room(w, end->base + w->n_new_frames,
	                                w->n_slow + w->n_new_slow + 1),
	                     0))
		return name_and_forget(w, sink, end);
	if (end->floor > 0 && end->base + w->n_new_frames > 2 * w->max_frames)
		drop_outer(w, end);

	uint32_t n = end->base + w->n_new_frames;

	/* A signal handler that never comes back must find kept frames that are whole. */
	w->n_frames = end->base;
	atomic_signal_fence(memory_order_seq_cst);
	append_new(w, end->base,
	           end->base == 0 ? ht_path_root(end->truncation) : w->names[end->base - 1].path);
	atomic_signal_fence(memory_order_seq_cst);
	w->n_frames = n;

	uint32_t cut = end->truncation == HT_TRUNC_DEPTH ? choose_cut(w, end->floor, n) : 0;

	if (__builtin_expect(cut != w->cut || end->truncation != w->root_node ||
	                             (cut != 0 && end->base <= cut),
	                     0))
		set_paths(w, cut, n, ht_path_root(end->truncation));
	w->cut = cut;
	w->root_node = end->truncation;
	if (sink->prefetch != NULL && w->names[n - 1].node == 0)
		sink->prefetch(w->names[n - 1].path);
	return 0;
}
