/* SPDX-License-Identifier: MIT */
/*
 * The interposed functions. Target: any thread, any moment, with any lock held, before our
 * constructor and after every destructor. Each passes its call through exactly; what is ours happens
 * around it and never touches errno.
 */
#include "arch/call_site.h"
#include "capture.h"
#include "hook_entry.h"

bool ht_hook_enter_again(const uint64_t *frame)
{
	if (!ht_hook_again_is_alone(ht_tls.in_hook, (uintptr_t)frame)) {
		uint64_t pc = ht_arch_call_site(frame).pc;

		/* An allocator's use of itself is nothing that is not seen. */
		if (!ht_hook_again_is_our_code(pc) && !ht_real_calls_is_allocator_code(pc))
			HT_COUNT(n_nested_calls);
		return false;
	}
	ht_hook_put_down(frame);
	if (!ht_lifecycle_is_active() && !ht_lifecycle_check()) {
		ht_tls.in_hook = 0;
		return false;
	}
	ht_thread_recover();
	return true;
}

static __attribute__((noinline, cold)) void *malloc_otherwise(size_t size,
                                                              const uint64_t *hook_frame)
{
	if (!ht_hook_is_resolved())
		return ht_boot_arena_alloc(size, 16);

	bool is_recording = ht_hook_enter();
	void *block = ht_real.malloc(size);

	if (is_recording) {
		if (block != NULL)
			ht_capture_alloc(block, size, hook_frame);
		ht_hook_leave();
	}
	return block;
}

void *malloc(size_t size)
{
	if (HT_UNLIKELY(!ht_hook_enter_active()))
		return malloc_otherwise(size, HT_ARCH_OWN_FRAME());

	void *block = ht_real.malloc(size);

	if (HT_LIKELY(block != NULL))
		ht_capture_alloc(block, size, HT_ARCH_OWN_FRAME());
	ht_hook_leave();
	return block;
}

void *calloc(size_t n, size_t size)
{
	if (HT_UNLIKELY(!ht_hook_is_resolved())) {
		size_t n_bytes;

		return __builtin_mul_overflow(n, size, &n_bytes) ? NULL
		                                                 : ht_boot_arena_alloc(n_bytes, 16);
	}

	bool is_recording = ht_hook_enter();
	void *block = ht_real.calloc(n, size);

	if (HT_LIKELY(is_recording)) {
		/* It succeeded, so the product did not overflow. */
		if (HT_LIKELY(block != NULL))
			ht_capture_alloc(block, n * size, HT_ARCH_OWN_FRAME());
		ht_hook_leave();
	}
	return block;
}

static __attribute__((noinline, cold)) void free_otherwise(void *block, const uint64_t *hook_frame)
{
	/* Before there are real functions, a block that is not the arena's is the loader's own. */
	if (ht_boot_arena_owns(block) || !ht_hook_is_resolved())
		return;

	bool is_recording = block != NULL && ht_hook_enter();

	if (is_recording)
		ht_capture_free(block, hook_frame);
	ht_real.free(block);
	if (is_recording)
		ht_hook_leave();
}

void free(void *block)
{
	if (HT_UNLIKELY(block == NULL || ht_boot_arena_owns(block) || !ht_hook_enter_active())) {
		free_otherwise(block, HT_ARCH_OWN_FRAME());
		return;
	}
	ht_capture_free(block, HT_ARCH_OWN_FRAME());
	ht_real.free(block);
	ht_hook_leave();
}

void free_sized(void *block, size_t size)
{
	(void)size;
	free(block);
}

void free_aligned_sized(void *block, size_t alignment, size_t size)
{
	(void)alignment;
	(void)size;
	free(block);
}

static inline __attribute__((always_inline)) void *resize(void *block, size_t size,
                                                          const uint64_t *hook_frame)
{
	if (HT_UNLIKELY(ht_boot_arena_owns(block)))
		return ht_boot_arena_leave(block, malloc(size), size);
	if (HT_UNLIKELY(!ht_hook_is_resolved()))
		return block ? NULL : ht_boot_arena_alloc(size, 16);
	if (HT_UNLIKELY(!ht_hook_enter()))
		return ht_real.realloc(block, size);

	if (!block) {
		void *fresh = ht_real.realloc(NULL, size);

		if (HT_LIKELY(fresh != NULL))
			ht_capture_alloc(fresh, size, hook_frame);
		ht_hook_leave();
		return fresh;
	}

	uint64_t identity = ht_capture_realloc_begin(block, hook_frame);
	void *after = ht_real.realloc(block, size);

	if (HT_LIKELY(after != NULL))
		ht_capture_realloc_done(block, identity, after, size, hook_frame);
	else if (size == 0)
		ht_capture_realloc_freed(block, identity, hook_frame);
	else
		ht_capture_realloc_failed(block, identity);
	ht_hook_leave();
	return after;
}

void *realloc(void *block, size_t size)
{
	return resize(block, size, HT_ARCH_OWN_FRAME());
}

/* glibc's calls realloc; those of other allocators do not. */
void *reallocarray(void *block, size_t n, size_t size)
{
	size_t n_bytes;

	if (HT_UNLIKELY(__builtin_mul_overflow(n, size, &n_bytes)))
		return ht_hook_is_resolved() && ht_real.reallocarray
		               ? ht_real.reallocarray(block, n, size)
		               : NULL;
	return resize(block, n_bytes, HT_ARCH_OWN_FRAME());
}

int posix_memalign(void **ret_block, size_t alignment, size_t size)
{
	if (HT_UNLIKELY(!ht_hook_is_resolved())) {
		void *block = ht_boot_arena_alloc(size, alignment);

		if (!block)
			return 12; /* ENOMEM */
		*ret_block = block;
		return 0;
	}
	/* An allocator without it has none of its blocks here either: glibc's would not mix. */
	if (HT_UNLIKELY(!ht_real.posix_memalign))
		return 12;

	bool is_recording = ht_hook_enter();
	int err = ht_real.posix_memalign(ret_block, alignment, size);

	if (HT_LIKELY(is_recording)) {
		if (HT_LIKELY(err == 0 && *ret_block))
			ht_capture_alloc(*ret_block, size, HT_ARCH_OWN_FRAME());
		ht_hook_leave();
	}
	return err;
}

/* aligned_alloc, memalign, valloc and pvalloc differ only in their arguments. */
#define HT_DEFINE_ALIGNED_HOOK(name, params, args, alignment)                       \
	void *name params                                                           \
	{                                                                           \
		if (HT_UNLIKELY(!ht_hook_is_resolved()))                            \
			return ht_boot_arena_alloc(size, alignment);                \
		if (HT_UNLIKELY(!ht_real.name))                                     \
			return NULL;                                                \
		bool is_recording = ht_hook_enter();                                \
		void *block = ht_real.name args;                                    \
		if (HT_LIKELY(is_recording)) {                                      \
			if (HT_LIKELY(block != NULL))                               \
				ht_capture_alloc(block, size, HT_ARCH_OWN_FRAME()); \
			ht_hook_leave();                                            \
		}                                                                   \
		return block;                                                       \
	}

HT_DEFINE_ALIGNED_HOOK(aligned_alloc, (size_t align, size_t size), (align, size), align)
HT_DEFINE_ALIGNED_HOOK(memalign, (size_t align, size_t size), (align, size), align)
HT_DEFINE_ALIGNED_HOOK(valloc, (size_t size), (size), 4096)
HT_DEFINE_ALIGNED_HOOK(pvalloc, (size_t size), (size), 4096)
