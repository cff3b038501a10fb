/* SPDX-License-Identifier: MIT */
/* Computing and caching of unwind rules. Target, any thread, may not allocate. */
#include "preload/unwind_rules.h"

#include <stddef.h>

#include "preload/cfi_row.h"
#include "preload/cfi_table.h"
#include "preload/hot.h"
#include "preload/module_table.h"
#include "preload/sys_prim.h"

#define FIRST_LINE_BITS  10u /* 64 KiB */
#define GROWTH_LINE_BITS 1u
#define LAST_LINE_BITS   18u /* 16 MiB */

_Atomic uintptr_t ht_rule_cache HT_HOT_VARIABLE;

static _Atomic uint32_t growing; /* set while a thread makes a larger cache */
static _Atomic uint32_t last_epoch;

static struct ht_rule_cache *current_cache(void)
{
	return ht_rule_cache_of(atomic_load_explicit(&ht_rule_cache, memory_order_acquire));
}

static uint32_t n_lines(const struct ht_rule_cache *cache)
{
	return 1u << (64 - cache->line_shift);
}

static struct ht_rule_cache *new_cache(uint32_t line_bits)
{
	struct ht_rule_cache *cache = ht_sys_alloc_pages(
	        sizeof(*cache) + ((size_t)1 << line_bits) * sizeof(cache->lines[0]));

	if (cache)
		cache->line_shift = 64 - line_bits;
	return cache;
}

/* Put the entry into a free place of the line, or one that has its tag already. */
static bool insert_into(struct ht_rule_cache *cache, _Atomic uint64_t *line, uint64_t pc,
                        uint64_t entry)
{
	uint64_t bits = (1u << HT_RULE_BITS) - 1 - HT_RULE_MOVED_BIT;

	for (uint32_t i = 0; i < HT_RULE_WAYS; i++) {
		_Atomic uint64_t *place = &line[ht_rule_first_way(pc) ^ i];
		uint64_t there = atomic_load_explicit(place, memory_order_relaxed);

		if (there && (there ^ entry) & ~bits)
			continue;
		if (!there)
			atomic_fetch_add_explicit(&cache->n_used, 1, memory_order_relaxed);
		atomic_store_explicit(place, entry, memory_order_relaxed);
		return true;
	}
	return false;
}

static void insert(struct ht_rule_cache *cache, uint64_t pc, uint32_t rule)
{
	uint64_t hash = ht_rule_hash(pc);
	uint64_t entry = ht_rule_tag(pc, hash) | rule;
	uint64_t line = hash >> cache->line_shift;

	if (!insert_into(cache, cache->lines[line], pc, entry) &&
	    !insert_into(cache, cache->lines[line ^ 1], pc, entry | HT_RULE_MOVED_BIT))
		atomic_store_explicit(&cache->lines[line][ht_rule_first_way(pc)], entry,
		                      memory_order_relaxed);
}

/* The rule of pc in the neighbour of its line, or 0. */
static uint32_t find_moved(struct ht_rule_cache *cache, uint64_t pc)
{
	uint64_t hash = ht_rule_hash(pc);
	_Atomic uint64_t *line = cache->lines[hash >> cache->line_shift ^ 1];
	uint64_t tag = ht_rule_tag(pc, hash);

	for (uint32_t i = 0; i < HT_RULE_WAYS; i++) {
		uint64_t rule = atomic_load_explicit(&line[i], memory_order_relaxed) ^ tag;

		if (rule < 1u << HT_RULE_BITS && rule & HT_RULE_MOVED_BIT)
			return (uint32_t)rule & ~HT_RULE_MOVED_BIT;
	}
	return 0;
}

/*
 * Publish a larger cache. It starts empty: rules that are still in use are soon there again. The old one
 * stays mapped: a thread may be reading it at any later time.
 */
