/* SPDX-License-Identifier: MIT */
/*
 * Tells a hook inside a hook from one after a hook that a jump has left. Target, any thread, in a hook.
 *
 * On one stack an inner hook lies below the outer one, and between them lies an address in the shim's
 * code: where a function that the outer one calls returns to, or where a signal interrupted it. So a hook
 * that lies above, has no such address between, or whose outer one's frame has been overwritten, is alone.
 * Old contents of a stack may look otherwise; then a later hook will tell. A handler may run on another
 * stack, of which nothing can be said: the kernel knows whether it does.
 */
#include "hook_again.h"

#include "sys_prim.h"
#include "thread.h"

#include <signal.h>

#define PAGE_BYTES      4096u
#define MAX_SPAN_BYTES  (1u << 20) /* farther apart it is rather two stacks than one */

extern const char __ehdr_start[] __attribute__((visibility("hidden")));
extern const char etext[] __attribute__((visibility("hidden")));

bool ht_hook_again_is_our_code(uint64_t pc)
{
	return pc - (uintptr_t)__ehdr_start < (uintptr_t)etext - (uintptr_t)__ehdr_start;
}

/* Whether an address in the shim lies on the stack in [from, to). */
static bool has_our_address(uintptr_t from, uintptr_t to)
{
	const volatile uintptr_t *end = (const volatile uintptr_t *)to;

	for (const volatile uintptr_t *p = (const volatile uintptr_t *)from; p < end; p++) {
		if (ht_hook_again_is_our_code(*p))
			return true;
	}
	return false;
}

/* A handler's stack that is given up while it runs (SS_AUTODISARM) is told by what lies between. */
static bool is_on_signal_stack(void)
{
	stack_t stack = { .ss_flags = SS_ONSTACK };

	ht_sys6(SYS_sigaltstack, 0, (long)&stack, 0, 0, 0, 0);
	return stack.ss_flags & SS_ONSTACK;
}

/* Nobody but a later user of the stack changes the frame of a hook. */
static bool is_overwritten(uintptr_t frame, uint64_t mark)
{
	uint64_t return_addr = ((const volatile uint64_t *)frame)[1];

	return (return_addr ^ mark >> HT_HOOK_FRAME_BITS) << HT_HOOK_FRAME_BITS != 0;
}

static bool are_pages_readable(uintptr_t from, uintptr_t to)
{
	for (uintptr_t page = from & -(uintptr_t)PAGE_BYTES; page < to; page += PAGE_BYTES) {
		if (!ht_sys_is_readable(page))
			return false;
	}
	return true;
}

bool ht_hook_again_is_alone(uint64_t mark, uintptr_t now)
{
	uintptr_t before = mark & ((1ull << HT_HOOK_FRAME_BITS) - 1);
	uintptr_t low = now < before ? now : before;
	uintptr_t high = now < before ? before : now;
	/* Behind the saved frame pointer: an allocator may jump from one function of it to another, which
	 * then returns to the outer hook. */
	uintptr_t from = now + sizeof(uintptr_t);

	if (mark == HT_IN_SETUP || high - low > MAX_SPAN_BYTES)
		return false;
	/* An allocator that calls itself does so at every event, and close by: no system call for that. */
	if (now < before && now / PAGE_BYTES == (before + 8) / PAGE_BYTES &&
	    !is_overwritten(before, mark) && has_our_address(from, before))
		return false;
	if (is_on_signal_stack() || !are_pages_readable(low, high + 16))
		return false;
	return now >= before || is_overwritten(before, mark) || !has_our_address(from, before);
}
