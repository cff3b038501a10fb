/* SPDX-License-Identifier: MIT */
/* What stack walking needs to know about x86-64, register numbers as in its DWARF ABI. Target. */
#ifndef HT_ARCH_X86_64_H
#define HT_ARCH_X86_64_H

#include <stdint.h>

#define HT_ARCH_HAS_UNWIND_RULES 1

#define HT_ARCH_N_REGS 17u
#define HT_ARCH_REG_FP 6u  /* rbp */
#define HT_ARCH_REG_SP 7u  /* rsp */
#define HT_ARCH_REG_PC 16u /* the return address column */

/* Registers a function must leave as they were: rbx rbp rsp r12-r15. */
#define HT_ARCH_CALLEE_SAVED_MASK                                                                 \
	(1u << 3 | 1u << HT_ARCH_REG_FP | 1u << HT_ARCH_REG_SP | 1u << 12 | 1u << 13 | 1u << 14 | \
	 1u << 15)

/* Where a call puts its return address, from the CFA. */
#define HT_ARCH_RA_OFF_BYTES (-8)

/* Where a frame that was set up with a frame pointer keeps things, from the frame pointer. */
#define HT_ARCH_FP_CHAIN_FP_OFF_BYTES  0
#define HT_ARCH_FP_CHAIN_RA_OFF_BYTES  8
#define HT_ARCH_FP_CHAIN_CFA_OFF_BYTES 16

/*
 * The registers at this very place, as far as the mask above and the program counter go. Always
 * inlined: the frame described is the calling function's.
 */
static inline __attribute__((always_inline)) void ht_arch_capture(uint64_t regs[HT_ARCH_N_REGS])
{
	__asm__ volatile("movq %%rbx, 24(%0)\n\t"
	                 "movq %%rbp, 48(%0)\n\t"
	                 "movq %%rsp, 56(%0)\n\t"
	                 "movq %%r12, 96(%0)\n\t"
	                 "movq %%r13, 104(%0)\n\t"
	                 "movq %%r14, 112(%0)\n\t"
	                 "movq %%r15, 120(%0)\n\t"
	                 "leaq 1f(%%rip), %%rax\n"
	                 "1:\n\t"
	                 "movq %%rax, 128(%0)"
	                 :
	                 : "r"(regs)
	                 : "rax", "memory");
}

#endif
