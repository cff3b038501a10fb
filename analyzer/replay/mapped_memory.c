/* SPDX-License-Identifier: MIT */
/* What calls that map memory do to the ranges of their processes. Analyzer. */
#include "analyzer/replay/mapped_memory.h"

#include "analyzer/base/checked.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/replay/peak_course.h"
#include "analyzer/replay/range_tree.h"

#include <stdlib.h>
#include <sys/mman.h>

struct walk {
	const struct ht_trace_model *model;
	const struct ht_process_selection *selection;
	struct ht_mapped *mapped;
	struct ht_u64_map site_of; /* stack -> index + 1 */
	size_t sites_capacity;
	struct ht_range_tree *trees; /* of the moment, by process */
};

void ht_mapped_done(struct ht_mapped *mapped)
{
	if (!mapped)
		return;
	free(mapped->sites);
	*mapped = (struct ht_mapped){ 0 };
}

static uint32_t site_of(struct walk *w, const struct ht_mapping *m)
{
	uint32_t stack =
	        ht_stack_tree_find(&w->model->stacks, &w->model->processes, m->process, m->node);
	uint64_t *index = ht_u64_map_put(&w->site_of, stack);
	struct ht_mapped *mapped = w->mapped;

	if (*index == 0) {
		mapped->sites = ht_xalloc_grow(mapped->sites, &w->sites_capacity,
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

static void count_call(struct walk *w, const struct ht_mapping *m)
{
	switch (m->kind) {
	case HT_MAPPING_UNMAP: w->mapped->n_unmaps++; break;
	case HT_MAPPING_REMAP: w->mapped->n_remaps++; break;
	default: w->mapped->n_maps++; break;
	}
}

static void count_mapped(struct ht_mapped *mapped, struct ht_mapped_site *site, uint64_t n_bytes)
{
	site->n_calls++;
	site->mapped_bytes = ht_add_u64_saturating(site->mapped_bytes, n_bytes);
	mapped->mapped_bytes = ht_add_u64_saturating(mapped->mapped_bytes, n_bytes);
}

/* m makes a range its own, over all that was there. */
static void apply_map(struct walk *w, const struct ht_mapping *m, uint32_t kind, bool is_counted)
{
	struct ht_range_tree *tree = &w->trees[m->process];
	const struct ht_range range = {
		.start = m->addr,
		.end = m->addr + m->n_bytes,
		.sequence = m->sequence,
		.site = site_of(w, m),
		.kind = kind,
	};

	ht_range_tree_take(tree, range.start, range.end, UINT64_MAX, NULL, NULL);
	ht_range_tree_put(tree, &range);
	if (is_counted)
		count_mapped(w->mapped, &w->mapped->sites[range.site], m->n_bytes);
}

static void apply_mapping(void *context, struct ht_peak_course *course, size_t item)
{
	struct walk *w = context;
	const struct ht_mapping *m = &w->model->mappings.mappings[item];
	struct ht_range_tree *tree = &w->trees[m->process];
	uint64_t before = tree->n_bytes;
	/* A second view of pages that nobody here mapped is of shared memory, rather. */
	uint32_t kind = HT_MAPPED_FILE;

	if (!ht_process_selection_has(w->selection, m->process))
		return;
	if (course->is_counted)
		count_call(w, m);
	if (m->kind == HT_MAPPING_UNMAP) {
		ht_range_tree_take(tree, m->addr, m->addr + m->n_bytes, UINT64_MAX, NULL, NULL);
	} else if (is_shrinking(m)) {
		ht_range_tree_take(tree, m->addr + m->n_bytes, m->old_addr + m->old_bytes,
		                   m->old_sequence, NULL, NULL);
	} else if (m->kind == HT_MAPPING_REMAP) {
		ht_range_tree_take(tree, m->old_addr, m->old_addr + m->old_bytes, m->old_sequence,
		                   take_kind, &kind);
		apply_map(w, m, kind, course->is_counted);
	} else {
		apply_map(w, m, kind_of(m), course->is_counted);
	}
	course->n_bytes += tree->n_bytes - before;
}

static void leave_range(void *context, const struct ht_range *range)
{
	struct ht_mapped *mapped = context;

	mapped->sites[range->site].n_left++;
	mapped->sites[range->site].left_bytes += range->end - range->start;
	mapped->n_left++;
	mapped->left_bytes += range->end - range->start;
}

static void end_process(void *context, struct ht_peak_course *course, uint32_t process)
{
	struct walk *w = context;
	struct ht_range_tree *tree = &w->trees[process];

	if (course->is_counted && w->model->processes.processes[process].end_kind == HT_END_EXEC)
		w->mapped->at_exec_bytes += tree->n_bytes;
	else if (course->is_counted)
		ht_range_tree_visit(tree, leave_range, w->mapped);
	course->n_bytes -= tree->n_bytes;
	ht_range_tree_done(tree);
}

static void visit_ranges(struct walk *w, ht_range_visit *visit)
{
	for (size_t i = 0; i < w->model->processes.n_processes; i++)
		ht_range_tree_visit(&w->trees[i], visit, w->mapped);
}

static void look_at_end(void *context)
{
	visit_ranges(context, leave_range);
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

static void look_at_peak(void *context)
{
	visit_ranges(context, note_at_peak);
}

static uint64_t tick_of(const void *context, size_t item)
{
	const struct walk *w = context;

	return w->model->mappings.mappings[item].tick;
}

static void begin(void *context)
{
	struct walk *w = context;

	w->trees = ht_xalloc_zeroed(w->model->processes.n_processes, sizeof(*w->trees));
}

static void end(void *context)
{
	struct walk *w = context;

	for (size_t i = 0; i < w->model->processes.n_processes; i++)
		ht_range_tree_done(&w->trees[i]);
	free(w->trees);
}

void ht_mapped_run(const struct ht_trace_model *model, const struct ht_window *window,
                   const struct ht_process_selection *selection, struct ht_mapped *ret_mapped)
{
	struct walk w = { .model = model, .selection = selection, .mapped = ret_mapped };
	const struct ht_peak_walker walker = {
		.n_items = model->mappings.n_mappings,
		.tick_of = tick_of,
		.begin = begin,
		.apply = apply_mapping,
		.end_process = end_process,
		.look_at_end = look_at_end,
		.look_at_peak = look_at_peak,
		.end = end,
	};
	struct ht_peak peak;

	*ret_mapped = (struct ht_mapped){ 0 };
	peak = ht_peak_course_run(&walker, &w, &model->processes, window);
	ret_mapped->peak_bytes = peak.n_bytes;
	ret_mapped->peak_tick = peak.tick;
	ht_u64_map_done(&w.site_of);
}
