/* SPDX-License-Identifier: MIT */
/* Chooses who walks the stack and joins the walk with the stack table. Target. */
#ifndef HT_STACK_SOURCE_H
#define HT_STACK_SOURCE_H

#include <heaptide/shared_region.h>
#include <stdint.h>

struct ht_thread;

/*
 * Make `wanted` ready, loading libunwind's module if that takes it, and return what will be used.
 * [before main, with ht_tls.depth set]
 */
enum ht_unwind_backend ht_stack_source_setup(enum ht_unwind_backend wanted);

/* Point the walk of a fresh thread state at its stack table. */
void ht_stack_source_bind(struct ht_thread *t);

/* The node of the stack with these registers. [own thread] [no alloc] */
uint32_t ht_stack_source_node(struct ht_thread *t, uint64_t pc, uint64_t sp, uint64_t fp);

#endif
