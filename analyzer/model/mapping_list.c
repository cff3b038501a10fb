/* SPDX-License-Identifier: MIT */
/* Reads MAPPINGS blocks, which may be hostile. Analyzer. */
#include "analyzer/model/mapping_list.h"

#include "analyzer/base/compare.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>

void ht_mapping_list_done(struct ht_mapping_list *list)
{
	if (!list)
		return;
	free(list->mappings);
	*list = (struct ht_mapping_list){ 0 };
}

bool ht_mapping_list_add(struct ht_mapping_list *list, struct ht_process_list *processes,
                         struct ht_get *get, uint64_t n_items)
{
	for (uint64_t i = 0; i < n_items; i++) {
		struct ht_mapping m;
		uint32_t process_serial = ht_get_u32(get);

		m.thread_serial = ht_get_u32(get);
		m.kind = ht_get_u32(get);
		m.tick = ht_get_u64(get);
		m.node = ht_get_u32(get);
		m.sequence = ht_get_u64(get);
		m.addr = ht_get_u64(get);
		m.n_bytes = ht_get_u64(get);
		m.protection = ht_get_u32(get);
		m.flags = ht_get_u32(get);
		m.old_addr = ht_get_u64(get);
		m.old_bytes = ht_get_u64(get);
		m.old_sequence = ht_get_u64(get);
		if (get->is_bad || m.old_sequence > m.sequence ||
		    !ht_mapping_is_possible(m.kind, m.addr, m.n_bytes, m.old_addr, m.old_bytes))
			return false;
		m.process = ht_process_list_need(processes, process_serial);
		list->mappings = ht_xalloc_grow(list->mappings, &list->capacity,
		                                list->n_mappings + 1, sizeof(*list->mappings));
		list->mappings[list->n_mappings++] = m;
	}
	return ht_get_left(get) == 0;
}

static int compare_sequences(const void *va, const void *vb)
{
	const struct ht_mapping *a = va, *b = vb;

	return a->process != b->process ? ht_compare_u64(a->process, b->process)
	                                : ht_compare_u64(a->sequence, b->sequence);
}

static int compare_times(const void *va, const void *vb)
{
	const struct ht_mapping *a = va, *b = vb;

	return a->tick != b->tick ? ht_compare_u64(a->tick, b->tick) : compare_sequences(va, vb);
}

void ht_mapping_list_sort(struct ht_mapping_list *list)
{
	struct ht_mapping *mappings = list->mappings;

	if (list->n_mappings == 0)
		return;
	qsort(mappings, list->n_mappings, sizeof(*mappings), compare_sequences);
	for (size_t i = 1; i < list->n_mappings; i++) {
		if (mappings[i].process == mappings[i - 1].process &&
		    mappings[i].tick < mappings[i - 1].tick)
			mappings[i].tick = mappings[i - 1].tick;
	}
	qsort(mappings, list->n_mappings, sizeof(*mappings), compare_times);
}
