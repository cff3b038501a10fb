/* SPDX-License-Identifier: MIT */
/*
 * Which memory around the stack pointer is known to be readable, so that a walk never faults and
 * seldom asks. Target, any thread, may not allocate.
 *
 * Pages are asked for one by one when a read first leaves what is known. What is known stays known:
 * the stack a thread runs on does not go away under it. Several ranges are kept, for fibers and
 * alternate signal stacks.
 */
#ifndef HT_STACK_MEMORY_H
#define HT_STACK_MEMORY_H

#include <stdbool.h>
#include <stdint.h>

#define HT_STACK_MEMORY_N_OTHERS 3u

/* Multiples of the page size; empty when equal. */
struct ht_stack_range {
	uint64_t lo_addr;
	uint64_t hi_addr;
};

/* Zero-filled is valid: nothing known. */
struct ht_stack_memory {
	struct ht_stack_range current; /* of the stack being walked */
	struct ht_stack_range others[HT_STACK_MEMORY_N_OTHERS];
	uint32_t next_other; /* the one to forget next */
	uint32_t n_probes;   /* system calls made */
};

/* [any thread] [no alloc] Whether addr lies in the current range. */
static inline bool ht_stack_memory_has(const struct ht_stack_memory *m, uint64_t addr)
{
	return addr - m->current.lo_addr < m->current.hi_addr - m->current.lo_addr;
}

/* [any thread] [no alloc] Make the range around sp, a stack pointer in use, the current one. */
void ht_stack_memory_enter_slow(struct ht_stack_memory *m, uint64_t sp);

static inline void ht_stack_memory_enter(struct ht_stack_memory *m, uint64_t sp)
{
	if (!ht_stack_memory_has(m, sp))
		ht_stack_memory_enter_slow(m, sp);
}

/*
 * [any thread] [no alloc] Whether the 8 bytes at addr, not in the current range, can be read. Grows
 * the range when addr is near it.
 */
bool ht_stack_memory_reach(struct ht_stack_memory *m, uint64_t addr);

/*
 * [any thread] [no alloc] Read the word at addr. False when that is not possible. Whose memory it is
 * does not matter, so a sanitizer in a test has no say.
 */
static inline __attribute__((no_sanitize("address"))) bool
ht_stack_memory_read(struct ht_stack_memory *m, uint64_t addr, uint64_t *ret_value)
{
	if (!ht_stack_memory_has(m, addr) || addr % 8 != 0)
		if (!ht_stack_memory_reach(m, addr))
			return false;
	__builtin_memcpy(ret_value, (const void *)addr, 8);
	return true;
}

#endif
