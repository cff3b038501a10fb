/* SPDX-License-Identifier: MIT */
/* The pools of heaptide.h: what programs tell of allocators of their own. Target, any thread, may not allocate. */
#include "arch/call_site.h"
#include "capture.h"
#include "hook_entry.h"

#include <heaptide/heaptide.h>
#include <heaptide/trace_codec.h>

static_assert(HEAPTIDE_POOL_NAME_MAX_BYTES == HT_TOLD_NAME_MAX_BYTES, "a name fits its record");
/* The header must compile without our others. */
static_assert(HT_TOLD_POOL_ALLOC == 4 && HT_TOLD_POOL_RESIZE == 5 && HT_TOLD_POOL_FREE == 6 &&
                      HT_TOLD_POOL_CLEAR == 7 && HT_TOLD_POOL_DESTROY == 8,
              "heaptide.h has these numbers");

__attribute__((visibility("default"))) void heaptide_v1_pool(unsigned what, size_t pool,
                                                             size_t object, size_t n_bytes)
{
	struct ht_told_record record = {
		.kind = what,
		.pool = pool,
		.addr = object,
		.n_bytes = n_bytes,
	};

	if (what <= HT_TOLD_POOL_NAME ||
	    !ht_told_is_possible(what, record.pool, record.addr, record.n_bytes) ||
	    !ht_hook_is_resolved() || !ht_hook_enter())
		return;
	ht_capture_told(&record, NULL, what == HT_TOLD_POOL_ALLOC ? HT_ARCH_OWN_FRAME() : NULL);
	ht_hook_leave();
}

__attribute__((visibility("default"))) void heaptide_v1_pool_name(size_t pool, const char *name)
{
	struct ht_told_record record = { .kind = HT_TOLD_POOL_NAME, .pool = pool };
	struct ht_told_name copy = { 0 };

	if (!ht_hook_is_resolved() || !ht_hook_enter())
		return;
	while (name && copy.n_bytes < HT_TOLD_NAME_MAX_BYTES && name[copy.n_bytes]) {
		copy.name[copy.n_bytes] = name[copy.n_bytes];
		copy.n_bytes++;
	}
	ht_capture_told(&record, &copy, NULL);
	ht_hook_leave();
}