static void grow(struct ht_rule_cache *old)
{
	uint32_t line_bits = old ? 64 - old->line_shift + GROWTH_LINE_BITS : FIRST_LINE_BITS;

	if (line_bits > LAST_LINE_BITS || atomic_exchange(&growing, 1) != 0)
		return;
	if (current_cache() == old) {
		struct ht_rule_cache *bigger = new_cache(line_bits);

		if (bigger)
			atomic_store_explicit(&ht_rule_cache,
			                      (uintptr_t)bigger | bigger->line_shift,
			                      memory_order_release);
	}
	atomic_store(&growing, 0);
}

static void remember(uint64_t pc, uint32_t rule)
{
	struct ht_rule_cache *cache = current_cache();

	if (pc >> HT_RULE_PC_BITS)
		return;
	if (!cache || atomic_load_explicit(&cache->n_used, memory_order_relaxed) >
	                      n_lines(cache) * (HT_RULE_WAYS / 2)) {
		grow(cache);
		cache = current_cache();
	}
	if (cache)
		insert(cache, pc, rule);
}

/*
 * Threads may do this at once, and each has forgotten all before it goes on. One that still walks in
 * the earlier epoch may add a rule of it afterwards: of a module that is still there, where it holds,
 * since no thread can be inside one that is gone.
 */
void ht_unwind_rules_enter_epoch(uint32_t epoch)
{
	struct ht_rule_cache *cache = current_cache();

	if (atomic_load(&last_epoch) == epoch)
		return;
	for (uint32_t i = 0; cache && i < n_lines(cache); i++) {
		for (uint32_t way = 0; way < HT_RULE_WAYS; way++) {
			if (atomic_load_explicit(&cache->lines[i][way], memory_order_relaxed))
				atomic_store_explicit(&cache->lines[i][way], 0,
				                      memory_order_relaxed);
		}
	}
	if (cache)
		atomic_store(&cache->n_used, 0);
	atomic_store(&last_epoch, epoch);
}

static uint64_t lookup_addr(uint64_t pc)
{
	/* A call may be the last instruction of a function: its own row is that before its return. */
	return pc & HT_NODE_EXACT ? pc & ~HT_NODE_EXACT : pc - 1;
}

#if HT_ARCH_HAS_UNWIND_RULES

/*
 * Whether a return address that no call can have left was put at the bottom of a stack by hand: it
 * is the very first of its function, and nothing is before it. glibc's __start_context is one, below
 * makecontext() fibers. There is no caller, whatever the row says, unless it is a signal trampoline.
 */
static bool is_planted(const struct ht_module_location *location, uint64_t addr,
                       struct ht_cfi_entry *ret_entry)
{
	return ht_cfi_table_find(location, addr + 1, ret_entry) == HT_CFI_FOUND &&
	       ret_entry->pc_start_addr == addr + 1;
}

/* HT_RULE_SLOW when there is a row, else why not. */
static enum ht_rule_kind row_at(const struct ht_module_location *location, uint64_t pc,
                                struct ht_cfi_row *ret_row)
{
	struct ht_cfi_entry entry;
	uint64_t addr = lookup_addr(pc);

	switch (ht_cfi_table_find(location, addr, &entry)) {
	case HT_CFI_FOUND: break;
	case HT_CFI_NOT_FOUND:
		if (pc & HT_NODE_EXACT || !is_planted(location, addr, &entry))
			return HT_RULE_NO_CFI;
		if (!entry.is_signal_frame)
			return HT_RULE_OUTERMOST;
		addr++;
		break;
	default: return HT_RULE_BAD_CFI;
	}
	return ht_cfi_row_compute(&entry, addr, ret_row) ? HT_RULE_SLOW : HT_RULE_BAD_CFI;
}

static uint32_t other_rule(enum ht_rule_kind kind)
{
	return 3 | (uint32_t)kind << HT_RULE_CFA_SHIFT;
}

