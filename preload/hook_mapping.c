/* SPDX-License-Identifier: MIT */
/*
 * mmap and its kin, awake when they are to be recorded. What holds for the hooks of hook.c holds here. Target.
 *
 * What the allocator maps is left out: what it makes of that is recorded as blocks. libc's own does not come here,
 * as libc calls itself directly; that of others is known by the address that the call returns to.
 */
#include "arch/call_site.h"
#include "capture.h"
#include "hook_entry.h"
#include "sys_prim.h"

#include <heaptide/trace_format.h>

#include <stdarg.h>
#include <sys/auxv.h>
#include <sys/mman.h>

HT_HOOKS_MAPPING(HT_NAME_SLEEPING)

/* The size of huge pages when a call does not say which. */
#define HUGE_PAGE_SHIFT 21u

static _Atomic uint64_t n_sequences;

/* In their order a process' calls give and take: see struct ht_mapping_record. */
static uint64_t next_sequence(void)
{
	return atomic_fetch_add(&n_sequences, 1) + 1;
}

static inline __attribute__((always_inline)) bool enter(const uint64_t *hook_frame)
{
	return !ht_real_calls_is_allocator_code(ht_arch_call_site(hook_frame).pc) &&
	       ht_hook_enter();
}

/* What the kernel makes of a length. */
static uint64_t whole_pages(uint64_t n_bytes, int flags)
{
	uint64_t page_bytes = getauxval(AT_PAGESZ);

	if (flags & MAP_HUGETLB) {
		unsigned shift = (unsigned)flags >> MAP_HUGE_SHIFT & MAP_HUGE_MASK;

		page_bytes = 1ull << (shift ? shift : HUGE_PAGE_SHIFT);
	}
	return (n_bytes + page_bytes - 1) & -page_bytes;
}

static void record_map(const void *at, size_t n_bytes, int protection, int flags,
                       const uint64_t *hook_frame)
{
	const struct ht_mapping_record record = {
		.kind = HT_MAPPING_MAP,
		.addr = (uintptr_t)at,
		.n_bytes = whole_pages(n_bytes, flags),
		.protection = (uint32_t)protection,
		.flags = (uint32_t)flags,
		.sequence = next_sequence(),
	};

	ht_capture_mapping(&record, hook_frame);
}

static void record_unmap(uint64_t addr, uint64_t n_bytes, uint64_t sequence,
                         const uint64_t *hook_frame)
{
	const struct ht_mapping_record record = {
		.kind = HT_MAPPING_UNMAP,
		.addr = addr,
		.n_bytes = n_bytes,
		.sequence = sequence,
	};

	ht_capture_mapping(&record, hook_frame);
}

/* A range of more pages than this is not looked at page by page. */
#define MAX_PAGES_LOOKED_AT 65536u

/* msync(2) with this does nothing else. */
static bool is_mapped(uint64_t addr, uint64_t n_bytes)
{
	return !ht_sys_is_error(ht_sys6(SYS_msync, (long)addr, (long)n_bytes, MS_ASYNC, 0, 0, 0));
}

/*
 * What of this range is not mapped now was given back by a call that says nothing of it. One that fails to put something
 * there has perhaps given back before what was there: Linux does that first. One that moves several mappings at
 * once, which Linux 6.17 can, moves the holes between them as well. To give back what was not there changes nothing.
 */
static void record_holes(const void *addr, size_t size, int flags, uint64_t sequence,
                         const uint64_t *hook_frame)
{
	uint64_t start = (uintptr_t)addr, n_bytes = whole_pages(size, flags);
	uint64_t step = getauxval(AT_PAGESZ), n_gone = 0;

	if (start % step || n_bytes == 0 || n_bytes > UINT64_MAX - start ||
	    is_mapped(start, n_bytes))
		return;
	if (n_bytes / step > MAX_PAGES_LOOKED_AT)
		step = n_bytes;
	for (uint64_t at = start; at < start + n_bytes; at += step) {
		if (!is_mapped(at, step)) {
			n_gone += step;
			continue;
		}
		if (n_gone)
			record_unmap(at - n_gone, n_gone, sequence, hook_frame);
		n_gone = 0;
	}
	if (n_gone)
		record_unmap(start + n_bytes - n_gone, n_gone, sequence, hook_frame);
}

static inline __attribute__((always_inline)) void mmap_done(void *at, void *addr, size_t n_bytes,
                                                            int protection, int flags,
                                                            uint64_t before,
                                                            const uint64_t *hook_frame)
{
	if (at != MAP_FAILED)
		record_map(at, n_bytes, protection, flags, hook_frame);
	else if (flags & MAP_FIXED)
		record_holes(addr, n_bytes, flags, before, hook_frame);
}

