/* SPDX-License-Identifier: MIT */
/*
 * Code that programs made at run time, and what was at an address at a time. Analyzer.
 *
 * Ranges may overlap in any way, in honest traces because memory is used again. Each process has a segment tree
 * over the ends of its ranges: a range is in the lists of the few tree nodes that it is made of, and
 * what is at an address is in the lists on the way from its leaf to the root, each in the order of time.
 */
#include "analyzer/model/code_list.h"

#include "analyzer/base/xalloc.h"

#include <heaptide/trace_format.h>

#include <stdlib.h>

/* All lists together: a hostile trace could ask for 40 times as much as it says. */
#define LISTED_MAX (64u << 20)

struct ht_code_index {
	uint64_t *bounds; /* sorted: leaf i is from bounds[i] to bounds[i + 1] */
	size_t n_bounds;
	size_t *first;    /* per tree node, and one more: where its list begins */
	uint32_t *listed; /* index of codes */
};

void ht_code_list_done(struct ht_code_list *list)
{
	if (!list)
		return;
	for (size_t i = 0; i < list->n_indexes; i++) {
		free(list->indexes[i].bounds);
		free(list->indexes[i].first);
		free(list->indexes[i].listed);
	}
	free(list->indexes);
	free(list->codes);
	ht_u64_map_done(&list->newest_at);
	ht_arena_done(&list->arena);
	*list = (struct ht_code_list){ 0 };
}

static uint64_t *newest_at(struct ht_code_list *list, uint32_t process, uint64_t addr)
{
	return ht_u64_map_put(&list->newest_at, ht_u64_mix(addr) + process);
}

/* The name that code had where it was moved from; NULL when none is known. */
static const char *moved_name(struct ht_code_list *list, uint32_t process, uint64_t old_addr)
{
	uint64_t i = *newest_at(list, process, old_addr);

	if (i == 0 || list->codes[i - 1].process != process ||
	    list->codes[i - 1].start_addr != old_addr)
		return NULL;
	return list->codes[i - 1].name;
}

static void add_code(struct ht_code_list *list, const struct ht_code *code)
{
	list->codes = ht_xalloc_grow(list->codes, &list->capacity, list->n_codes + 1,
	                             sizeof(*list->codes));
	list->codes[list->n_codes] = *code;
	list->codes[list->n_codes].number = (uint32_t)list->n_codes;
	*newest_at(list, code->process, code->start_addr) = ++list->n_codes;
}

bool ht_code_list_add(struct ht_code_list *list, struct ht_process_list *processes,
                      struct ht_get *get, uint64_t n_items)
{
	struct ht_code code = { 0 };

	for (uint64_t i = 0; i < n_items; i++) {
		uint32_t serial = ht_get_u32(get);
		uint64_t kind = ht_get_u64(get);
		const uint8_t *name = NULL;
		uint64_t old_addr = 0, n_bytes;
		size_t name_bytes = 0;

		code.tick = ht_get_diff(get, code.tick);
		code.start_addr = ht_get_diff(get, code.start_addr);
		n_bytes = ht_get_u64(get);
		if (kind == HT_CODE_LOAD)
			name_bytes = ht_get_bytes(get, &name);
		else
			old_addr = ht_get_diff(get, code.start_addr);
		if (get->is_bad || n_bytes == 0 || kind == 0 || kind >= HT_N_CODE_KINDS ||
		    __builtin_add_overflow(code.start_addr, n_bytes, &code.end_addr) ||
		    list->n_codes == UINT32_MAX - 1)
			return false;
		code.process = ht_process_list_need(processes, serial);
		code.name = kind == HT_CODE_LOAD ? ht_arena_dup(&list->arena, name, name_bytes)
		                                 : moved_name(list, code.process, old_addr);
		if (code.name)
			add_code(list, &code);
	}
	return ht_get_left(get) == 0;
}

static int compare_codes(const void *va, const void *vb)
{
	const struct ht_code *a = va, *b = vb;

	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	if (a->tick != b->tick)
		return a->tick < b->tick ? -1 : 1;
	return (a->number > b->number) - (a->number < b->number);
}

static int compare_addrs(const void *va, const void *vb)
{
	const uint64_t *a = va, *b = vb;

	return (*a > *b) - (*a < *b);
}

/* The leaf that addr is in, or SIZE_MAX. */
static size_t find_leaf(const struct ht_code_index *index, uint64_t addr)
{
	size_t low = 0, high = index->n_bounds; /* bounds below low are <= addr */

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (index->bounds[middle] <= addr)
			low = middle + 1;
		else
			high = middle;
	}
	return low == 0 || low == index->n_bounds ? SIZE_MAX : low - 1;
}

static void collect_bounds(struct ht_code_index *index, const struct ht_code *codes, size_t n_codes)
{
	size_t n = 0;

	index->bounds = ht_xalloc_zeroed(2 * n_codes, sizeof(*index->bounds));
	for (size_t i = 0; i < n_codes; i++) {
		index->bounds[2 * i] = codes[i].start_addr;
		index->bounds[2 * i + 1] = codes[i].end_addr;
	}
	qsort(index->bounds, 2 * n_codes, sizeof(*index->bounds), compare_addrs);
	for (size_t i = 0; i < 2 * n_codes; i++) {
		if (n == 0 || index->bounds[n - 1] != index->bounds[i])
			index->bounds[n++] = index->bounds[i];
	}
	index->n_bounds = n;
}

