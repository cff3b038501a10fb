/* SPDX-License-Identifier: MIT */
/*
 * libunwind as a stack unwinder: a module of its own, loaded only where it is asked for, because the
 * library may lock and be slow. Target, any thread, inside a hook.
 */
#define UNW_LOCAL_ONLY
#include <libunwind.h>
#include <stddef.h>

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include "preload/unwind_backend.h"

/* Frames of the shim between a hook and here, with room to spare. */
#define MAX_OWN_FRAMES 64u

/* Bring the cursor to the hook's caller. False when the stack ends before. */
static int skip_own_frames(unw_cursor_t *cursor, uint64_t hook_sp)
{
	for (uint32_t n = 0; n < MAX_OWN_FRAMES; n++) {
		unw_word_t sp;

		if (unw_get_reg(cursor, UNW_REG_SP, &sp) < 0 || sp > hook_sp)
			return 0;
		if (sp == hook_sp)
			return 1;
		if (unw_step(cursor) <= 0)
			return 0;
	}
	return 0;
}

static uint32_t capture(uint64_t *pcs, uint32_t max, uint64_t hook_sp, uint32_t *ret_truncation)
{
	unw_context_t context;
	unw_cursor_t cursor;
	uint64_t exact = 0;
	uint32_t n = 0;

	*ret_truncation = HT_TRUNC_BAD_CFI;
	if (unw_getcontext(&context) < 0 || unw_init_local(&cursor, &context) < 0 ||
	    !skip_own_frames(&cursor, hook_sp))
		return 0;
	for (;;) {
		unw_word_t pc;

		if (unw_get_reg(&cursor, UNW_REG_IP, &pc) < 0)
			return n;
		if (pc == 0)
			break;
		if (n == max) {
			*ret_truncation = HT_TRUNC_DEPTH;
			return n;
		}
		pcs[n++] = pc | exact;

		int step = unw_step(&cursor);

		/* In fact true of the frame that was interrupted, not of the trampoline. */
		exact = unw_is_signal_frame(&cursor) > 0 ? HT_NODE_EXACT : 0;

		if (step < 0) {
			*ret_truncation = HT_TRUNC_NO_CFI;
			return n;
		}
		if (step == 0)
			break;
	}
	*ret_truncation = HT_TRUNC_NONE;
	return n;
}

__attribute__((visibility("default")))
const struct ht_unwind_backend_api heaptide_unwind_backend = {
	.version = HT_UNWIND_BACKEND_VERSION,
	.capture = capture,
};
