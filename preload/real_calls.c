/* SPDX-License-Identifier: MIT */
/* Looks up the functions behind the hooks, and serves allocations until it has. Target. */
#include "real_calls.h"

#include "hot.h"
#include "sleeping_hooks.h"
#include "sys_prim.h"
#include "thread.h"

#include <dlfcn.h>
#include <errno.h>
#include <link.h>
#include <sys/auxv.h>

struct ht_real_calls ht_real HT_HOT_VARIABLE;
bool ht_real_operators_are_plain HT_HOT_VARIABLE;
_Atomic bool ht_real_calls_are_resolved;

static _Atomic bool is_resolving;

static void *programs_malloc; /* what the loader finds first */

/* glibc's own names, for when there is no next object (the shim was linked or opened last). */
extern void *__libc_malloc(size_t) __attribute__((weak));
extern void *__libc_calloc(size_t, size_t) __attribute__((weak));
extern void *__libc_realloc(void *, size_t) __attribute__((weak));
extern void __libc_free(void *) __attribute__((weak));
extern void *__libc_memalign(size_t, size_t) __attribute__((weak));
extern void *__libc_valloc(size_t) __attribute__((weak));
extern void *__libc_pvalloc(size_t) __attribute__((weak));

/* glibc has no second name for it. */
static int libc_posix_memalign(void **ret_block, size_t alignment, size_t size)
{
	if (alignment < sizeof(void *) || alignment & (alignment - 1))
		return EINVAL;

	int saved = errno;
	void *block = __libc_memalign(alignment, size);

	errno = saved;
	if (!block)
		return ENOMEM;
	*ret_block = block;
	return 0;
}

static void *next_symbol(const char *name, const void *ours)
{
	void *found = dlsym(RTLD_NEXT, name);

	return found == ours ? NULL : found;
}

void ht_real_calls_clear_dlerror(void)
{
#if defined(__GLIBC__)
	/*
	 * dlerror() itself translates the message, with a lock that our caller may hold: newlocale calls
	 * malloc with it, and then is left with a broken one. What succeeds clears the message as well.
	 */
	dlsym(RTLD_DEFAULT, "malloc");
#else
	dlerror();
#endif
}

/* glibc 2.35's; takes no lock. */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

/* The loaded file that has the real malloc, unless it is libc. */
static bool find_allocator(struct dl_find_object *ret_found)
{
	struct dl_find_object libc;

	return _dl_find_object != NULL &&
	       _dl_find_object((void *)(uintptr_t)ht_real.malloc, ret_found) == 0 &&
	       _dl_find_object((void *)(uintptr_t)getauxval, &libc) == 0 &&
	       ret_found->dlfo_link_map != libc.dlfo_link_map;
}

bool ht_real_calls_are_bypassed(void)
{
	struct dl_find_object first, ours;

	return _dl_find_object != NULL && programs_malloc &&
	       _dl_find_object(programs_malloc, &first) == 0 &&
	       _dl_find_object((void *)(uintptr_t)ht_real_calls_resolve, &ours) == 0 &&
	       first.dlfo_link_map != ours.dlfo_link_map;
}

bool ht_real_calls_is_allocator_code(uint64_t pc)
{
	struct dl_find_object allocator;

	return find_allocator(&allocator) &&
	       pc - (uintptr_t)allocator.dlfo_map_start <
	               (uintptr_t)allocator.dlfo_map_end - (uintptr_t)allocator.dlfo_map_start;
}

/* What is next to a hook that sleeps, and, when that will do, the hook to be woken. */
#define HT_FIND_IF(is_fit, name, type, params)                                                \
	ht_real.name = (type(*) params)(uintptr_t)next_symbol(                                \
	        #name, (const void *)(uintptr_t)ht_sleeping_##name);                          \
	if (ht_real.name && (is_fit))                                                         \
		hooks[n++] = (struct ht_sleeping_hook){ #name, (uintptr_t)ht_sleeping_##name, \
			                                (uintptr_t)ht_real.name };
#define HT_FIND(name, type, params, ...) HT_FIND_IF(true, name, type, params)
#define HT_FIND_OWN(name, type, params, ...) \
	HT_FIND_IF(ht_real_calls_is_allocator_code((uintptr_t)ht_real.name), name, type, params)
#define HT_ONE(name, type, params, ...) +1

static void wake_jemalloc_hooks(void)
{
	struct ht_sleeping_hook hooks[0 HT_HOOKS_JEMALLOC(HT_ONE)];
	size_t n = 0;

	/* Where the first one is not, there are no others to be asked for. */
	if (dlsym(RTLD_NEXT, "mallocx") == NULL)
		return;
	HT_HOOKS_JEMALLOC(HT_FIND)
	ht_sleeping_hooks_wake(hooks, n);
}

/* Whether a path is that of a library whose operators call malloc and free. */
static bool is_plain_library(const char *path)
{
	static const char *const names[] = { "libstdc++.so", "libc++abi.so", "libc++.so" };
	const char *file = path;

	for (const char *c = path; *c; c++)
		file = *c == '/' ? c + 1 : file;
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++) {
		const char *a = names[i], *b = file;

		for (; *a && *a == *b; a++, b++)
			;
		if (!*a)
			return true;
	}
	return false;
}

