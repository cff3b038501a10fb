/* SPDX-License-Identifier: MIT */
/* Tells a hook inside a hook from one after a hook that a jump has left. Target, may not allocate. */
#ifndef HT_HOOK_AGAIN_H
#define HT_HOOK_AGAIN_H

#include <stdbool.h>
#include <stdint.h>

/* What a hook puts down of itself, in one store: where its frame is, and the low bits of its return address. */
#define HT_HOOK_FRAME_BITS 48
static inline uint64_t ht_hook_mark(const uint64_t *frame)
{
	return (uint64_t)(uintptr_t)frame ^ frame[1] << HT_HOOK_FRAME_BITS;
}

/*
 * Whether the hook whose frame is at `now` runs although the one that left `mark`, and did not take it
 * away, is not on the stack any more. False when in doubt. [target] [any thread, in a hook]
 */
bool ht_hook_again_is_alone(uint64_t mark, uintptr_t now);

/* Whether pc is in the shim. */
bool ht_hook_again_is_our_code(uint64_t pc);

#endif
