/* SPDX-License-Identifier: MIT */
/* How a hook learns its caller's registers, per architecture. Target. */
#ifndef HT_CALL_SITE_H
#define HT_CALL_SITE_H

#include <stdint.h>

/* The registers of a hook's caller, as they are once the hook has returned. */
struct ht_call_site {
	uint64_t pc; /* return address */
	uint64_t sp;
	uint64_t fp;
};

/*
 * The entry of the frame pointer chain that the function has in which this is expanded: which
 * __builtin_frame_address makes the compiler keep.
 */
#define HT_ARCH_OWN_FRAME() ((const uint64_t *)__builtin_frame_address(0))

static inline struct ht_call_site ht_arch_call_site(const uint64_t *own_frame)
{
#if defined(__x86_64__)
	return (struct ht_call_site){ own_frame[1], (uint64_t)(own_frame + 2), own_frame[0] };
#elif defined(__aarch64__)
	/* The frame record may lie anywhere in the frame, so sp is only a lower bound of the CFA. */
	return (struct ht_call_site){ own_frame[1], (uint64_t)(own_frame + 2), own_frame[0] };
#else
#error "arch/call_site.h: add this architecture"
#endif
}

#endif
