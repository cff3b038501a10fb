/* SPDX-License-Identifier: MIT */
/*
 * Compact unwind rules, one word per program counter, computed once from .eh_frame and cached for the
 * whole process. Target, any thread, may not allocate.
 *
 * The cache is a hash table whose keys are never replaced, so a reader can not pair the key of one
 * program counter with the rule of another; a rule names the epoch of the modules that it was
 * computed in and is computed again in a later one. No locks.
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

/* kind 3 bits, has_generation 1, CFA offset / 8 20, frame pointer's distance below the CFA / 8 12, epoch. */
#define HT_RULE_GENERATION_BIT (1ull << 3)
#define HT_RULE_CFA_SHIFT      4
#define HT_RULE_CFA_BITS       20
#define HT_RULE_FP_SHIFT       24
#define HT_RULE_FP_BITS        12
#define HT_RULE_EPOCH_SHIFT    36
#define HT_RULE_EPOCH_BITS     28
#define HT_RULE_MAX_EPOCH      ((1u << HT_RULE_EPOCH_BITS) - 1)

static inline enum ht_rule_kind ht_rule_kind(uint64_t rule)
{
	return (enum ht_rule_kind)(rule & 7);
}

static inline uint64_t ht_rule_cfa_off_bytes(uint64_t rule)
{
	return (rule >> HT_RULE_CFA_SHIFT & ((1u << HT_RULE_CFA_BITS) - 1)) * 8;
}

/* How far below the CFA the caller's frame pointer was saved; 0 when it was not. */
static inline uint64_t ht_rule_fp_below_bytes(uint64_t rule)
{
	return (rule >> HT_RULE_FP_SHIFT & ((1u << HT_RULE_FP_BITS) - 1)) * 8;
}

struct ht_rule_slot {
	_Atomic uint64_t pc; /* 0: free; else never changes; HT_NODE_EXACT is part of it */
	_Atomic uint64_t rule;
};

#define HT_RULE_PROBES 8u

struct ht_rule_table {
	uint32_t n_slots_mask;
	uint32_t hash_shift;
	_Atomic uint32_t n_used;
	struct ht_rule_slot slots[];
};

extern _Atomic(struct ht_rule_table *) ht_rule_table;

/* [any thread] [no alloc] Compute the rule of pc, and cache it if that is possible. */
uint64_t ht_unwind_rules_compute(uint64_t pc, uint32_t epoch, const struct ht_walk_sink *sink);

/*
 * [any thread] [no alloc] The rule of a frame at pc: a return address, or with HT_NODE_EXACT a place
 * that a signal interrupted. epoch is ht_module_table_epoch() of the walk. The sink hears of modules
 * seen for the first time.
 */
static inline uint64_t ht_unwind_rules_get(uint64_t pc, uint32_t epoch,
                                           const struct ht_walk_sink *sink)
{
	struct ht_rule_table *table = atomic_load_explicit(&ht_rule_table, memory_order_acquire);

	if (__builtin_expect(table != NULL, 1)) {
		uint32_t at = (uint32_t)(pc * 0x9e3779b97f4a7c15ull >> table->hash_shift);

		for (uint32_t i = 0; i < HT_RULE_PROBES; i++) {
			struct ht_rule_slot *slot = &table->slots[(at + i) & table->n_slots_mask];
			uint64_t key = atomic_load_explicit(&slot->pc, memory_order_relaxed);

			if (key == pc) {
				uint64_t rule =
				        atomic_load_explicit(&slot->rule, memory_order_relaxed);

				if (rule >> HT_RULE_EPOCH_SHIFT == epoch && rule != 0)
					return rule;
				break;
			}
			if (key == 0)
				break;
		}
	}
	return ht_unwind_rules_compute(pc, epoch, sink);
}

#if HT_ARCH_HAS_UNWIND_RULES
struct ht_cfi_row;

/* [any thread] [no alloc] The whole row for pc. HT_RULE_SLOW when there is one, else why not. */
enum ht_rule_kind ht_unwind_rules_row(uint64_t pc, struct ht_cfi_row *ret_row);
#endif

/* [fork child] Another thread of the parent may have been growing the table. */
void ht_unwind_rules_fork_child(void);

#endif
