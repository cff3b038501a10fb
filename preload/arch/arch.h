/* SPDX-License-Identifier: MIT */
/*
 * Chooses the architecture. Without unwind rules of its own one is served by the libunwind backend.
 * Target.
 */
#ifndef HT_ARCH_H
#define HT_ARCH_H

#if defined(__x86_64__) && defined(__LP64__)
#include "preload/arch/arch_x86_64.h"
#else
#define HT_ARCH_HAS_UNWIND_RULES 0
#endif

#endif