/* The tree nodes that a code is made of: 2 per level at most. Node i has the children 2 i and 2 i + 1, leaves come last. */
static size_t cover(const struct ht_code_index *index, const struct ht_code *code,
                    size_t nodes[128])
{
	size_t low = find_leaf(index, code->start_addr) + index->n_bounds;
	size_t high = find_leaf(index, code->end_addr - 1) + 1 + index->n_bounds;
	size_t n = 0;

	for (; low < high; low /= 2, high /= 2) {
		if (low & 1)
			nodes[n++] = low++;
		if (high & 1)
			nodes[n++] = --high;
	}
	return n;
}

/* Make the tree of codes[from..to), all of one process. False when it would be too large. */
static bool make_index(const struct ht_code_list *list, size_t from, size_t to, size_t *n_listed,
                       struct ht_code_index *index)
{
	size_t nodes[128], n_nodes, total = 0;

	collect_bounds(index, list->codes + from, to - from);
	n_nodes = 2 * index->n_bounds;
	index->first = ht_xalloc_zeroed(n_nodes + 2, sizeof(*index->first));
	/* Counted two places on, so that filling the lists moves each beginning to where it belongs. */
	for (size_t i = from; i < to; i++) {
		size_t n = cover(index, &list->codes[i], nodes);

		for (size_t k = 0; k < n; k++)
			index->first[nodes[k] + 2]++;
		total += n;
	}
	*n_listed += total;
	if (*n_listed > LISTED_MAX)
		return false;
	for (size_t i = 2; i < n_nodes + 2; i++)
		index->first[i] += index->first[i - 1];
	index->listed = ht_xalloc_zeroed(total, sizeof(*index->listed));
	for (size_t i = from; i < to; i++) {
		size_t n = cover(index, &list->codes[i], nodes);

		for (size_t k = 0; k < n; k++)
			index->listed[index->first[nodes[k] + 1]++] = (uint32_t)i;
	}
	return true;
}

bool ht_code_list_sort(struct ht_code_list *list, const struct ht_process_list *processes)
{
	size_t n_listed = 0;

	ht_u64_map_done(&list->newest_at);
	if (list->n_codes == 0)
		return true;
	qsort(list->codes, list->n_codes, sizeof(*list->codes), compare_codes);
	list->n_indexes = processes->n_processes;
	list->indexes = ht_xalloc_zeroed(list->n_indexes, sizeof(*list->indexes));
	for (size_t from = 0, to; from < list->n_codes; from = to) {
		struct ht_code_index *index = &list->indexes[list->codes[from].process];

		for (to = from;
		     to < list->n_codes && list->codes[to].process == list->codes[from].process;)
			to++;
		if (!make_index(list, from, to, &n_listed, index)) {
			index->n_bounds = 0;
			return false;
		}
	}
	return true;
}

/* Of one tree node's list take what is better than *best, or older than *oldest. */
static void look_at_node(const struct ht_code_list *list, const struct ht_code_index *index,
                         size_t node, uint64_t tick, size_t *best, size_t *oldest)
{
	size_t first = index->first[node], low = first, high = index->first[node + 1];

	if (low == high)
		return;
	if (index->listed[first] < *oldest)
		*oldest = index->listed[first];
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (list->codes[index->listed[middle]].tick <= tick)
			low = middle + 1;
		else
			high = middle;
	}
	if (low > first && (*best == HT_NO_CODE || index->listed[low - 1] > *best))
		*best = index->listed[low - 1];
}

static size_t find_in_process(const struct ht_code_list *list, uint32_t process, uint64_t addr,
                              uint64_t tick)
{
	size_t best = HT_NO_CODE, oldest = HT_NO_CODE, leaf;
	const struct ht_code_index *index;

	if (process >= list->n_indexes || list->indexes[process].n_bounds == 0)
		return HT_NO_CODE;
	index = &list->indexes[process];
	leaf = find_leaf(index, addr);
	if (leaf == SIZE_MAX)
		return HT_NO_CODE;
	for (size_t node = leaf + index->n_bounds; node > 0; node /= 2)
		look_at_node(list, index, node, tick, &best, &oldest);
	return best != HT_NO_CODE ? best : oldest;
}

size_t ht_code_list_find(const struct ht_code_list *list, const struct ht_process_list *processes,
                         uint32_t process, uint64_t addr, uint64_t tick)
{
	while (process != HT_NO_PROCESS && list->n_indexes > 0) {
		const struct ht_process *p = &processes->processes[process];
		size_t found = find_in_process(list, process, addr, tick);

		if (found != HT_NO_CODE)
			return found;
		tick = p->start_tick < tick ? p->start_tick : tick;
		process = p->parent;
	}
	return HT_NO_CODE;
}
