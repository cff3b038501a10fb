/* SPDX-License-Identifier: MIT */
/*
 * operator new and delete. Awake only where allocators have their own, or where they are the C++ library's (then they
 * are "plain": what those do is done here, without a frame of theirs), so the real functions are known. What holds for
 * the hooks of hook.c holds here. Target.
 */
#include "arch/call_site.h"
#include "capture.h"
#include "hook_entry.h"

HT_HOOKS_OPERATORS(HT_NAME_SLEEPING)

/* "_Zna" and "_Zda" are those of arrays. */
#define IS_ARRAY(name) (#name[3] == 'a')

#define FORM_OF(name) (IS_ARRAY(name) ? HT_FORM_NEW_ARRAY : HT_FORM_NEW)

/*
 * As libstdc++ and libc++abi do: a byte at least, and with an alignment a multiple of it. NULL when that fails or is not
 * for us to do; then the real one tries, asks the new_handler, throws.
 */
static inline __attribute__((always_inline)) void *plain_new(size_t size, size_t alignment)
{
	size_t n_bytes = size ? size : 1;

	if (alignment == 1)
		return ht_real.malloc(n_bytes);
	if (alignment == 0 || alignment & (alignment - 1) || n_bytes > SIZE_MAX - alignment ||
	    !ht_real.aligned_alloc)
		return NULL;
	return ht_real.aligned_alloc(alignment, (n_bytes + alignment - 1) & -alignment);
}

/*
 * The real one may call the program's new_handler, which may do anything, and may throw, also through here: so this is
 * no hook yet while it runs. One that calls malloc after all has been recorded there.
 */
#define HT_DEFINE_NEW(name, type, params, args, alignment)                          \
	void *ht_sleeping_##name params                                             \
	{                                                                           \
		if (HT_LIKELY(ht_real_operators_are_plain)) {                       \
			if (HT_LIKELY(ht_hook_enter())) {                           \
				void *plain = plain_new(size, alignment);           \
				if (HT_LIKELY(plain != NULL))                       \
					ht_capture_new(plain, size, FORM_OF(name),  \
					               HT_ARCH_OWN_FRAME());        \
				ht_hook_leave();                                    \
				if (HT_LIKELY(plain != NULL))                       \
					return plain;                               \
			}                                                           \
			return ht_real.name args;                                   \
		}                                                                   \
		struct ht_capture_ids before = ht_capture_ids_now();                \
		void *block = ht_real.name args;                                    \
		if (HT_LIKELY(block != NULL) && ht_hook_enter()) {                  \
			if (HT_LIKELY(!ht_capture_has_since(block, before)))        \
				ht_capture_alloc(block, size, HT_ARCH_OWN_FRAME()); \
			ht_capture_set_form(block, FORM_OF(name));                  \
			ht_hook_leave();                                            \
		}                                                                   \
		return block;                                                       \
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
		if (HT_LIKELY(is_recording && ht_real_operators_are_plain))          \
			ht_real.free(block);                                         \
		else                                                                 \
			ht_real.name args;                                           \
		if (HT_LIKELY(is_recording))                                         \
			ht_hook_leave();                                             \
	}

HT_HOOKS_DELETE(HT_DEFINE_DELETE)
