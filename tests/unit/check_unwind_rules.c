/* SPDX-License-Identifier: MIT */
/*
 * Checks of compact unwind rules: all over the code of this process they say what the whole row says,
 * and the cache gives back what was put in.
 */
#include <check.h>
#include <link.h>
#include <stdlib.h>
#include <string.h>

#include <heaptide/trace_format.h>

#include "preload/cfi_row.h"
#include "preload/cfi_step.h"
#include "preload/module_table.h"
#include "preload/stack_memory.h"
#include "preload/stack_walk.h"
#include "preload/unwind_rules.h"
#include "run_suite.h"

#define STACK_WORDS 65536u

static uint32_t n_modules_seen;

static bool count_module(void *ctx, const struct ht_module_record *record, const char *path)
{
	(void)ctx;
	(void)record;
	(void)path;
	n_modules_seen++;
	return true;
}

static void ignore_block(void *ctx, uint64_t addr)
{
	(void)ctx;
	(void)addr;
}

static const struct ht_walk_sink sink = { .module = count_module, .watch = ignore_block };

struct counts {
	uint64_t stack[STACK_WORDS];
	uint32_t n_compact;
	uint32_t n_slow;
	uint32_t n_outermost;
	uint32_t n_without;
	uint32_t n_bad;
};

/* One step by the rule against one by the row, on a stack full of distinct words. */
static void compare_at(struct counts *counts, uint64_t pc)
{
	uint32_t rule = ht_unwind_rules_get(pc, &sink);
	struct ht_cfi_row row;
	enum ht_rule_kind row_kind = ht_unwind_rules_row(pc, &row);

	ck_assert_uint_eq(rule, ht_unwind_rules_get(pc, &sink));
	switch (ht_rule_kind(rule)) {
	case HT_RULE_SP:
	case HT_RULE_FP: break;
	case HT_RULE_SLOW:
		counts->n_slow++;
		ck_assert_uint_eq(row_kind, HT_RULE_SLOW);
		return;
	case HT_RULE_OUTERMOST: counts->n_outermost++; return;
	case HT_RULE_NO_CFI:
		counts->n_without++;
		ck_assert_uint_eq(row_kind, HT_RULE_NO_CFI);
		return;
	default: counts->n_bad++; return;
	}
	counts->n_compact++;
	ck_assert_uint_eq(row_kind, HT_RULE_SLOW);

	uint64_t sp = (uint64_t)&counts->stack[100];
	uint64_t fp = (uint64_t)&counts->stack[200];
	uint64_t cfa = (ht_rule_kind(rule) == HT_RULE_SP ? sp : fp) + ht_rule_cfa_off_bytes(rule);

	if (cfa > (uint64_t)&counts->stack[STACK_WORDS - 1])
		return;

	struct ht_stack_memory memory;
	struct ht_cfi_regs regs = { .known = 1u << HT_ARCH_REG_PC | 1u << HT_ARCH_REG_SP |
		                             1u << HT_ARCH_REG_FP };

	memset(&memory, 0, sizeof memory);
	memory.current.lo_addr = (uint64_t)counts->stack;
	memory.current.hi_addr = (uint64_t)(counts->stack + STACK_WORDS);
	regs.values[HT_ARCH_REG_PC] = pc;
	regs.values[HT_ARCH_REG_SP] = sp;
	regs.values[HT_ARCH_REG_FP] = fp;
	ck_assert_int_eq(ht_cfi_step(&row, regs.known, &memory, &regs, NULL), HT_CFI_STEPPED);
	ck_assert_uint_eq(regs.values[HT_ARCH_REG_SP], cfa);
	ck_assert_uint_eq(regs.values[HT_ARCH_REG_PC], *(uint64_t *)(cfa - 8));
	ck_assert_uint_eq(regs.values[HT_ARCH_REG_FP],
	                  ht_rule_fp_below_bytes(rule) == 0
	                          ? fp
	                          : *(uint64_t *)(cfa - ht_rule_fp_below_bytes(rule)));
}

static int compare_module(struct dl_phdr_info *info, size_t size, void *data)
{
	(void)size;
	for (int i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *phdr = &info->dlpi_phdr[i];
		uint64_t start = info->dlpi_addr + phdr->p_vaddr;

		if (phdr->p_type != PT_LOAD || !(phdr->p_flags & PF_X))
			continue;
		for (uint64_t pc = start + 1; pc < start + phdr->p_memsz; pc += 37) {
			compare_at(data, pc);
			if (pc % 5 == 0)
				compare_at(data, pc | HT_NODE_EXACT);
		}
	}
	return 0;
}