/* Whether what the program finds under this name is the next definition, and that is in this plain library. */
static bool is_plain_operator(const char *name, void *real, struct link_map **library)
{
	struct dl_find_object found;

	if (dlsym(RTLD_DEFAULT, name) != real || _dl_find_object(real, &found) != 0)
		return false;
	if (!*library && is_plain_library(found.dlfo_link_map->l_name))
		*library = found.dlfo_link_map;
	return found.dlfo_link_map == *library;
}

/*
 * An allocator's own operators are followed because nothing else sees their blocks; the C++ library's, to know which
 * blocks are theirs. These all or none: those that a program replaces call each other.
 */
static void wake_operator_hooks(void)
{
	struct ht_sleeping_hook hooks[0 HT_HOOKS_OPERATORS(HT_ONE)];
	struct dl_find_object allocator;
	struct link_map *library = NULL;
	size_t n = 0;

	/* Where the first one is not, there are no others to be asked for. */
	if (_dl_find_object == NULL || dlsym(RTLD_NEXT, "_Znwm") == NULL)
		return;
	if (find_allocator(&allocator)) {
		HT_HOOKS_OPERATORS(HT_FIND_OWN)
	}
	if (n == 0 && !ht_real_calls_are_bypassed()) {
		HT_HOOKS_OPERATORS(HT_FIND)
		for (size_t i = 0; i < n; i++) {
			if (!is_plain_operator(hooks[i].name, (void *)hooks[i].real_addr, &library))
				return;
		}
		ht_real_operators_are_plain = true;
	}
	ht_sleeping_hooks_wake(hooks, n);
}

void ht_real_calls_wake_mapping_hooks(void)
{
	struct ht_sleeping_hook hooks[0 HT_HOOKS_MAPPING(HT_ONE)];
	size_t n = 0;

	HT_HOOKS_MAPPING(HT_FIND)
	ht_real_calls_clear_dlerror();
	ht_sleeping_hooks_wake(hooks, n);
}

#undef HT_ONE
#undef HT_FIND_OWN
#undef HT_FIND
#undef HT_FIND_IF

