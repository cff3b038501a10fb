/* SPDX-License-Identifier: MIT */
/*
 * Functions with all kinds of frames that call one another by a plan, looking at the stack on the
 * way. Tests only.
 */
#ifndef HT_WALK_SHAPES_H
#define HT_WALK_SHAPES_H

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/* A random tree of calls: every shape looks, goes on to children, and looks again. */
struct walk_plan {
	uint64_t random;
	uint32_t depth; /* of the shape that runs */
	uint32_t max_depth;
	uint32_t n_left;      /* calls still to make */
	uint32_t shapes_mask; /* shapes to use, bit per index; 0 for all */
	int judgement;        /* enum walk_oracle_judgement */
};

typedef void walk_shape(struct walk_plan *plan);

/* Look, call some shapes, look again. Every shape calls this from its own kind of frame. */
void walk_plan_go_on(struct walk_plan *plan);

uint32_t walk_plan_random(struct walk_plan *plan, uint32_t below);

struct walk_shape_entry {
	const char *name;
	walk_shape *shape;
};
extern const struct walk_shape_entry walk_shapes[];
extern const uint32_t n_walk_shapes;

/* In walk_shapes_cxx.cc. */
void walk_shape_exception(struct walk_plan *plan);
void walk_shape_unwinding(struct walk_plan *plan);

/* In walk_shapes_x86_64.S. */
void walk_shape_cfa_in_rbx(struct walk_plan *plan);
void walk_shape_cfa_in_r12_rbp_in_r13(struct walk_plan *plan);
void walk_shape_expression_cfa(struct walk_plan *plan);
void walk_shape_large_offset(struct walk_plan *plan);
void walk_shape_garbage_rbp(struct walk_plan *plan);
void walk_shape_no_cfi_with_rbp(struct walk_plan *plan);
void walk_shape_no_cfi_garbage_rbp(struct walk_plan *plan);

#ifdef __cplusplus
}
#endif
#endif
