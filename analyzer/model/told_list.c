/* SPDX-License-Identifier: MIT */
/* Reads TOLD blocks, which may be hostile, and adds up the pauses. Analyzer. */
#include "analyzer/model/told_list.h"

#include "analyzer/base/checked.h"
#include "analyzer/base/compare.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>

void ht_told_list_done(struct ht_told_list *list)
{
	if (!list)
		return;
	free(list->told);
	ht_arena_done(&list->arena);
	*list = (struct ht_told_list){ 0 };
}

bool ht_told_list_add(struct ht_told_list *list, struct ht_process_list *processes, struct ht_get *get,
                      uint64_t n_items)
{
	struct ht_told t = { 0 };

	for (uint64_t i = 0; i < n_items; i++) {
		uint32_t process_serial = ht_get_u32(get);

		t.thread_serial = ht_get_u32(get);
		t.kind = ht_get_u32(get);
		t.tick = ht_get_diff(get, t.tick);
		t.sequence = ht_get_diff(get, t.sequence);
		t.node = ht_get_u32(get);
		t.pool = ht_get_diff(get, t.pool);
		t.addr = ht_get_diff(get, t.addr);
		t.n_bytes = ht_get_u64(get);
		if (get->is_bad || !ht_told_is_possible(t.kind, t.pool, t.addr, t.n_bytes))
			return false;
		t.name = NULL;
		if (t.kind == HT_TOLD_POOL_NAME) {
			const uint8_t *name;
			size_t n_name_bytes = ht_get_bytes(get, &name);

			if (get->is_bad ||
			    !ht_told_name_is_possible((const char *)name, n_name_bytes))
				return false;
			t.name = ht_arena_dup(&list->arena, name, n_name_bytes);
		}
		list->n_pool_calls += t.kind >= HT_TOLD_POOL_NAME;
		t.process = ht_process_list_need(processes, process_serial);
		list->told = ht_xalloc_grow(list->told, &list->capacity, list->n_told + 1,
		                            sizeof(*list->told));
		list->told[list->n_told++] = t;
	}
	return ht_get_left(get) == 0;
}

static int compare_sequences(const void *va, const void *vb)
{
	const struct ht_told *a = va, *b = vb;

	return a->process != b->process     ? ht_compare_u64(a->process, b->process)
	       : a->sequence != b->sequence ? ht_compare_u64(a->sequence, b->sequence)
	                                    : ht_compare_u64(a->tick, b->tick);
}

static int compare_times(const void *va, const void *vb)
{
	const struct ht_told *a = va, *b = vb;

	return a->tick != b->tick ? ht_compare_u64(a->tick, b->tick) : compare_sequences(va, vb);
}

void ht_told_list_sort(struct ht_told_list *list)
{
	struct ht_told *told = list->told;

	if (list->n_told == 0)
		return;
	qsort(told, list->n_told, sizeof(*told), compare_sequences);
	for (size_t i = 1; i < list->n_told; i++) {
		if (told[i].process == told[i - 1].process && told[i].tick < told[i - 1].tick)
			told[i].tick = told[i - 1].tick;
	}
	qsort(told, list->n_told, sizeof(*told), compare_times);
}

/* As many ticks more as from one to the other. */
static void add_span(struct ht_pauses *pauses, uint64_t from, uint64_t to)
{
	if (to > from)
		pauses->ticks = ht_add_u64_saturating(pauses->ticks, to - from);
}

struct ht_pauses ht_told_list_pauses(const struct ht_told_list *list,
                                     const struct ht_process_list *processes,
                                     const struct ht_process_selection *selection,
                                     uint64_t last_tick)
{
	struct ht_pauses pauses = { .is_counted = true };
	struct ht_u64_map since = { 0 }; /* process and thread -> index + 1 of a PAUSE; 0 when it is over */

	for (size_t i = 0; i < list->n_told; i++) {
		const struct ht_told *t = &list->told[i];

		if ((t->kind != HT_TOLD_PAUSE && t->kind != HT_TOLD_RESUME) ||
		    !ht_process_selection_has(selection, t->process))
			continue;
		uint64_t thread = (uint64_t)t->process << 32 | t->thread_serial;

		uint64_t *open = ht_u64_map_get(&since, thread);

		if (t->kind == HT_TOLD_PAUSE && (!open || *open == 0)) {
			pauses.n++;
			pauses.is_counted &= processes->processes[t->process].has_end;
			pauses.n_threads += !open;
			*ht_u64_map_put(&since, thread) = i + 1;
		} else if (t->kind == HT_TOLD_RESUME && open && *open != 0) {
			add_span(&pauses, list->told[*open - 1].tick, t->tick);
			*open = 0;
		}
	}
	for (size_t i = 0; i < list->n_told; i++) {
		const struct ht_told *t = &list->told[i];
		const struct ht_process *process = &processes->processes[t->process];
		uint64_t *open = ht_u64_map_get(&since, (uint64_t)t->process << 32 | t->thread_serial);

		if (!open || *open != i + 1)
			continue;
		pauses.n_open++;
		add_span(&pauses, t->tick, process->has_end ? process->end_tick : last_tick);
	}
	ht_u64_map_done(&since);
	return pauses;
}
