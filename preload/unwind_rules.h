/* SPDX-License-Identifier: MIT */
/*
 * Compact unwind rules, computed once per program counter from .eh_frame and cached for the whole
 * process. Target, any thread, may not allocate.
 *
 * An entry of the cache is one word: the program counter, as far as its place does not say it, above
 * the rule. So entries are read and replaced without locks. Call sites that are neighbours in the code
 * share a cache line: they run together, and waiting for these lines is what a step costs most.
 */
#ifndef HT_UNWIND_RULES_H
#define HT_UNWIND_RULES_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <heaptide/trace_format.h>

#include "preload/arch/arch.h"

struct ht_walk_sink;

enum ht_rule_kind {
	HT_RULE_NONE = 0, /* not cached */
	HT_RULE_SP = 1,   /* CFA = stack pointer + cfa_off, return address below it */
	HT_RULE_FP = 2,   /* CFA = frame pointer + cfa_off, return address below it */
	HT_RULE_SLOW = 3, /* needs the whole row: ht_unwind_rules_row() */
	HT_RULE_OUTERMOST = 4,
	HT_RULE_NO_CFI = 5,
	HT_RULE_BAD_CFI = 6,
};

/*
 * A rule, from the low end: 2 bits 1 HT_RULE_SP, 2 HT_RULE_FP, 3 another kind; has_generation 1 bit; in the
 * cache, whether the entry is in the other line of a pair 1 bit; CFA offset / 8, or which other kind, 13
 * bits; the frame pointer's distance below the CFA / 8, or 0, 10 bits.
 */
#define HT_RULE_BITS           27
#define HT_RULE_GENERATION_BIT (1u << 2)
#define HT_RULE_MOVED_BIT      (1u << 3)
#define HT_RULE_CFA_SHIFT      4
#define HT_RULE_CFA_BITS       13
#define HT_RULE_FP_SHIFT       17
#define HT_RULE_FP_BITS        10

/* Whether the rule is HT_RULE_SP or HT_RULE_FP: the ones a step takes at once. */
static inline bool ht_rule_is_compact(uint32_t rule)
{
	return (rule & 3) != 3;
}

static inline enum ht_rule_kind ht_rule_kind(uint32_t rule)
{
	return (enum ht_rule_kind)(ht_rule_is_compact(rule) ? rule & 3
	                                                    : rule >> HT_RULE_CFA_SHIFT & 7);
}

static inline uint64_t ht_rule_cfa_off_bytes(uint32_t rule)
{
	return (uint64_t)(rule >> HT_RULE_CFA_SHIFT & ((1u << HT_RULE_CFA_BITS) - 1)) * 8;
}

/* How far below the CFA the caller's frame pointer was saved; 0 when it was not. */
static inline uint64_t ht_rule_fp_below_bytes(uint32_t rule)
{
	return (uint64_t)(rule >> HT_RULE_FP_SHIFT & ((1u << HT_RULE_FP_BITS) - 1)) * 8;
}

#define HT_RULE_WAYS        8u
#define HT_RULE_PC_BITS     47
#define HT_RULE_REGION_BITS 8 /* of code whose entries are in one line */

/* Multiplying by an odd number is a permutation of the regions, shifted to the high end. */
#define HT_RULE_HASH_SHIFT (64 - HT_RULE_PC_BITS + HT_RULE_REGION_BITS)
#define HT_RULE_HASH       (0x9e3779b97f4a7c15ull << HT_RULE_HASH_SHIFT)

/*
 * The highest bits of the hash say the line. An entry has the 29 lowest bits of it, which the line does
 * not say, and the place in the region. Lines are 2^10 at least. A full line uses its neighbour as well.
 */
struct ht_rule_cache {
	uint32_t line_shift; /* in the word as well */
	_Atomic uint32_t n_used;
	uint64_t reserved0[7];
	_Atomic uint64_t lines[][HT_RULE_WAYS];
};

/* The cache, which lies at a page, and in the lowest bits its line_shift. 0 before there is one. */
extern _Atomic uintptr_t ht_rule_cache;
#define HT_RULE_CACHE_SHIFT_MASK 63u

static inline struct ht_rule_cache *ht_rule_cache_of(uintptr_t word)
{
	return (struct ht_rule_cache *)(word & ~(uintptr_t)HT_RULE_CACHE_SHIFT_MASK);
}

static inline uint64_t ht_rule_hash(uint64_t pc)
{
	return (pc >> HT_RULE_REGION_BITS) * HT_RULE_HASH;
}

/* An entry for pc, but for the rule. */
static inline uint64_t ht_rule_tag(uint64_t pc, uint64_t hash)
{
	return hash << (HT_RULE_BITS + HT_RULE_REGION_BITS - HT_RULE_HASH_SHIFT) |
	       (pc & ((1u << HT_RULE_REGION_BITS) - 1)) << HT_RULE_BITS;
}

/* Where in a line to look first. */
static inline uint32_t ht_rule_first_way(uint64_t pc)
{
	return (uint32_t)(pc >> (HT_RULE_REGION_BITS - 3)) % HT_RULE_WAYS;
}

/* [any thread] [no alloc] The rule of pc from elsewhere: computed, and cached if that is possible. */
uint32_t ht_unwind_rules_get_slow(uint64_t pc, const struct ht_walk_sink *sink);

/*
 * [any thread] [no alloc] The rule of a frame at pc: a return address, or with HT_NODE_EXACT a place
 * that a signal interrupted. The sink hears of modules seen for the first time.
 */
static inline uint32_t ht_unwind_rules_get(uint64_t pc, const struct ht_walk_sink *sink)
{
	uintptr_t word = atomic_load_explicit(&ht_rule_cache, memory_order_acquire);

	if (__builtin_expect(word != 0 && pc >> HT_RULE_PC_BITS == 0, 1)) {
		uint64_t hash = ht_rule_hash(pc);
		_Atomic uint64_t *line =
		        ht_rule_cache_of(word)->lines[hash >> (word & HT_RULE_CACHE_SHIFT_MASK)];
		uint64_t tag = ht_rule_tag(pc, hash);

		for (uint32_t i = 0; i < HT_RULE_WAYS; i++) {
			uint64_t rule =
			        atomic_load_explicit(&line[ht_rule_first_way(pc) ^ i],
			                             memory_order_relaxed) ^
			        tag;

			if (rule - 1 < (1u << HT_RULE_BITS) - 1 && !(rule & HT_RULE_MOVED_BIT))
				return (uint32_t)rule;
		}
	}
	return ht_unwind_rules_get_slow(pc, sink);
}

/*
 * [any thread] [no alloc] Forget the rules of earlier epochs of the modules, before the first walk in
 * this one.
 */
void ht_unwind_rules_enter_epoch(uint32_t epoch);

#if HT_ARCH_HAS_UNWIND_RULES
struct ht_cfi_row;

/* [any thread] [no alloc] The whole row for pc. HT_RULE_SLOW when there is one, else why not. */
enum ht_rule_kind ht_unwind_rules_row(uint64_t pc, struct ht_cfi_row *ret_row);
#endif

/* [fork child] Another thread of the parent may have been growing the table. */
void ht_unwind_rules_fork_child(void);

#endif
