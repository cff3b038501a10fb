/* SPDX-License-Identifier: MIT */
/* How a hook begins and ends; what is inline here must be so, as it is about the frame of the hook. Target, any thread. */
#ifndef HT_HOOK_ENTRY_H
#define HT_HOOK_ENTRY_H

#include "arch/call_site.h"
#include "hook_again.h"
#include "hot.h"
#include "lifecycle.h"
#include "real_calls.h"
#include "thread.h"

#include <stdatomic.h>
#include <stdbool.h>

/* In one store: between two, a signal handler's hooks would leave their own of the first. */
static inline void ht_hook_put_down(const uint64_t *frame)
{
	ht_tls.in_hook = ht_hook_mark(frame);
}

/*
 * A hook inside a hook is a signal handler's, or the allocator's own use of itself. If the outer one was
 * left by a jump out of a signal handler, this one takes its place.
 */
bool ht_hook_enter_again(const uint64_t *frame) __attribute__((cold));

/*
 * Entered by every hook. False: pass through, record nothing; then ht_tls.in_hook is as it was. True: the
 * hook must call ht_hook_leave().
 */
static inline __attribute__((always_inline)) bool ht_hook_enter(void)
{
	const uint64_t *frame = HT_ARCH_OWN_FRAME();

	if (HT_UNLIKELY(ht_tls.in_hook))
		return ht_hook_enter_again(frame);
	ht_hook_put_down(frame);
	if (HT_LIKELY(ht_lifecycle_is_active()) || ht_lifecycle_check())
		return true;
	ht_tls.in_hook = 0;
	return false;
}

static inline void ht_hook_leave(void)
{
	ht_tls.in_hook = 0;
}

/*
 * The quick way in, for what programs call millions of times. Nothing is ACTIVE before the real
 * functions are known, so it needs no question of its own.
 */
static inline __attribute__((always_inline)) bool ht_hook_enter_active(void)
{
	if (HT_UNLIKELY(ht_tls.in_hook != 0 || !ht_lifecycle_is_active()))
		return false;
	ht_hook_put_down(HT_ARCH_OWN_FRAME());
	return true;
}

/* Whether the real functions are known. */
static inline bool ht_hook_is_resolved(void)
{
	return HT_LIKELY(atomic_load_explicit(&ht_real_calls_are_resolved, memory_order_acquire)) ||
	       ht_real_calls_resolve();
}

#endif