/* They are the same function with the same arguments. */
#define HT_DEFINE_MMAP(name)                                                                    \
	void *ht_sleeping_##name(void *addr, size_t n_bytes, int protection, int flags, int fd, \
	                         int64_t off_bytes)                                             \
	{                                                                                       \
		if (!enter(HT_ARCH_OWN_FRAME()))                                                \
			return ht_real.name(addr, n_bytes, protection, flags, fd, off_bytes);   \
		uint64_t before = next_sequence();                                              \
		void *at = ht_real.name(addr, n_bytes, protection, flags, fd, off_bytes);       \
		mmap_done(at, addr, n_bytes, protection, flags, before, HT_ARCH_OWN_FRAME());   \
		ht_hook_leave();                                                                \
		return at;                                                                      \
	}

HT_DEFINE_MMAP(mmap)
HT_DEFINE_MMAP(mmap64)

int ht_sleeping_munmap(void *addr, size_t n_bytes)
{
	if (!enter(HT_ARCH_OWN_FRAME()))
		return ht_real.munmap(addr, n_bytes);

	uint64_t sequence = next_sequence();
	int ret = ht_real.munmap(addr, n_bytes);

	if (ret == 0)
		record_unmap((uintptr_t)addr, whole_pages(n_bytes, 0), sequence,
		             HT_ARCH_OWN_FRAME());
	ht_hook_leave();
	return ret;
}

static void record_remap(const void *old, size_t old_bytes, const void *at, size_t n_bytes,
                         int flags, uint64_t before, const uint64_t *hook_frame)
{
	/* Of no bytes (a second view of shared pages) or with this flag, the old one stays. */
	bool is_kept = old_bytes == 0 || flags & MREMAP_DONTUNMAP;
	const struct ht_mapping_record record = {
		.kind = HT_MAPPING_REMAP,
		.addr = (uintptr_t)at,
		.n_bytes = whole_pages(n_bytes, 0),
		.old_addr = (uintptr_t)old,
		.old_bytes = is_kept ? 0 : whole_pages(old_bytes, 0),
		.old_sequence = before,
		.sequence = next_sequence(),
	};

	ht_capture_mapping(&record, hook_frame);
}

void *ht_sleeping_mremap(void *old, size_t old_bytes, size_t n_bytes, int flags, ...)
{
	va_list args;

	/* Read whether it is there or not, as the system call does. */
	va_start(args, flags);
	void *wanted = va_arg(args, void *);
	va_end(args);

	if (!enter(HT_ARCH_OWN_FRAME()))
		return ht_real.mremap(old, old_bytes, n_bytes, flags, wanted);

	uint64_t before = next_sequence();
	void *at = ht_real.mremap(old, old_bytes, n_bytes, flags, wanted);

	if (at != MAP_FAILED) {
		record_remap(old, old_bytes, at, n_bytes, flags, before, HT_ARCH_OWN_FRAME());
		if (flags & MREMAP_FIXED)
			record_holes(at, n_bytes, 0, next_sequence(), HT_ARCH_OWN_FRAME());
	} else if (flags & MREMAP_FIXED) {
		record_holes(wanted, n_bytes, 0, before, HT_ARCH_OWN_FRAME());
		record_holes(old, old_bytes, 0, before, HT_ARCH_OWN_FRAME());
	}
	ht_hook_leave();
	return at;
}

/* The program break was at before and is at after. */
static void record_break(uint64_t before, uint64_t after, uint64_t sequence,
                         const uint64_t *hook_frame)
{
	if (after < before) {
		record_unmap(after, before - after, sequence, hook_frame);
	} else if (after > before) {
		const struct ht_mapping_record record = {
			.kind = HT_MAPPING_BREAK,
			.addr = before,
			.n_bytes = after - before,
			.protection = PROT_READ | PROT_WRITE,
			.flags = MAP_PRIVATE | MAP_ANONYMOUS,
			.sequence = sequence,
		};

		ht_capture_mapping(&record, hook_frame);
	}
}

void *ht_sleeping_sbrk(intptr_t n_bytes)
{
	if (!enter(HT_ARCH_OWN_FRAME()))
		return ht_real.sbrk(n_bytes);

	/* Only one thread at a time may move the break, so one number will do. */
	uint64_t sequence = next_sequence();
	void *before = ht_real.sbrk(n_bytes);

	if (before != (void *)-1)
		record_break((uintptr_t)before, (uintptr_t)before + (uint64_t)n_bytes, sequence,
		             HT_ARCH_OWN_FRAME());
	ht_hook_leave();
	return before;
}

int ht_sleeping_brk(void *addr)
{
	if (!ht_real.sbrk || !enter(HT_ARCH_OWN_FRAME()))
		return ht_real.brk(addr);

	uint64_t sequence = next_sequence();
	void *before = ht_real.sbrk(0);
	int ret = ht_real.brk(addr);

	if (ret == 0 && before != (void *)-1)
		record_break((uintptr_t)before, (uintptr_t)addr, sequence, HT_ARCH_OWN_FRAME());
	ht_hook_leave();
	return ret;
}
