/* SPDX-License-Identifier: MIT */
/* A stack walk under test beside libunwind, for the checks of stack walking. Tests only. */
#ifndef HT_WALK_ORACLE_H
#define HT_WALK_ORACLE_H

#include <stdbool.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define WALK_ORACLE_MAX_FRAMES 4096u

struct ht_module_record;
struct ht_stack_walk;

/* What the last walk_oracle_look() of this thread found. */
struct walk_oracle_stack {
	uint32_t n;
	uint32_t truncation;
	uint64_t pcs[WALK_ORACLE_MAX_FRAMES]; /* as nodes have them, innermost first */
};

/* How to judge a stack against libunwind's. */
enum walk_oracle_judgement {
	WALK_ORACLE_EQUAL,    /* the same, and complete */
	WALK_ORACLE_PREFIX,   /* ours may end early, with a reason */
	WALK_ORACLE_ONLY_SELF /* only: a fresh walk gives the same as the one over kept frames */
};

/* Forget everything, and cut stacks at max_frames from now on. */
void walk_oracle_reset(uint32_t max_frames);

/*
 * Walk the caller's stack, like a hook would: over kept frames, afresh, and by libunwind. Counts
 * what disagrees and prints the first few.
 */
void walk_oracle_look(enum walk_oracle_judgement judgement);

/* Where the first function of a makecontext() fiber returns to. */
void walk_oracle_set_fiber_bottom(uint64_t pc);

/* Of all threads, since the last walk_oracle_reset(). */
uint32_t walk_oracle_n_looks(void);
uint32_t walk_oracle_n_wrong(void);

/* This thread's. */
const struct walk_oracle_stack *walk_oracle_last(void);
const struct ht_stack_walk *walk_oracle_walk(void);
uint32_t walk_oracle_last_node(void);

/* Nodes, modules and watched blocks that the walks reported. */
uint32_t walk_oracle_n_nodes(void);
uint32_t walk_oracle_n_modules(void);
const char *walk_oracle_module_path(uint32_t i);
uint64_t walk_oracle_watched(uint32_t i);
const struct ht_module_record *walk_oracle_module(uint32_t i);

/* From now on modules are not taken, as when no chunk is to be had; or offered again, those not taken. */
void walk_oracle_refuse_modules(bool is_refusing);
void walk_oracle_announce_lost_modules(void);
uint32_t walk_oracle_generation(uint32_t node);
uint32_t walk_oracle_parent(uint32_t node);

#ifdef __cplusplus
}
#endif
#endif