bool ht_real_calls_resolve(void)
{
	if (atomic_load_explicit(&ht_real_calls_are_resolved, memory_order_acquire))
		return true;
	if (atomic_exchange_explicit(&is_resolving, true, memory_order_acq_rel))
		return false;
	uint64_t in_hook = ht_tls.in_hook;

	ht_tls.in_hook = HT_IN_SETUP;
#define HT_RESOLVE(name, type, params) \
	ht_real.name = (type(*) params)(uintptr_t)next_symbol(#name, (const void *)(uintptr_t)name);
	HT_HOOKS(HT_RESOLVE)
#undef HT_RESOLVE
	programs_malloc = dlsym(RTLD_DEFAULT, "malloc");
	wake_jemalloc_hooks();
	wake_operator_hooks();
	ht_real_calls_clear_dlerror();
	ht_tls.in_hook = in_hook;

	if (!ht_real.malloc || !ht_real.calloc || !ht_real.realloc || !ht_real.free) {
		ht_real.malloc = __libc_malloc;
		ht_real.calloc = __libc_calloc;
		ht_real.realloc = __libc_realloc;
		ht_real.free = __libc_free;
		ht_real.posix_memalign = __libc_memalign ? libc_posix_memalign : NULL;
		ht_real.aligned_alloc = ht_real.memalign = __libc_memalign;
		ht_real.valloc = __libc_valloc;
		ht_real.pvalloc = __libc_pvalloc;
	}
	if (!ht_real.malloc || !ht_real.calloc || !ht_real.realloc || !ht_real.free)
		return false; /* a libc that is neither: the arena goes on serving */
	atomic_store_explicit(&ht_real_calls_are_resolved, true, memory_order_release);
	return true;
}

uint32_t ht_real_calls_allocator(char *ret_path, uint32_t size)
{
	struct dl_find_object allocator;
	uint32_t n = 0;

	if (ht_real_calls_are_bypassed() ? _dl_find_object(programs_malloc, &allocator) != 0 :
	                                   !find_allocator(&allocator))
		return 0;

	const char *path = allocator.dlfo_link_map->l_name;

	while (path[n])
		n++;
	if (n > size) {
		path += n - size;
		n = size;
	}
	for (uint32_t i = 0; i < n; i++)
		ret_path[i] = path[i];
	return n;
}

/*
 * Blocks carry in the 16 bytes before them their size, and what glibc's malloc_usable_size() takes for
 * the header of a block with a mapping of its own: the program may use what was asked for. What does
 * not fit the static part gets an mmap of its own, linked in a list that is only searched when one
 * exists.
 */
#define BOOT_HEADER_BYTES 16u
#define GLIBC_IS_MMAPPED  2u

struct boot_overflow {
	struct boot_overflow *next;
	uintptr_t end_addr;
};

_Alignas(4096) unsigned char ht_boot_arena[HT_BOOT_ARENA_BYTES];
_Atomic bool ht_boot_arena_has_overflow;
_Atomic uint64_t ht_boot_arena_n_blocks;
static _Atomic size_t boot_arena_used_bytes;
static struct boot_overflow *_Atomic boot_overflows;

static void *place(unsigned char *from, size_t size, size_t alignment)
{
	uintptr_t block = ((uintptr_t)from + BOOT_HEADER_BYTES + alignment - 1) & -alignment;

	((size_t *)block)[-2] = size;
	((size_t *)block)[-1] = ((size + 15) & -(size_t)16) + 16 + GLIBC_IS_MMAPPED;
	return (void *)block;
}

void *ht_boot_arena_alloc(size_t size, size_t alignment)
{
	if (alignment < 16)
		alignment = 16;
	if (size > PTRDIFF_MAX - alignment - 8192 || alignment & (alignment - 1) ||
	    alignment > 4096)
		return NULL;
	/* dlsym's own blocks (it prepares a message for each optional function) are not the program's. */
	if (!ht_tls.in_hook)
		atomic_fetch_add_explicit(&ht_boot_arena_n_blocks, 1, memory_order_relaxed);

	size_t n_bytes = (size + alignment + BOOT_HEADER_BYTES + 15) & -(size_t)16;
	size_t used = atomic_load_explicit(&boot_arena_used_bytes, memory_order_relaxed);

	while (n_bytes <= HT_BOOT_ARENA_BYTES - used) {
		if (atomic_compare_exchange_weak(&boot_arena_used_bytes, &used, used + n_bytes))
			return place(ht_boot_arena + used, size, alignment);
	}

	n_bytes = (n_bytes + sizeof(struct boot_overflow) + 4095) & -(size_t)4096;
	struct boot_overflow *o = ht_sys_alloc_pages(n_bytes);

	if (!o)
		return NULL;
	o->end_addr = (uintptr_t)o + n_bytes;
	o->next = atomic_load(&boot_overflows);
	while (!atomic_compare_exchange_weak(&boot_overflows, &o->next, o))
		;
	atomic_store(&ht_boot_arena_has_overflow, true);
	return place((unsigned char *)(o + 1), size, alignment);
}

bool ht_boot_arena_owns_slow(const void *p)
{
	for (struct boot_overflow *o = atomic_load(&boot_overflows); o; o = o->next) {
		if ((uintptr_t)p > (uintptr_t)o && (uintptr_t)p < o->end_addr)
			return true;
	}
	return false;
}

size_t ht_boot_arena_size(const void *p)
{
	return ((const size_t *)p)[-2];
}

void *ht_boot_arena_leave(const void *block, void *fresh, size_t size)
{
	size_t old_size = ht_boot_arena_size(block);
	size_t n_bytes = old_size < size ? old_size : size;

	/* Byte by byte, as written: the compiler may not make it a call of memcpy. */
	for (size_t i = 0; fresh && i < n_bytes; i++)
		((volatile char *)fresh)[i] = ((const char *)block)[i];
	return fresh;
}
