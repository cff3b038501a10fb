/* SPDX-License-Identifier: MIT */
/* How a hook learns its caller's registers, per architecture. Target. */
#ifndef HT_CALL_SITE_H
#define HT_CALL_SITE_H

#include <stdint.h>

/*
 * Fill *site (pc, sp, fp) with the registers of the caller of the function this is expanded in. Uses
 * that function's own frame pointer chain entry, which __builtin_frame_address makes the compiler keep.
 */
#if defined(__x86_64__)
#define HT_ARCH_CALL_SITE(site)                                     \
	do {                                                        \
		const uint64_t *frame = __builtin_frame_address(0); \
		(site)->fp = frame[0];                              \
		(site)->pc = frame[1];                              \
		(site)->sp = (uint64_t)(frame + 2);                 \
	} while (0)
#elif defined(__aarch64__)
/* The frame record may lie anywhere in the frame, so sp is only a lower bound of the CFA. */
#define HT_ARCH_CALL_SITE(site)                                     \
	do {                                                        \
		const uint64_t *frame = __builtin_frame_address(0); \
		(site)->fp = frame[0];                              \
		(site)->pc = (uint64_t)__builtin_return_address(0); \
		(site)->sp = (uint64_t)(frame + 2);                 \
	} while (0)
#else
#error "arch/call_site.h: add this architecture"
#endif

#endif
