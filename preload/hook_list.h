/* SPDX-License-Identifier: MIT */
/* The one list of interposed functions: X(name, return type, parameters). Target. */
#ifndef HT_HOOK_LIST_H
#define HT_HOOK_LIST_H

#include <stddef.h>

/*
 * Not here, on purpose: malloc_usable_size (nothing to
 * record), operator new and delete (libstdc++'s call malloc and free, and a program without C++ that
 * loads a C++ library locally must keep finding that library's own).
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
 * jemalloc's own functions. Not sallocx and nallocx, which allocate nothing. Programs ask whether these exist
 * (by weak references, by dlsym), so ours are asleep, which nobody finds, unless a next definition exists:
 * sleeping_hooks.h.
 */
#define HT_HOOKS_SLEEPING(X)                              \
	X(mallocx, void *, (size_t, int))                 \
	X(rallocx, void *, (void *, size_t, int))         \
	X(xallocx, size_t, (void *, size_t, size_t, int)) \
	X(dallocx, void, (void *, int))                   \
	X(sdallocx, void, (void *, size_t, int))

/*
 * Our own prototypes, not <stdlib.h>'s: those carry attributes that would let the compiler assume what
 * the hooks are here to observe.
 */
#define HT_DECLARE_HOOK(name, type, params) \
	extern type name params __attribute__((visibility("default")));
HT_HOOKS(HT_DECLARE_HOOK)
#undef HT_DECLARE_HOOK

/* A hook that is asleep has a name of its own; the dynamic symbol alone is called as the function. */
#define HT_DECLARE_SLEEPING(name, type, params) \
	extern type ht_sleeping_##name params __attribute__((visibility("default")));
HT_HOOKS_SLEEPING(HT_DECLARE_SLEEPING)
#undef HT_DECLARE_SLEEPING

#endif