/* The rule that says all the row says about pc, sp and fp, or HT_RULE_SLOW. */
static uint32_t compress(const struct ht_cfi_row *row)
{
	const struct ht_cfi_rule *fp = &row->regs[HT_ARCH_REG_FP];
	const struct ht_cfi_rule *ra = &row->regs[HT_ARCH_REG_PC];
	uint64_t cfa_off = (uint64_t)(int64_t)row->cfa.value;
	uint64_t fp_below = 0;

	if (ra->how == HT_CFI_UNDEFINED)
		return other_rule(HT_RULE_OUTERMOST);
	if (row->is_signal_frame || row->cfa.how != HT_CFI_IN_REGISTER ||
	    (row->cfa.reg != HT_ARCH_REG_SP && row->cfa.reg != HT_ARCH_REG_FP) ||
	    ra->how != HT_CFI_AT_OFFSET || ra->value != HT_ARCH_RA_OFF_BYTES ||
	    row->regs[HT_ARCH_REG_SP].how != HT_CFI_SAME)
		return other_rule(HT_RULE_SLOW);
	if (cfa_off % 8 != 0 || cfa_off / 8 >= 1u << HT_RULE_CFA_BITS)
		return other_rule(HT_RULE_SLOW);
	if (fp->how == HT_CFI_AT_OFFSET) {
		fp_below = 0 - (uint64_t)(int64_t)fp->value;
		if (fp_below % 8 != 0 || fp_below == 0 || fp_below / 8 >= 1u << HT_RULE_FP_BITS)
			return other_rule(HT_RULE_SLOW);
	} else if (fp->how != HT_CFI_SAME && fp->how != HT_CFI_UNDEFINED) {
		return other_rule(HT_RULE_SLOW);
	}
	return (row->cfa.reg == HT_ARCH_REG_SP ? HT_RULE_SP : HT_RULE_FP) |
	       (uint32_t)(cfa_off / 8) << HT_RULE_CFA_SHIFT |
	       (uint32_t)(fp_below / 8) << HT_RULE_FP_SHIFT;
}

enum ht_rule_kind ht_unwind_rules_row(uint64_t pc, struct ht_cfi_row *ret_row)
{
	struct ht_module_location location;

	if (!ht_module_table_locate(lookup_addr(pc), &location))
		return HT_RULE_NO_CFI;
	return row_at(&location, pc, ret_row);
}

static uint32_t rule_at(const struct ht_module_location *location, uint64_t pc)
{
	struct ht_cfi_row row;
	enum ht_rule_kind kind = row_at(location, pc, &row);

	return kind == HT_RULE_SLOW ? compress(&row) : other_rule(kind);
}

#else

static uint32_t rule_at(const struct ht_module_location *location, uint64_t pc)
{
	(void)location;
	(void)pc;
	return 3 | HT_RULE_NO_CFI << HT_RULE_CFA_SHIFT; /* cached all the same: the module is known then */
}

#endif

static uint32_t compute(uint64_t pc, const struct ht_walk_sink *sink)
{
	struct ht_module_location location;

	/*
	 * Generated code: not cached, because a library may take its place without anything here
	 * hearing of it.
	 */
	if (!ht_module_table_locate(lookup_addr(pc), &location))
		return 3 | HT_RULE_NO_CFI << HT_RULE_CFA_SHIFT;

	uint32_t rule = rule_at(&location, pc);

	if (ht_module_table_see(&location, sink) != 0)
		rule |= HT_RULE_GENERATION_BIT;
	remember(pc, rule);
	return rule;
}

uint32_t ht_unwind_rules_get_slow(uint64_t pc, const struct ht_walk_sink *sink)
{
	struct ht_rule_cache *cache = current_cache();
	uint32_t rule = cache && pc >> HT_RULE_PC_BITS == 0 ? find_moved(cache, pc) : 0;

	return rule ? rule : compute(pc, sink);
}

void ht_unwind_rules_fork_child(void)
{
	atomic_store(&growing, 0);
}