START_TEST(test_get_all_over_the_process_equals_row)
{
	static struct counts counts;

	for (uint32_t i = 0; i < STACK_WORDS; i++)
		counts.stack[i] = 0x1000 + i;
	n_modules_seen = 0;
	dl_iterate_phdr(compare_module, &counts);
	ck_assert_uint_gt(counts.n_compact, 20000); /* the cache has grown on the way */
	ck_assert_uint_gt(counts.n_outermost, 0);
	ck_assert_uint_gt(counts.n_slow, 0);
	ck_assert_uint_lt(counts.n_slow, counts.n_compact / 50);
	ck_assert_uint_eq(counts.n_bad, 0);
	ck_assert_uint_ge(n_modules_seen, 3);
	ck_assert_uint_ne(ht_rule_cache, 0);
	ck_assert_uint_lt(ht_rule_cache & HT_RULE_CACHE_SHIFT_MASK, 54);
}
END_TEST

/* More program counters than a line of the cache, and its neighbour, have places for. */
START_TEST(test_get_every_byte_of_code_equals_row)
{
	static struct counts counts;
	uint64_t start = (uint64_t)&compare_at & ~4095ull;

	for (uint32_t i = 0; i < STACK_WORDS; i++)
		counts.stack[i] = 0x1000 + i;
	for (int round = 0; round < 3; round++) {
		for (uint64_t pc = (uint64_t)&compare_at + 1; pc < start + 4096; pc++)
			compare_at(&counts, pc);
		for (uint64_t pc = start + 4095; pc > (uint64_t)&compare_at; pc -= 3)
			compare_at(&counts, pc);
	}
	ck_assert_uint_gt(counts.n_compact, 1000);
}
END_TEST

START_TEST(test_enter_epoch_forgets)
{
	uint64_t pc = (uint64_t)&compare_at + 16;
	uint32_t rule = ht_unwind_rules_get(pc, &sink);
	struct ht_rule_cache *cache = ht_rule_cache_of(ht_rule_cache);

	ck_assert_uint_gt(cache->n_used, 0);
	ht_unwind_rules_enter_epoch(ht_module_table_epoch() + 1);
	ck_assert_uint_eq(cache->n_used, 0);
	for (uint32_t line = 0; line < 1u << (64 - cache->line_shift); line++)
		for (uint32_t way = 0; way < HT_RULE_WAYS; way++)
			ck_assert_uint_eq(cache->lines[line][way], 0);
	ck_assert_uint_eq(ht_unwind_rules_get(pc, &sink), rule);
	ck_assert_uint_eq(cache->n_used, 1);
	/* The same epoch again: nothing to forget. */
	ht_unwind_rules_enter_epoch(ht_module_table_epoch() + 1);
	ck_assert_uint_eq(cache->n_used, 1);
}
END_TEST

START_TEST(test_get_generated_code_is_not_remembered)
{
	char no_code[64];
	uint64_t pc = (uint64_t)no_code + 8;

	ck_assert_int_eq(ht_rule_kind(ht_unwind_rules_get(pc, &sink)), HT_RULE_NO_CFI);
	ck_assert_int_eq(ht_rule_kind(ht_unwind_rules_get(1, &sink)), HT_RULE_NO_CFI);
	/* Not in the lower half, where only its low bits would be remembered. */
	pc = (uint64_t)&compare_at + 16;
	ht_unwind_rules_get(pc, &sink);
	ck_assert_int_eq(ht_rule_kind(ht_unwind_rules_get(pc | 1ull << 47, &sink)), HT_RULE_NO_CFI);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("unwind_rules");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 120);
	tcase_add_test(core, test_get_all_over_the_process_equals_row);
	tcase_add_test(core, test_get_every_byte_of_code_equals_row);
	tcase_add_test(core, test_enter_epoch_forgets);
	suite_add_tcase(suite, core);

	TCase *limits = tcase_create("limits");

	tcase_add_test(limits, test_get_generated_code_is_not_remembered);
	suite_add_tcase(suite, limits);
	return ht_run_suite(suite);
}
