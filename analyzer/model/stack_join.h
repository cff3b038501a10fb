/* SPDX-License-Identifier: MIT */
/* Puts the frames of an interpreter where they belong among the native ones. Analyzer. */
#ifndef HT_STACK_JOIN_H
#define HT_STACK_JOIN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A frame, and whether it is one at which the two stacks meet. */
struct ht_join_frame {
	uint32_t frame;
	/* Native: an evaluation loop, which ran a group of Python frames. Python: the first of such a group. */
	bool is_meeting;
};

/* Two lists of frames, outermost first, and room for the result: n_native + n_python frames. */
struct ht_stack_join {
	const struct ht_join_frame *native;
	size_t n_native;
	const struct ht_join_frame *python;
	size_t n_python;
	bool is_cut; /* outer frames of the native stack are missing */
	uint32_t *result;
};

/*
 * Replace each evaluation loop by the group of Python frames that it ran. Loops and groups are counted
 * from the root, or from the innermost when the native stack is cut. Where there are more of one kind, a
 * loop stays as it is, and groups that no loop is left for follow at the other end. Returns the number of frames.
 */
size_t ht_stack_join(const struct ht_stack_join *join);

#endif
