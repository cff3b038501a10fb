/* SPDX-License-Identifier: MIT */
/* The one list of interposed functions: X(name, return type, parameters). Target. */
#ifndef HT_HOOK_LIST_H
#define HT_HOOK_LIST_H

#include <stddef.h>
#include <stdint.h>

/*
 * Not here, on purpose: malloc_usable_size (nothing to record).
 */
#define HT_HOOKS_REQUIRED(X)                 \
	X(malloc, void *, (size_t))          \
	X(calloc, void *, (size_t, size_t))  \
	X(realloc, void *, (void *, size_t)) \
	X(free, void, (void *))

/* Functions the next object may lack. */
#define HT_HOOKS_OPTIONAL(X)                              \
	X(posix_memalign, int, (void **, size_t, size_t)) \
	X(aligned_alloc, void *, (size_t, size_t))        \
	X(memalign, void *, (size_t, size_t))             \
	X(valloc, void *, (size_t))                       \
	X(pvalloc, void *, (size_t))                      \
	X(reallocarray, void *, (void *, size_t, size_t)) \
	X(free_sized, void, (void *, size_t))             \
	X(free_aligned_sized, void, (void *, size_t, size_t))

#define HT_HOOKS(X) HT_HOOKS_REQUIRED(X) HT_HOOKS_OPTIONAL(X)

/*
 * Hooks that are asleep: nobody finds them unless they are woken (sleeping_hooks.h). jemalloc's own functions,
 * where a next definition exists: programs ask for them by weak references and dlsym. Not sallocx and nallocx,
 * which allocate nothing.
 */
#define HT_HOOKS_JEMALLOC(X)                              \
	X(mallocx, void *, (size_t, int))                 \
	X(rallocx, void *, (void *, size_t, int))         \
	X(xallocx, size_t, (void *, size_t, size_t, int)) \
	X(dallocx, void, (void *, int))                   \
	X(sdallocx, void, (void *, size_t, int))

/* Those that map memory, when that is to be recorded. */
#define HT_HOOKS_MAPPING(X)                                         \
	X(mmap, void *, (void *, size_t, int, int, int, int64_t))   \
	X(mmap64, void *, (void *, size_t, int, int, int, int64_t)) \
	X(munmap, int, (void *, size_t))                            \
	X(mremap, void *, (void *, size_t, size_t, int, ...))       \
	X(sbrk, void *, (intptr_t))                                 \
	X(brk, int, (void *))

/*
 * operator new, new[], delete and delete[], where those that come next are the allocator's own, which do not call malloc
 * and free, or the C++ library's, which do nothing else. X has the arguments as well; the first one is the size, or the
 * block. Those that allocate say what the block is to be aligned to, beyond what malloc does.
 */
#define HT_HOOKS_NEW(X)                                                                    \
	X(_Znwm, void *, (size_t size), (size), 1)                                         \
	X(_Znam, void *, (size_t size), (size), 1)                                         \
	X(_ZnwmRKSt9nothrow_t, void *, (size_t size, const void *tag), (size, tag), 1)     \
	X(_ZnamRKSt9nothrow_t, void *, (size_t size, const void *tag), (size, tag), 1)     \
	X(_ZnwmSt11align_val_t, void *, (size_t size, size_t align), (size, align), align) \
	X(_ZnamSt11align_val_t, void *, (size_t size, size_t align), (size, align), align) \
	X(_ZnwmSt11align_val_tRKSt9nothrow_t, void *,                                      \
	  (size_t size, size_t align, const void *tag), (size, align, tag), align)         \
	X(_ZnamSt11align_val_tRKSt9nothrow_t, void *,                                      \
	  (size_t size, size_t align, const void *tag), (size, align, tag), align)

#define HT_HOOKS_DELETE(X)                                                                         \
	X(_ZdlPv, void, (void *block), (block))                                                    \
	X(_ZdaPv, void, (void *block), (block))                                                    \
	X(_ZdlPvm, void, (void *block, size_t size), (block, size))                                \
	X(_ZdaPvm, void, (void *block, size_t size), (block, size))                                \
	X(_ZdlPvRKSt9nothrow_t, void, (void *block, const void *tag), (block, tag))                \
	X(_ZdaPvRKSt9nothrow_t, void, (void *block, const void *tag), (block, tag))                \
	X(_ZdlPvSt11align_val_t, void, (void *block, size_t align), (block, align))                \
	X(_ZdaPvSt11align_val_t, void, (void *block, size_t align), (block, align))                \
	X(_ZdlPvmSt11align_val_t, void, (void *block, size_t size, size_t align),                  \
	  (block, size, align))                                                                    \
	X(_ZdaPvmSt11align_val_t, void, (void *block, size_t size, size_t align),                  \
	  (block, size, align))                                                                    \
	X(_ZdlPvSt11align_val_tRKSt9nothrow_t, void, (void *block, size_t align, const void *tag), \
	  (block, align, tag))                                                                     \
	X(_ZdaPvSt11align_val_tRKSt9nothrow_t, void, (void *block, size_t align, const void *tag), \
	  (block, align, tag))

#define HT_HOOKS_OPERATORS(X) HT_HOOKS_NEW(X) HT_HOOKS_DELETE(X)
#define HT_HOOKS_SLEEPING(X)  HT_HOOKS_JEMALLOC(X) HT_HOOKS_MAPPING(X) HT_HOOKS_OPERATORS(X)

/*
 * Our own prototypes, not <stdlib.h>'s: those carry attributes that would let the compiler assume what
 * the hooks are here to observe.
 */
#define HT_DECLARE_HOOK(name, type, params) \
	extern type name params __attribute__((visibility("default")));
HT_HOOKS(HT_DECLARE_HOOK)
#undef HT_DECLARE_HOOK

/* A hook that is asleep has a name of its own; the dynamic symbol alone is called as the function. */
#define HT_DECLARE_SLEEPING(name, type, params, ...) \
	extern type ht_sleeping_##name params __attribute__((visibility("default")));
HT_HOOKS_SLEEPING(HT_DECLARE_SLEEPING)
#undef HT_DECLARE_SLEEPING

/* Beside the definitions: the dynamic symbol, of a version that no reference has. */
#define HT_NAME_SLEEPING(name, type, params, ...) \
	__asm__(".symver ht_sleeping_" #name ", " #name "@HEAPTIDE_ASLEEP");

#endif
