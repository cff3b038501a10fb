/* SPDX-License-Identifier: MIT */
/* Reads MISUSES blocks, which may be hostile. Analyzer. */
#include "analyzer/model/misuse_list.h"

#include "analyzer/base/compare.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>

void ht_misuse_list_done(struct ht_misuse_list *list)
{
	if (!list)
		return;
	free(list->misuses);
	*list = (struct ht_misuse_list){ 0 };
}

bool ht_misuse_list_add(struct ht_misuse_list *list, struct ht_process_list *processes,
                        struct ht_get *get, uint64_t n_items)
{
	for (uint64_t i = 0; i < n_items; i++) {
		struct ht_misuse m;
		uint32_t process_serial = ht_get_u32(get);

		m.thread_serial = ht_get_u32(get);
		m.kind = ht_get_u32(get);
		m.call = ht_get_u32(get);
		m.tick = ht_get_u64(get);
		m.node = ht_get_u32(get);
		m.addr = ht_get_u64(get);
		m.id = ht_get_u64(get);
		m.form = ht_get_u32(get);
		if (get->is_bad || !ht_misuse_is_possible(m.kind, m.call, m.id, m.form))
			return false;
		m.process = ht_process_list_need(processes, process_serial);
		list->misuses = ht_xalloc_grow(list->misuses, &list->capacity, list->n_misuses + 1,
		                               sizeof(*list->misuses));
		list->misuses[list->n_misuses++] = m;
	}
	return ht_get_left(get) == 0;
}

/* Two of one thread at one tick are the same mistake as far as anybody can tell. */
static int compare_times(const void *va, const void *vb)
{
	const struct ht_misuse *a = va, *b = vb;

	return a->tick != b->tick         ? ht_compare_u64(a->tick, b->tick)
	       : a->process != b->process ? ht_compare_u64(a->process, b->process)
	       : a->thread_serial != b->thread_serial
	               ? ht_compare_u64(a->thread_serial, b->thread_serial)
	       : a->addr != b->addr ? ht_compare_u64(a->addr, b->addr)
	                            : ht_compare_u64(a->node, b->node);
}

void ht_misuse_list_sort(struct ht_misuse_list *list)
{
	if (list->n_misuses)
		qsort(list->misuses, list->n_misuses, sizeof(*list->misuses), compare_times);
}
