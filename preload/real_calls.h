/* SPDX-License-Identifier: MIT */
/*
 * The functions behind the hooks, and the arena that serves allocations while they are being looked
 * up. Target, any thread; the lookup itself happens once, in whoever comes first.
 */
#ifndef HT_REAL_CALLS_H
#define HT_REAL_CALLS_H

#include "hook_list.h"

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_real_calls {
#define HT_REAL_FIELD(name, type, params, ...) type(*name) params;
	HT_HOOKS(HT_REAL_FIELD)
	HT_HOOKS_SLEEPING(HT_REAL_FIELD) /* valid in hooks that are awake */
#undef HT_REAL_FIELD
};

/* Valid once ht_real_calls_resolve() has returned; optional ones may be NULL. */
extern struct ht_real_calls ht_real;

/* When their hooks are awake: the real operator new and delete call malloc, aligned_alloc and free, and do no more. */
extern bool ht_real_operators_are_plain;

/*
 * Look the functions up with dlsym(RTLD_NEXT). dlsym may call our hooks: those calls, and those of
 * other threads meanwhile, are served by the bootstrap arena. False while another thread is at it.
 * [any thread]
 */
bool ht_real_calls_resolve(void);

extern _Atomic bool ht_real_calls_are_resolved;

/*
 * Whether the program's malloc is not ours but that of a file which the loader asks before us, as in
 * LD_PRELOAD="allocator.so heaptide's": then nothing is recorded. [after resolving] [any thread] [no alloc]
 */
bool ht_real_calls_are_bypassed(void);

/*
 * The path of the library whose malloc the program has, cut at its beginning to fit, or nothing when it is libc's own
 * and recorded, or cannot be told. Returns its length. [after resolving] [any thread] [no alloc]
 */
uint32_t ht_real_calls_allocator(char *ret_path, uint32_t size);

/* Whether pc is in that library. [after resolving] [any thread] [no alloc] */
bool ht_real_calls_is_allocator_code(uint64_t pc);

/* Let the program find the hooks of HT_HOOKS_MAPPING. [with ht_tls.in_hook set] */
void ht_real_calls_wake_mapping_hooks(void);

/*
 * After a dlsym or dlopen that may have failed: it left a message that the program's own dlerror() must not
 * find. [with ht_tls.in_hook set]
 */
void ht_real_calls_clear_dlerror(void);

/*
 * The bootstrap arena: 16-byte aligned or more, zeroed, never reused. Freeing one of its blocks is
 * a no-op. NULL when even mmap fails. [any thread] [no alloc]
 */
void *ht_boot_arena_alloc(size_t size, size_t alignment);

/* Number of blocks it served to the program, not counting those that looking up took itself. */
extern _Atomic uint64_t ht_boot_arena_n_blocks;

/* Bytes of the block at p, which must be the arena's. */
size_t ht_boot_arena_size(const void *p);

/*
 * realloc of one of its blocks: fresh, of size bytes from the real allocator, takes what was in it. fresh is
 * returned, and may be NULL. [any thread] [no alloc]
 */
void *ht_boot_arena_leave(const void *block, void *fresh, size_t size);

/* Whether p lies in the arena. [any thread] [no alloc] */
bool ht_boot_arena_owns_slow(const void *p);

#define HT_BOOT_ARENA_BYTES (64u << 10)
extern unsigned char ht_boot_arena[HT_BOOT_ARENA_BYTES];
extern _Atomic bool ht_boot_arena_has_overflow;

static inline bool ht_boot_arena_owns(const void *p)
{
	if ((uintptr_t)p - (uintptr_t)ht_boot_arena < HT_BOOT_ARENA_BYTES)
		return true;
	return __builtin_expect(
	               atomic_load_explicit(&ht_boot_arena_has_overflow, memory_order_relaxed),
	               0) &&
	       ht_boot_arena_owns_slow(p);
}

#endif
