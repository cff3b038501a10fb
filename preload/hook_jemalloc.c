/* SPDX-License-Identifier: MIT */
/*
 * jemalloc's extended API, for programs that have it: awake only then, so the real functions are known. What
 * holds for the hooks of hook.c holds here. Target.
 */
#include "arch/call_site.h"
#include "capture.h"
#include "hook_entry.h"

HT_HOOKS_JEMALLOC(HT_NAME_SLEEPING)

void *ht_sleeping_mallocx(size_t size, int flags)
{
	bool is_recording = ht_hook_enter();
	void *block = ht_real.mallocx(size, flags);

	if (HT_LIKELY(is_recording)) {
		if (HT_LIKELY(block != NULL))
			ht_capture_alloc(block, size, HT_ARCH_OWN_FRAME());
		ht_hook_leave();
	}
	return block;
}

void *ht_sleeping_rallocx(void *block, size_t size, int flags)
{
	if (HT_UNLIKELY(ht_boot_arena_owns(block)))
		return ht_boot_arena_leave(block, ht_sleeping_mallocx(size, flags), size);
	if (HT_UNLIKELY(!ht_hook_enter()))
		return ht_real.rallocx(block, size, flags);

	uint64_t identity = ht_capture_realloc_begin(block, HT_ARCH_OWN_FRAME());
	void *after = ht_real.rallocx(block, size, flags);

	if (HT_LIKELY(after != NULL))
		ht_capture_realloc_done(block, identity, after, size, HT_ARCH_OWN_FRAME());
	else
		ht_capture_realloc_failed(block, identity);
	ht_hook_leave();
	return after;
}

/*
 * It returns what the block has room for afterwards. Less than size: nothing changed. Else the block stayed, and
 * of size + extra bytes that were asked for it got as many as there is room for.
 */
size_t ht_sleeping_xallocx(void *block, size_t size, size_t extra, int flags)
{
	if (HT_UNLIKELY(ht_boot_arena_owns(block)))
		return ht_boot_arena_size(block);
	if (HT_UNLIKELY(!ht_hook_enter()))
		return ht_real.xallocx(block, size, extra, flags);

	uint64_t identity = ht_capture_realloc_begin(block, HT_ARCH_OWN_FRAME());
	size_t room = ht_real.xallocx(block, size, extra, flags);

	if (room >= size)
		ht_capture_realloc_done(block, identity, block,
		                        room - size < extra ? room : size + extra,
		                        HT_ARCH_OWN_FRAME());
	else
		ht_capture_realloc_failed(block, identity);
	ht_hook_leave();
	return room;
}

/* Before a block is given back. True: the hook must leave. */
static inline __attribute__((always_inline)) bool record_free(void *block,
                                                              const uint64_t *hook_frame)
{
	if (!ht_hook_enter())
		return false;
	ht_capture_free(block, hook_frame);
	return true;
}

void ht_sleeping_dallocx(void *block, int flags)
{
	if (HT_UNLIKELY(ht_boot_arena_owns(block)))
		return;

	bool is_recording = record_free(block, HT_ARCH_OWN_FRAME());

	ht_real.dallocx(block, flags);
	if (HT_LIKELY(is_recording))
		ht_hook_leave();
}

void ht_sleeping_sdallocx(void *block, size_t size, int flags)
{
	if (HT_UNLIKELY(ht_boot_arena_owns(block)))
		return;

	bool is_recording = record_free(block, HT_ARCH_OWN_FRAME());

	ht_real.sdallocx(block, size, flags);
	if (HT_LIKELY(is_recording))
		ht_hook_leave();
}
