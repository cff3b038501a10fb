/* SPDX-License-Identifier: MIT */
/* Computing and caching of unwind rules. Target, any thread, may not allocate. */
#include "preload/unwind_rules.h"

#include <stddef.h>

#include "preload/cfi_row.h"
#include "preload/cfi_table.h"
#include "preload/module_table.h"
#include "preload/sys_prim.h"

#define FIRST_TABLE_BITS  13u
#define TABLE_GROWTH_BITS 2u
#define LAST_TABLE_BITS   21u

_Atomic(struct ht_rule_table *) ht_rule_table;

/* Set while a thread makes a larger table; the others compute what they can not insert. */
static _Atomic uint32_t growing;

static struct ht_rule_table *table_new(uint32_t n_bits, size_t *ret_bytes)
{
	size_t n_bytes =
	        sizeof(struct ht_rule_table) + ((size_t)1 << n_bits) * sizeof(struct ht_rule_slot);
	struct ht_rule_table *table = ht_sys_alloc_pages(n_bytes);

	if (table == NULL)
		return NULL;
	table->n_slots_mask = (1u << n_bits) - 1;
	table->hash_shift = 64 - n_bits;
	*ret_bytes = n_bytes;
	return table;
}

/* False when the table has no room near the hash. */
static bool table_insert(struct ht_rule_table *table, uint64_t pc, uint64_t rule)
{
	uint32_t at = (uint32_t)(pc * 0x9e3779b97f4a7c15ull >> table->hash_shift);

	for (uint32_t i = 0; i < HT_RULE_PROBES; i++) {
		struct ht_rule_slot *slot = &table->slots[(at + i) & table->n_slots_mask];
		uint64_t key = atomic_load_explicit(&slot->pc, memory_order_relaxed);

		if (key == 0) {
			if (atomic_compare_exchange_strong(&slot->pc, &key, pc)) {
				atomic_fetch_add_explicit(&table->n_used, 1, memory_order_relaxed);
				key = pc;
			}
		}
		if (key == pc) {
			atomic_store_explicit(&slot->rule, rule, memory_order_relaxed);
			return true;
		}
	}
	return false;
}

/*
 * Publish a larger table with the current rules of the old one. The old one stays mapped: a thread
 * may be reading it at any later time.
 */
static void table_grow(struct ht_rule_table *old, uint32_t epoch)
{
	uint32_t n_bits = old == NULL ? FIRST_TABLE_BITS : 64 - old->hash_shift + TABLE_GROWTH_BITS;
	size_t n_bytes;

	if (n_bits > LAST_TABLE_BITS || atomic_exchange(&growing, 1) != 0)
		return;
	if (atomic_load(&ht_rule_table) == old) {
		struct ht_rule_table *table = table_new(n_bits, &n_bytes);

		if (table != NULL) {
			for (uint32_t i = 0; old != NULL && i <= old->n_slots_mask; i++) {
				uint64_t pc = atomic_load(&old->slots[i].pc);
				uint64_t rule = atomic_load(&old->slots[i].rule);

				if (pc != 0 && rule >> HT_RULE_EPOCH_SHIFT == epoch)
					table_insert(table, pc, rule);
			}
			atomic_store_explicit(&ht_rule_table, table, memory_order_release);
		}
	}
	atomic_store(&growing, 0);
}

static void remember(uint64_t pc, uint64_t rule, uint32_t epoch)
{
	struct ht_rule_table *table = atomic_load_explicit(&ht_rule_table, memory_order_acquire);

	if (table == NULL ||
	    atomic_load_explicit(&table->n_used, memory_order_relaxed) > table->n_slots_mask / 2 ||
	    !table_insert(table, pc, rule)) {
		table_grow(table, epoch);
		table = atomic_load_explicit(&ht_rule_table, memory_order_acquire);
		if (table != NULL)
			table_insert(table, pc, rule);
	}
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

/* The rule that says all the row says about pc, sp and fp, or HT_RULE_SLOW. */
static uint64_t compress(const struct ht_cfi_row *row)
{
	const struct ht_cfi_rule *fp = &row->regs[HT_ARCH_REG_FP];
	const struct ht_cfi_rule *ra = &row->regs[HT_ARCH_REG_PC];
	uint64_t cfa_off = (uint64_t)(int64_t)row->cfa.value;
	uint64_t fp_below = 0;

	if (ra->how == HT_CFI_UNDEFINED)
		return HT_RULE_OUTERMOST;
	if (row->is_signal_frame || row->cfa.how != HT_CFI_IN_REGISTER ||
	    (row->cfa.reg != HT_ARCH_REG_SP && row->cfa.reg != HT_ARCH_REG_FP) ||
	    ra->how != HT_CFI_AT_OFFSET || ra->value != HT_ARCH_RA_OFF_BYTES ||
	    row->regs[HT_ARCH_REG_SP].how != HT_CFI_SAME)
		return HT_RULE_SLOW;
	if (cfa_off % 8 != 0 || cfa_off / 8 >= 1u << HT_RULE_CFA_BITS)
		return HT_RULE_SLOW;
	if (fp->how == HT_CFI_AT_OFFSET) {
		fp_below = 0 - (uint64_t)(int64_t)fp->value;
		if (fp_below % 8 != 0 || fp_below == 0 || fp_below / 8 >= 1u << HT_RULE_FP_BITS)
			return HT_RULE_SLOW;
	} else if (fp->how != HT_CFI_SAME && fp->how != HT_CFI_UNDEFINED) {
		return HT_RULE_SLOW;
	}
	return (row->cfa.reg == HT_ARCH_REG_SP ? HT_RULE_SP : HT_RULE_FP) |
	       cfa_off / 8 << HT_RULE_CFA_SHIFT | fp_below / 8 << HT_RULE_FP_SHIFT;
}

enum ht_rule_kind ht_unwind_rules_row(uint64_t pc, struct ht_cfi_row *ret_row)
{
	struct ht_module_location location;

	if (!ht_module_table_locate(lookup_addr(pc), &location))
		return HT_RULE_NO_CFI;
	return row_at(&location, pc, ret_row);
}

static uint64_t rule_at(const struct ht_module_location *location, uint64_t pc)
{
	struct ht_cfi_row row;
	enum ht_rule_kind kind = row_at(location, pc, &row);

	return kind == HT_RULE_SLOW ? compress(&row) : kind;
}

#else

static uint64_t rule_at(const struct ht_module_location *location, uint64_t pc)
{
	(void)location;
	(void)pc;
	return HT_RULE_NO_CFI; /* cached all the same: the module is known then */
}

#endif

uint64_t ht_unwind_rules_compute(uint64_t pc, uint32_t epoch, const struct ht_walk_sink *sink)
{
	struct ht_module_location location;

	/*
	 * Generated code: not cached, because a library may take its place without anything here
	 * hearing of it.
	 */
	if (!ht_module_table_locate(lookup_addr(pc), &location))
		return HT_RULE_NO_CFI;

	uint64_t rule = rule_at(&location, pc);

	if (ht_module_table_see(&location, sink) != 0)
		rule |= HT_RULE_GENERATION_BIT;
	if (epoch < HT_RULE_MAX_EPOCH) {
		rule |= (uint64_t)epoch << HT_RULE_EPOCH_SHIFT;
		remember(pc, rule, epoch);
	}
	return rule;
}

void ht_unwind_rules_fork_child(void)
{
	atomic_store(&growing, 0);
}
