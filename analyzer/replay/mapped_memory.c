/* SPDX-License-Identifier: MIT */
/* Goes through the calls that map memory twice: to find the peak, and to see who has what there. Analyzer. */
#include "analyzer/replay/mapped_memory.h"

#include "analyzer/base/checked.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/replay/range_tree.h"

#include <stdlib.h>
#include <sys/mman.h>

/* Processes whose end is known, by time. */
struct mapped_end {
	uint64_t tick;
	uint32_t process;
};

struct course {
	const struct ht_trace_model *model;
	const struct ht_process_selection *selection;
	struct ht_mapped *mapped;
	struct ht_u64_map site_of; /* stack -> index + 1 */
	size_t sites_capacity;
	struct mapped_end *ends;
	size_t n_ends;
	/* Of the moment. */
	struct ht_range_tree *trees; /* by process */
	uint64_t n_bytes;
	size_t i_mapping;
	size_t i_end;
};

void ht_mapped_done(struct ht_mapped *mapped)
{
	if (!mapped)
		return;
	free(mapped->sites);
	*mapped = (struct ht_mapped){ 0 };
}

static int compare_ends(const void *va, const void *vb)
{
	const struct mapped_end *a = va, *b = vb;

	if (a->tick != b->tick)
		return a->tick < b->tick ? -1 : 1;
	return a->process < b->process ? -1 : a->process > b->process;
}

static void find_ends(struct course *c)
{
	const struct ht_process_list *list = &c->model->processes;

	c->ends = ht_xalloc_zeroed(list->n_processes, sizeof(*c->ends));
	for (size_t i = 0; i < list->n_processes; i++) {
		if (list->processes[i].has_end)
			c->ends[c->n_ends++] =
			        (struct mapped_end){ list->processes[i].end_tick, (uint32_t)i };
	}
	qsort(c->ends, c->n_ends, sizeof(*c->ends), compare_ends);
}

static uint32_t site_of(struct course *c, const struct ht_mapping *m)
{
	uint32_t stack =
	        ht_stack_tree_find(&c->model->stacks, &c->model->processes, m->process, m->node);
	uint64_t *index = ht_u64_map_put(&c->site_of, stack);
	struct ht_mapped *mapped = c->mapped;

	if (*index == 0) {
		mapped->sites = ht_xalloc_grow(mapped->sites, &c->sites_capacity,
		                               mapped->n_sites + 1, sizeof(*mapped->sites));
		mapped->sites[mapped->n_sites] = (struct ht_mapped_site){ .stack = stack };
		*index = ++mapped->n_sites;
	}
	return (uint32_t)(*index - 1);
}

static uint32_t kind_of(const struct ht_mapping *m)
{
	if (m->protection == PROT_NONE)
		return HT_MAPPED_RESERVED;
	return m->flags & MAP_ANONYMOUS ? HT_MAPPED_ANONYMOUS : HT_MAPPED_FILE;
}

/* What a remap takes along: what the memory is. */
static void take_kind(void *context, const struct ht_range *gone)
{
	uint32_t *kind = context;

	*kind = gone->kind;
}

/* A remap to no more bytes at the same place gives back the rest, and maps nothing. */
static bool is_shrinking(const struct ht_mapping *m)
{
	return m->kind == HT_MAPPING_REMAP && m->addr == m->old_addr && m->n_bytes <= m->old_bytes;
}

static void count_call(struct course *c, const struct ht_mapping *m)
{
	switch (m->kind) {
	case HT_MAPPING_UNMAP: c->mapped->n_unmaps++; break;
	case HT_MAPPING_REMAP: c->mapped->n_remaps++; break;
	default: c->mapped->n_maps++; break;
	}
}

static void count_mapped(struct ht_mapped *mapped, struct ht_mapped_site *site, uint64_t n_bytes)
{
	site->n_calls++;
	site->mapped_bytes = ht_add_u64_saturating(site->mapped_bytes, n_bytes);
	mapped->mapped_bytes = ht_add_u64_saturating(mapped->mapped_bytes, n_bytes);
}

/* m makes a range its own, over all that was there. */
static void apply_map(struct course *c, const struct ht_mapping *m, uint32_t kind, bool is_counted)
{
	struct ht_range_tree *tree = &c->trees[m->process];
	const struct ht_range range = {
		.start = m->addr,
		.end = m->addr + m->n_bytes,
		.sequence = m->sequence,
		.site = site_of(c, m),
		.kind = kind,
	};

	ht_range_tree_take(tree, range.start, range.end, UINT64_MAX, NULL, NULL);
	ht_range_tree_put(tree, &range);
	if (is_counted)
		count_mapped(c->mapped, &c->mapped->sites[range.site], m->n_bytes);
}

static void apply_mapping(struct course *c, const struct ht_mapping *m, bool is_counted)
{
	struct ht_range_tree *tree = &c->trees[m->process];
	uint64_t before = tree->n_bytes;
	/* A second view of pages that nobody here mapped is of shared memory, rather. */
	uint32_t kind = HT_MAPPED_FILE;

	if (is_counted)
		count_call(c, m);
	if (m->kind == HT_MAPPING_UNMAP) {
		ht_range_tree_take(tree, m->addr, m->addr + m->n_bytes, UINT64_MAX, NULL, NULL);
	} else if (is_shrinking(m)) {
		ht_range_tree_take(tree, m->addr + m->n_bytes, m->old_addr + m->old_bytes,
		                   m->old_sequence, NULL, NULL);
	} else if (m->kind == HT_MAPPING_REMAP) {
		ht_range_tree_take(tree, m->old_addr, m->old_addr + m->old_bytes, m->old_sequence,
		                   take_kind, &kind);
		apply_map(c, m, kind, is_counted);
	} else {
		apply_map(c, m, kind_of(m), is_counted);
	}
	c->n_bytes += tree->n_bytes - before;
}

