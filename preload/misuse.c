/* SPDX-License-Identifier: MIT */
/*
 * Tells what is wrong with a pointer that is freed and is not a live block. Target, any thread, may not allocate.
 *
 * An allocation that was not seen must not be taken for a mistake of the program, so only what no allocator hands out
 * counts: what lies in the caller's stack or in a loaded file, and what is not even aligned.
 */
#include "misuse.h"

#include "live_map.h"
#include "module_table.h"
#include "real_calls.h"
#include "sys_prim.h"
#include "thread.h"

#include <sys/auxv.h>

#define PAGE_BYTES 4096u
/* No stack that is used so far is searched to its end. */
#define MAX_STACK_BYTES (64ull << 20)

/* Whether [from, to) can be read without a gap: then it is one stack, as those have a guard below them. */
static bool is_without_gap(uint64_t from, uint64_t to)
{
	if (from >= to || to - from > MAX_STACK_BYTES)
		return false;
	for (uint64_t page = from & -(uint64_t)PAGE_BYTES; page < to; page += PAGE_BYTES) {
		if (!ht_sys_is_readable(page))
			return false;
	}
	return true;
}

/*
 * libc has a thread's TLS at the top of its stack; at the top of the first one the kernel has put the name of the
 * program, above arguments and environment. On other stacks (fibers, signal handlers) nothing is known of the top.
 */
static bool is_on_stack(uint64_t addr, uint64_t sp)
{
	const uint64_t tops[] = { (uintptr_t)&ht_tls, getauxval(AT_EXECFN) };

	for (int i = 0; i < 2; i++) {
		if (addr >= sp && addr < tops[i] && is_without_gap(sp, tops[i]))
			return true;
	}
	return false;
}

/* Allocators may begin with memory of their own file; so does the loader's. */
static bool is_in_module(uint64_t addr)
{
	struct ht_module_location location;
	uint64_t loader_addr = getauxval(AT_BASE);

	return ht_module_table_locate(addr, &location) && loader_addr &&
	       loader_addr - location.map_start_addr >=
	               location.map_end_addr - location.map_start_addr &&
	       !ht_real_calls_is_allocator_code(addr);
}

enum ht_misuse_kind ht_misuse_of_free(uint64_t addr, uint64_t identity, const uint64_t *hook_frame)
{
	if (identity & HT_LIVE_FREED && identity != HT_LIVE_FREED)
		return HT_MISUSE_DOUBLE_FREE;
	if (is_on_stack(addr, (uintptr_t)hook_frame))
		return HT_MISUSE_STACK;
	if (is_in_module(addr))
		return HT_MISUSE_STATIC;
	return addr % 8 ? HT_MISUSE_UNALIGNED : HT_MISUSE_NONE;
}
