/* SPDX-License-Identifier: MIT */
/*
 * operator new and delete of allocators that have their own: awake only then, so the real functions are known. What
 * holds for the hooks of hook.c holds here. Target.
 */
#include "arch/call_site.h"
#include "capture.h"
#include "hook_entry.h"

HT_HOOKS_OPERATORS(HT_NAME_SLEEPING)

/* "_Zna" and "_Zda" are those of arrays. */
#define IS_ARRAY(name) (#name[3] == 'a')

/*
 * The real one may call the program's new_handler, which may do anything, and may throw, also through here: so this is
 * no hook yet while it runs. One that calls malloc after all has been recorded there.
 */
#define HT_DEFINE_NEW(name, type, params, args)                                                \
	void *ht_sleeping_##name params                                                        \
	{                                                                                      \
		struct ht_capture_ids before = ht_capture_ids_now();                           \
		void *block = ht_real.name args;                                               \
		if (HT_LIKELY(block != NULL) && ht_hook_enter()) {                             \
			if (HT_LIKELY(!ht_capture_has_since(block, before)))                   \
				ht_capture_alloc(block, size, HT_ARCH_OWN_FRAME());            \
			ht_capture_set_form(block,                                             \
			                    IS_ARRAY(name) ? HT_FORM_NEW_ARRAY : HT_FORM_NEW); \
			ht_hook_leave();                                                       \
		}                                                                              \
		return block;                                                                  \
	}

HT_HOOKS_NEW(HT_DEFINE_NEW)

#define HT_DEFINE_DELETE(name, type, params, args)                                   \
	void ht_sleeping_##name params                                               \
	{                                                                            \
		if (HT_UNLIKELY(ht_boot_arena_owns(block)))                          \
			return;                                                      \
		bool is_recording = block != NULL && ht_hook_enter();                \
		if (HT_LIKELY(is_recording))                                         \
			ht_capture_delete(block,                                     \
			                  IS_ARRAY(name) ? HT_MISUSE_BY_DELETE_ARRAY \
			                                 : HT_MISUSE_BY_DELETE,      \
			                  HT_ARCH_OWN_FRAME());                      \
		ht_real.name args;                                                   \
		if (HT_LIKELY(is_recording))                                         \
			ht_hook_leave();                                             \
	}

HT_HOOKS_DELETE(HT_DEFINE_DELETE)