static void leave_range(void *context, const struct ht_range *range)
{
	struct ht_mapped *mapped = context;

	mapped->sites[range->site].n_left++;
	mapped->sites[range->site].left_bytes += range->end - range->start;
	mapped->n_left++;
	mapped->left_bytes += range->end - range->start;
}

static void end_process(struct course *c, uint32_t process, bool is_counted)
{
	struct ht_range_tree *tree = &c->trees[process];

	if (is_counted && c->model->processes.processes[process].end_kind == HT_END_EXEC)
		c->mapped->at_exec_bytes += tree->n_bytes;
	else if (is_counted)
		ht_range_tree_visit(tree, leave_range, c->mapped);
	c->n_bytes -= tree->n_bytes;
	ht_range_tree_done(tree);
}

/* When the next step is; UINT64_MAX when there is none. */
static uint64_t next_tick(const struct course *c)
{
	const struct ht_mapping_list *list = &c->model->mappings;
	uint64_t tick = UINT64_MAX;

	if (c->i_mapping < list->n_mappings)
		tick = list->mappings[c->i_mapping].tick;
	if (c->i_end < c->n_ends && c->ends[c->i_end].tick < tick)
		tick = c->ends[c->i_end].tick;
	return tick;
}

static bool is_over(const struct course *c)
{
	return c->i_mapping == c->model->mappings.n_mappings && c->i_end == c->n_ends;
}

/* One call, or one process' end; calls of the same tick come first. */
static void step(struct course *c, bool is_counted)
{
	const struct ht_mapping_list *list = &c->model->mappings;

	if (c->i_mapping < list->n_mappings &&
	    (c->i_end == c->n_ends ||
	     list->mappings[c->i_mapping].tick <= c->ends[c->i_end].tick)) {
		const struct ht_mapping *m = &list->mappings[c->i_mapping++];

		if (ht_process_selection_has(c->selection, m->process))
			apply_mapping(c, m, is_counted);
	} else {
		end_process(c, c->ends[c->i_end++].process, is_counted);
	}
}

static size_t n_steps(const struct course *c)
{
	return c->i_mapping + c->i_end;
}

static void begin_course(struct course *c)
{
	c->trees = ht_xalloc_zeroed(c->model->processes.n_processes, sizeof(*c->trees));
	c->n_bytes = 0;
	c->i_mapping = c->i_end = 0;
}

static void end_course(struct course *c)
{
	for (size_t i = 0; i < c->model->processes.n_processes; i++)
		ht_range_tree_done(&c->trees[i]);
	free(c->trees);
}

/* Count all of the window. Returns after how many steps the peak was. */
static size_t find_peak(struct course *c, const struct ht_window *window)
{
	bool is_whole = !window->is_part && !window->is_instant;
	uint64_t from_tick = is_whole ? 0 : window->from_tick;
	size_t peak_steps;

	begin_course(c);
	while (!is_over(c) && !is_whole && next_tick(c) <= from_tick)
		step(c, false);
	peak_steps = n_steps(c);
	c->mapped->peak_bytes = c->n_bytes;
	c->mapped->peak_tick = from_tick;
	while (!is_over(c) && next_tick(c) <= window->to_tick) {
		uint64_t tick = next_tick(c);

		step(c, true);
		if (c->n_bytes > c->mapped->peak_bytes) {
			c->mapped->peak_bytes = c->n_bytes;
			c->mapped->peak_tick = tick;
			peak_steps = n_steps(c);
		}
	}
	for (size_t i = 0; i < c->model->processes.n_processes; i++)
		ht_range_tree_visit(&c->trees[i], leave_range, c->mapped);
	end_course(c);
	return peak_steps;
}

static void note_at_peak(void *context, const struct ht_range *range)
{
	struct ht_mapped *mapped = context;
	uint64_t n_bytes = range->end - range->start;

	mapped->sites[range->site].n_at_peak++;
	mapped->sites[range->site].at_peak_bytes += n_bytes;
	mapped->n_at_peak++;
	mapped->at_peak_bytes_of[range->kind] += n_bytes;
}

static void look_at_peak(struct course *c, size_t peak_steps)
{
	begin_course(c);
	while (n_steps(c) < peak_steps)
		step(c, false);
	for (size_t i = 0; i < c->model->processes.n_processes; i++)
		ht_range_tree_visit(&c->trees[i], note_at_peak, c->mapped);
	end_course(c);
}

void ht_mapped_run(const struct ht_trace_model *model, const struct ht_window *window,
                   const struct ht_process_selection *selection, struct ht_mapped *ret_mapped)
{
	struct course c = { .model = model, .selection = selection, .mapped = ret_mapped };

	*ret_mapped = (struct ht_mapped){ 0 };
	find_ends(&c);
	look_at_peak(&c, find_peak(&c, window));
	ht_u64_map_done(&c.site_of);
	free(c.ends);
}
