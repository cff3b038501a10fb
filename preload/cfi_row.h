/* SPDX-License-Identifier: MIT */
/*
 * The row of the unwind table for one address: where the CFA is and where each register of the
 * caller is. Target, any thread, may not allocate.
 */
#ifndef HT_CFI_ROW_H
#define HT_CFI_ROW_H

#include <stdbool.h>
#include <stdint.h>

#include "preload/arch/arch.h"

#if HT_ARCH_HAS_UNWIND_RULES

struct ht_cfi_entry;

enum ht_cfi_how {
	HT_CFI_SAME = 0,      /* unchanged */
	HT_CFI_UNDEFINED,     /* lost; for the return address: there is no caller */
	HT_CFI_AT_OFFSET,     /* in memory at CFA + value */
	HT_CFI_IS_OFFSET,     /* CFA + value */
	HT_CFI_IN_REGISTER,   /* register reg + value */
	HT_CFI_AT_EXPRESSION, /* in memory where the expression says */
	HT_CFI_IS_EXPRESSION, /* what the expression says */
};

struct ht_cfi_rule {
	uint8_t how; /* enum ht_cfi_how */
	uint8_t reg;
	int32_t value; /* bytes; of an expression: where its length stands, from expression_base */
};

struct ht_cfi_row {
	struct ht_cfi_rule cfa; /* IN_REGISTER or IS_EXPRESSION */
	struct ht_cfi_rule regs[HT_ARCH_N_REGS];
	const uint8_t *expression_base;
	const uint8_t *expression_end; /* no expression reaches beyond */
	bool is_signal_frame;
};

/*
 * [any thread] [no alloc] Run the entry's instructions up to pc. False when they are malformed or
 * use what this does not know. Uses about 1 KiB of stack.
 */
bool ht_cfi_row_compute(const struct ht_cfi_entry *entry, uint64_t pc, struct ht_cfi_row *ret_row);

#endif
#endif
