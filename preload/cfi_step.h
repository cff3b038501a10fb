/* SPDX-License-Identifier: MIT */
/*
 * One step to the caller with everything that unwind data can say, for the frames that the compact
 * rules cannot express. Target, any thread, may not allocate.
 */
#ifndef HT_CFI_STEP_H
#define HT_CFI_STEP_H

#include <stdint.h>

#include "preload/arch/arch.h"

#if HT_ARCH_HAS_UNWIND_RULES

struct ht_cfi_row;
struct ht_stack_memory;

/* The registers of a frame, as far as known. */
struct ht_cfi_regs {
	uint64_t values[HT_ARCH_N_REGS];
	uint32_t known; /* bit per register */
};

enum ht_cfi_step {
	HT_CFI_STEPPED,
	HT_CFI_OUTERMOST,      /* the frame has no caller */
	HT_CFI_NEEDS_REGISTER, /* depends on a register that is not known */
	HT_CFI_BAD,            /* nonsense */
	HT_CFI_UNREADABLE,     /* memory that cannot be read */
};

/* The words a step read, in order. */
#define HT_CFI_MAX_READS 8u
struct ht_cfi_reads {
	uint32_t n;
	uint32_t n_missed; /* reads that found no room */
	struct {
		uint64_t addr;
		uint64_t value;
	} words[HT_CFI_MAX_READS];
};

/*
 * [any thread] [no alloc] Replace the registers of a frame by those of its caller. Only registers in
 * `wanted` are recovered, the others become unknown. reads may be NULL. regs is undefined after
 * anything but HT_CFI_STEPPED.
 */
enum ht_cfi_step ht_cfi_step(const struct ht_cfi_row *row, uint32_t wanted,
                             struct ht_stack_memory *memory, struct ht_cfi_regs *regs,
                             struct ht_cfi_reads *reads);

#endif
#endif
