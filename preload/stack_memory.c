/* SPDX-License-Identifier: MIT */
/* Ranges of readable stack memory. Target, any thread, may not allocate. */
#include "preload/stack_memory.h"

#include "preload/sys_prim.h"

#define PROBE_BYTES 4096ull /* no Linux page is smaller */

/* Farther than this from what is known, memory is asked for word by word and not remembered. */
#define NEAR_BYTES (16ull << 20)

static uint64_t page_of(uint64_t addr)
{
	return addr & ~(PROBE_BYTES - 1);
}

static bool is_page_readable(struct ht_stack_memory *m, uint64_t page)
{
	m->n_probes++;
	return ht_sys_is_readable(page);
}

static bool grow_down_to(struct ht_stack_memory *m, struct ht_stack_range *range, uint64_t addr)
{
	while (range->lo_addr > addr) {
		if (!is_page_readable(m, range->lo_addr - PROBE_BYTES))
			return false;
		range->lo_addr -= PROBE_BYTES;
	}
	return true;
}

static bool grow_up_over(struct ht_stack_memory *m, struct ht_stack_range *range, uint64_t addr)
{
	while (range->hi_addr <= addr) {
		if (!is_page_readable(m, range->hi_addr))
			return false;
		range->hi_addr += PROBE_BYTES;
	}
	return true;
}

static void remember_current(struct ht_stack_memory *m)
{
	if (m->current.lo_addr == m->current.hi_addr)
		return;
	m->others[m->next_other] = m->current;
	m->next_other = (m->next_other + 1) % HT_STACK_MEMORY_N_OTHERS;
}

void ht_stack_memory_enter_slow(struct ht_stack_memory *m, uint64_t sp)
{
	/* The stack of the current range grew downwards. */
	if (sp < m->current.lo_addr && m->current.lo_addr - sp <= NEAR_BYTES) {
		if (grow_down_to(m, &m->current, sp))
			return;
	}

	/* Back on a stack seen before. */
	for (uint32_t i = 0; i < HT_STACK_MEMORY_N_OTHERS; i++) {
		struct ht_stack_range *other = &m->others[i];

		if (sp < other->hi_addr && sp >= other->lo_addr) {
			struct ht_stack_range was = m->current;

			m->current = *other;
			*other = was;
			return;
		}
	}

	uint64_t page = page_of(sp);

	remember_current(m);
	m->current.lo_addr = page;
	m->current.hi_addr = is_page_readable(m, page) ? page + PROBE_BYTES : page;
}

bool ht_stack_memory_reach(struct ht_stack_memory *m, uint64_t addr)
{
	struct ht_stack_range *range = &m->current;
	uint64_t last = addr + 7;

	if (last < addr)
		return false;
	if (addr >= range->lo_addr && last < range->hi_addr)
		return true;
	if (range->lo_addr != range->hi_addr) {
		if (addr >= range->lo_addr && last - range->hi_addr <= NEAR_BYTES)
			return grow_up_over(m, range, last);
		if (last < range->hi_addr && range->lo_addr - addr <= NEAR_BYTES)
			return grow_down_to(m, range, addr);
	}
	m->n_probes++;
	return ht_sys_is_readable(addr);
}
