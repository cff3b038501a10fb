/* SPDX-License-Identifier: MIT */
/* What threads do that may make no system call. Target, any thread, may not allocate. */
#include "sys_prim.h"

#define PAGE_BYTES 4096ull

__thread bool ht_sys_is_confined __attribute__((tls_model("initial-exec")));

/* [next, end) is mapped; the end is stored last and is 0 while there is none. */
static _Atomic uint64_t reserve_next_addr;
static _Atomic uint64_t reserve_end_addr;

void ht_sys_fill_reserve(size_t n_bytes)
{
	for (; n_bytes >= PAGE_BYTES; n_bytes /= 2) {
		uint64_t start_addr = (uint64_t)ht_sys_alloc_pages(n_bytes);

		if (!start_addr)
			continue;
		atomic_store(&reserve_end_addr, 0);
		atomic_store(&reserve_next_addr, start_addr);
		atomic_store(&reserve_end_addr, start_addr + n_bytes);
		return;
	}
}

void *ht_sys_take_from_reserve(size_t n_bytes)
{
	uint64_t wanted = (n_bytes + PAGE_BYTES - 1) & -PAGE_BYTES;
	uint64_t next = atomic_load(&reserve_next_addr);

	do {
		if (next + wanted > atomic_load(&reserve_end_addr))
			return NULL;
	} while (!atomic_compare_exchange_weak(&reserve_next_addr, &next, next + wanted));
	return (void *)next;
}

void ht_sys_spin_wait(const _Atomic uint32_t *word, uint32_t expected)
{
	for (int i = 0; i < 1000000 && atomic_load_explicit(word, memory_order_relaxed) == expected;
	     i++) {
#if defined(__x86_64__)
		__builtin_ia32_pause();
#else
		__asm__ volatile("yield");
#endif
	}
}
