/* SPDX-License-Identifier: MIT */
/*
 * Stacks by another unwinder, and the comparison of ours with it. Target, any thread; what the other
 * unwinder may do is its own matter.
 */
#include <stddef.h>

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include "preload/kept_frames.h"
#include "preload/module_table.h"
#include "preload/stack_step.h"
#include "preload/stack_walk.h"
#include "preload/sys_prim.h"
#include "preload/unwind_backend.h"
#include "preload/unwind_rules.h"

/* The frames of a stack under comparison, and how much of two lists a message shows. */
#define LIST_BYTES   (64u << 10)
#define LIST_FRAMES  (LIST_BYTES / 8u)
#define SHOWN_FRAMES 48u

/* Room for the frames that another backend finds; NULL without memory. */
static uint64_t *others_of(struct ht_stack_walk *w)
{
	if (w->others == NULL)
		w->others = ht_sys_alloc_pages(LIST_BYTES);
	return w->others;
}

void ht_stack_backend_free(struct ht_stack_walk *w)
{
	if (w->others != NULL)
		ht_sys_free_pages(w->others, LIST_BYTES);
}

uint32_t ht_stack_walk_capture_by(struct ht_stack_walk *w, const struct ht_walk_sink *sink,
                                  const struct ht_unwind_backend_api *backend, uint64_t sp)
{
	uint32_t epoch = ht_module_table_epoch();
	uint32_t max = w->max_frames < LIST_FRAMES ? w->max_frames : LIST_FRAMES;
	uint64_t *pcs = others_of(w);
	uint32_t truncation = HT_TRUNC_OFF;
	uint32_t n = pcs == NULL ? 0 : backend->capture(pcs, max, sp, &truncation);
	uint32_t node = truncation;
	uint64_t path = ht_path_root(truncation);

	ht_unwind_rules_enter_epoch(epoch);
	w->last_truncation = truncation;
	for (uint32_t i = n; i > 0; i--) {
		uint64_t pc = pcs[i - 1];
		uint32_t rule = ht_unwind_rules_get(pc, sink); /* learns of modules */
		uint32_t generation = 0;

		if (rule & HT_RULE_GENERATION_BIT)
			generation = ht_module_table_generation(
			        pc & HT_NODE_EXACT ? pc & ~HT_NODE_EXACT : pc - 1);
		path = ht_path_extend(path, pc, generation);
		node = sink->intern(sink->ctx, path, node, pc, generation);
	}
	return node;
}

struct message {
	uint32_t n_bytes;
	char bytes[2048];
};

static void put_text(struct message *m, const char *text)
{
	while (*text != '\0' && m->n_bytes < sizeof m->bytes)
		m->bytes[m->n_bytes++] = *text++;
}

static void put_addr(struct message *m, uint64_t addr)
{
	char digits[20] = " ";
	uint32_t n = 1;

	for (int shift = 44; shift >= 0; shift -= 4)
		digits[n++] = "0123456789abcdef"[addr >> shift & 15];
	if (addr & HT_NODE_EXACT)
		digits[n++] = '!';
	put_text(m, digits);
}

static void report(const uint64_t *pcs, uint32_t n, const uint64_t *others, uint32_t n_others)
{
	struct message m = { .n_bytes = 0 };

	put_text(&m, "heaptide: stacks differ, innermost first\nheaptide:  ours  ");
	for (uint32_t i = 0; i < n && i < SHOWN_FRAMES; i++)
		put_addr(&m, pcs[i]);
	put_text(&m, "\nheaptide:  other ");
	for (uint32_t i = 0; i < n_others && i < SHOWN_FRAMES; i++)
		put_addr(&m, others[i]);
	put_text(&m, "\n");
	ht_sys_write(2, m.bytes, m.n_bytes);
}

bool ht_stack_walk_verify(struct ht_stack_walk *w, const struct ht_unwind_backend_api *backend,
                          const uint64_t *pcs, uint32_t n, uint32_t truncation, uint64_t sp,
                          uint32_t log_level)
{
	uint64_t *others = others_of(w);
	uint32_t their_truncation;

	if (others == NULL)
		return true;

	uint32_t n_others = backend->capture(others, LIST_FRAMES, sp, &their_truncation);
	uint32_t n_compared = n < LIST_FRAMES ? n : LIST_FRAMES;
	/* Only code without unwind data, and depth, are reasons to end before the other one does. */
	bool may_end_early =
	        truncation == HT_TRUNC_NO_CFI || truncation == HT_TRUNC_DEPTH || n > LIST_FRAMES;
	bool is_same = may_end_early ? n_compared <= n_others : n == n_others;

	for (uint32_t i = 0; is_same && i < n_compared; i++)
		is_same = ((pcs[i] ^ others[i]) & (((1ull << 48) - 1) | HT_NODE_EXACT)) == 0;
	if (!is_same && log_level > 0)
		report(pcs, n, others, n_others);
	return is_same;
}
