/* SPDX-License-Identifier: MIT */
/* What happened between the marks of a trace. Analyzer. */
#include "analyzer/agg/phase_list.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

struct ht_phase *ht_phase_list_add(struct ht_phase_list *list, uint32_t mark, uint64_t from_tick)
{
	list->phases = ht_xalloc_grow(list->phases, &list->capacity, list->n_phases + 1,
	                              sizeof(*list->phases));
	list->phases[list->n_phases] = (struct ht_phase){ .mark = mark, .from_tick = from_tick };
	return &list->phases[list->n_phases++];
}

struct ht_phase *ht_phase_list_find(const struct ht_phase_list *list, uint64_t tick)
{
	size_t low = 0, high = list->n_phases;

	if (list->n_phases == 0)
		return NULL;
	/* The first one that begins at tick or behind it; the one before has it. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->phases[middle].from_tick < tick)
			low = middle + 1;
		else
			high = middle;
	}
	return &list->phases[low > 0 ? low - 1 : 0];
}

void ht_phase_list_done(struct ht_phase_list *list)
{
	free(list->phases);
	*list = (struct ht_phase_list){ 0 };
}
