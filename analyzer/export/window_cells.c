/* SPDX-License-Identifier: MIT */
/* What each site and thread did in each part of the recording, and how often each size and lifetime occurred. Analyzer. */
#include "analyzer/export/window_cells.h"

#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/read/event_merge.h"

#include <heaptide/trace_format.h>

#include <stdbool.h>
#include <stdlib.h>

#define FREED_EARLY UINT64_MAX

/* Where a block was allocated; a realloc changes none of it. */
struct birth {
	uint64_t ns;
	uint64_t n; /* how many the thread had allocated then */
	uint32_t thread_serial;
	uint32_t site;
	uint32_t thread; /* in the result */
	uint32_t part;
};

/* A live block; in the list of free places, only next means something. */
struct block {
	struct birth birth;
	uint64_t size;
	/* Of the newest allocation or reallocation. */
	uint32_t site;
	uint32_t thread;
	uint32_t part;
	uint32_t next; /* index + 1 */
};

struct counter {
	const struct ht_export *export;
	struct ht_window_cells *result;
	size_t capacity;
	struct ht_u64_map cell_of;   /* site, thread and part -> index + 1 */
	struct ht_u64_map thread_of; /* process and serial -> index + 1 in the result */
	uint64_t n_events;
	/* Per process: id -> index + 1 in blocks, or the below for one that was freed before its allocation. */
	struct ht_u64_map *live;
	size_t n_live;
	struct ht_u64_map allocated_by; /* process and thread -> how many it has allocated */
	struct block *blocks;
	size_t n_blocks, blocks_capacity;
	uint32_t free_block; /* index + 1 */
};

static struct ht_window_cell *need_cell(struct counter *c, uint32_t site, uint32_t thread,
                                        uint32_t part)
{
	struct ht_window_cells *r = c->result;
	uint64_t *index =
	        ht_u64_map_put(&c->cell_of, (uint64_t)site << 32 | (uint64_t)thread << 16 | part);

	if (*index == 0) {
		r->cells =
		        ht_xalloc_grow(r->cells, &c->capacity, r->n_cells + 1, sizeof(*r->cells));
		r->cells[r->n_cells] =
		        (struct ht_window_cell){ .site = site, .part = part, .thread = thread };
		*index = ++r->n_cells;
	}
	return &r->cells[*index - 1];
}

static void count_magnitude(struct ht_magnitudes *of, uint32_t thread, uint32_t part, uint64_t v)
{
	unsigned magnitude = v ? 64 - (unsigned)__builtin_clzll(v) : 0;

	of[(size_t)thread * HT_N_CELL_PARTS + part].n[magnitude]++;
}

static uint64_t thread_key(uint32_t process, uint32_t serial)
{
	return (uint64_t)process << 32 | serial;
}

static int by_calls(const void *va, const void *vb)
{
	const struct ht_thread_result *a = *(const struct ht_thread_result *const *)va;
	const struct ht_thread_result *b = *(const struct ht_thread_result *const *)vb;
	uint64_t n_a = a->n_allocations + a->n_reallocations;
	uint64_t n_b = b->n_allocations + b->n_reallocations;

	if (n_a != n_b)
		return n_a > n_b ? -1 : 1;
	return a < b ? -1 : a > b;
}

/* The threads that are told apart. */
static void choose_threads(struct counter *c)
{
	const struct ht_results *results = c->export->results;
	struct ht_window_cells *r = c->result;
	const struct ht_thread_result **ranked =
	        ht_xalloc_zeroed(results->n_threads + 1, sizeof(*ranked));
	size_t n = 0;

	for (size_t i = 0; i < results->n_threads; i++) {
		const struct ht_thread_result *t = &results->threads[i];

		if (t->n_allocations + t->n_reallocations > 0)
			ranked[n++] = t;
	}
	qsort(ranked, n, sizeof(*ranked), by_calls);
	r->n_threads = n > HT_MAX_CELL_THREADS ? HT_MAX_CELL_THREADS : (uint32_t)n;
	for (uint32_t i = 0; i < r->n_threads; i++) {
		if (n > HT_MAX_CELL_THREADS && i + 1 == r->n_threads)
			break;
		r->threads[i] = ranked[i];
		*ht_u64_map_put(&c->thread_of, thread_key(ranked[i]->process, ranked[i]->serial)) =
		        (uint64_t)i + 1;
	}
	if (r->n_threads == 0)
		r->n_threads = 1;
	free(ranked);
}

static uint32_t thread_of(struct counter *c, uint32_t process, uint32_t serial)
{
	uint64_t index = *ht_u64_map_put(&c->thread_of, thread_key(process, serial));

	return index ? (uint32_t)index - 1 : c->result->n_threads - 1;
}

static struct ht_u64_map *live_of(struct counter *c, uint32_t process)
{
	if (process >= c->n_live) {
		size_t n = (size_t)process + 1;

		c->live = ht_xalloc_resize(c->live, n, sizeof(*c->live));
		for (size_t i = c->n_live; i < n; i++)
			c->live[i] = (struct ht_u64_map){ 0 };
		c->n_live = n;
	}
	return &c->live[process];
}

static struct block *new_block(struct counter *c, uint64_t *ret_index)
{
	uint32_t place = c->free_block;

	if (place) {
		c->free_block = c->blocks[place - 1].next;
	} else {
		c->blocks = ht_xalloc_grow(c->blocks, &c->blocks_capacity, c->n_blocks + 1,
		                           sizeof(*c->blocks));
		place = (uint32_t)++c->n_blocks;
	}
	*ret_index = place;
	return &c->blocks[place - 1];
}

/* Take a block out of the live ones; false when it is none (inherited, or freed unseen). */
static bool take_block(struct counter *c, uint32_t process, uint64_t id, uint32_t part,
                       struct block *ret_block)
{
	uint64_t index;

	if (id < c->export->model->processes.processes[process].first_own_id)
		return false;
	if (!ht_u64_map_remove(live_of(c, process), id, &index) || index == FREED_EARLY) {
		/* Another thread's allocation, whose tick is a little later. */
		*ht_u64_map_put(live_of(c, process), id) = FREED_EARLY;
		return false;
	}
	*ret_block = c->blocks[index - 1];
	c->blocks[index - 1].next = c->free_block;
	c->free_block = (uint32_t)index;
	need_cell(c, ret_block->site, ret_block->thread, part)->live_bytes -=
	        (int64_t)ret_block->size;
	return true;
}

static void add_block(struct counter *c, uint32_t process, const struct ht_event *e,
                      const struct block *block)
{
	uint64_t index, early = 0;
	bool is_freed =
	        ht_u64_map_remove(live_of(c, process), e->id, &early) && early == FREED_EARLY;
	struct block freed;

	*new_block(c, &index) = *block;
	*ht_u64_map_put(live_of(c, process), e->id) = index;

	struct ht_window_cell *cell = need_cell(c, block->site, block->thread, block->part);

	cell->allocated_bytes += block->size;
	cell->live_bytes += (int64_t)block->size;
	count_magnitude(c->result->of_size, block->thread, block->part, block->size);
	if (is_freed && take_block(c, process, e->id, block->part, &freed))
		count_magnitude(c->result->of_lifetime, block->thread, block->part, 0);
}

static void count_event(struct counter *c, uint32_t process, uint32_t thread,
                        const struct ht_event *e)
{
	const struct ht_trace_model *model = c->export->model;
	const struct ht_site_table *table = &c->export->results->sites;
	uint64_t now_ns = ht_tick_clock_ns(&model->clock, e->tick);
	uint64_t part64 = now_ns / c->result->part_ns;
	uint32_t part = part64 < HT_N_CELL_PARTS ? (uint32_t)part64 : HT_N_CELL_PARTS - 1;
	uint64_t *n_allocated = ht_u64_map_put(&c->allocated_by, thread_key(process, thread));
	struct block block = { .size = 0 };
	bool is_alloc = e->kind == HT_EVENT_ALLOC;

	if (e->kind == HT_EVENT_FREE || e->kind == HT_EVENT_MISSED_FREE) {
		const struct birth *birth = &block.birth;

		if (!take_block(c, process, e->id, part, &block) || e->kind == HT_EVENT_MISSED_FREE)
			return;
		count_magnitude(c->result->of_lifetime, block.thread, part, now_ns - birth->ns);
		if (birth->thread_serial == thread && birth->n == *n_allocated)
			need_cell(c, birth->site, birth->thread, birth->part)->n_temporary++;
		return;
	}
	if (!ht_kind_has_new_id(e->kind))
		return;
	bool is_known = !is_alloc && take_block(c, process, e->old_id, part, &block);
	uint32_t stack = ht_stack_tree_find(&model->stacks, &model->processes, process, e->node);

	/* A site of the results: nothing else has a row on the page. */
	if (stack >= table->n_stacks || table->site_of_stack[stack] == 0)
		return;
	block.site = table->site_of_stack[stack] - 1;
	block.size = e->size;
	block.part = part;
	block.thread = thread_of(c, process, thread);
	*n_allocated += is_alloc;
	if (!is_known)
		block.birth = (struct birth){ .ns = now_ns,
			                      .n = *n_allocated,
			                      .thread_serial = thread,
			                      .site = block.site,
			                      .thread = block.thread,
			                      .part = part };
	add_block(c, process, e, &block);
	if (is_alloc)
		need_cell(c, block.site, block.thread, part)->n_allocations++;
}

/* What was live at the peak, after its event. Of a process that had ended nothing is. */
static void keep_peak(struct counter *c)
{
	const struct ht_process_list *processes = &c->export->model->processes;
	uint64_t peak_tick = c->export->results->sites.peak_tick;
	struct ht_window_cells *r = c->result;
	struct ht_u64_map peak_of = { 0 };
	size_t capacity = 0;

	for (size_t i = 0; i < c->n_live; i++) {
		const struct ht_process *p = &processes->processes[i];
		uint64_t id, index;
		size_t cursor = 0;

		while (!(p->has_end && p->end_tick < peak_tick) &&
		       ht_u64_map_next(&c->live[i], &cursor, &id, &index)) {
			if (index == FREED_EARLY)
				continue;

			const struct block *b = &c->blocks[index - 1];
			uint64_t *peak =
			        ht_u64_map_put(&peak_of, (uint64_t)b->site << 32 | b->thread);

			if (*peak == 0) {
				r->peaks = ht_xalloc_grow(r->peaks, &capacity, r->n_peaks + 1,
				                          sizeof(*r->peaks));
				r->peaks[r->n_peaks] =
				        (struct ht_peak_cell){ b->site, b->thread, 0 };
				*peak = ++r->n_peaks;
			}
			r->peaks[*peak - 1].bytes += b->size;
		}
	}
	ht_u64_map_done(&peak_of);
}

/* From which part on a process holds nothing any more; HT_N_CELL_PARTS: it does to the end. */
static uint32_t part_without(const struct counter *c, const struct ht_process *p)
{
	const struct ht_tick_clock *clock = &c->export->model->clock;
	uint64_t last = ht_tick_clock_ns(clock, c->export->results->end_tick) / c->result->part_ns;

	if (!p->has_end)
		return HT_N_CELL_PARTS;

	uint64_t part = ht_tick_clock_ns(clock, p->end_tick) / c->result->part_ns;

	/* A window that ends with a process shows what that had in the end. */
	if (p->end_kind != HT_END_EXEC)
		part++;
	return part <= last && part < HT_N_CELL_PARTS ? (uint32_t)part : HT_N_CELL_PARTS;
}

static void count_leaks(struct counter *c)
{
	const struct ht_process_list *processes = &c->export->model->processes;

	for (size_t i = 0; i < c->n_live; i++) {
		const struct ht_process *p = &processes->processes[i];
		uint32_t gone = part_without(c, p);
		uint64_t id, index;
		size_t cursor = 0;

		while (ht_u64_map_next(&c->live[i], &cursor, &id, &index)) {
			if (index == FREED_EARLY)
				continue;

			const struct block *b = &c->blocks[index - 1];

			if (gone < HT_N_CELL_PARTS)
				need_cell(c, b->site, b->thread, gone)->live_bytes -=
				        (int64_t)b->size;
			/* What a program held that another one replaced is not leaked. */
			if (!p->has_end || p->end_kind != HT_END_EXEC)
				need_cell(c, b->site, b->thread, b->part)->leaked_bytes += b->size;
		}
		ht_u64_map_done(&c->live[i]);
	}
}

struct ht_window_cells ht_window_cells_new(const struct ht_export *export)
{
	uint64_t end_ns = ht_tick_clock_ns(&export->model->clock, export->results->end_tick);
	struct ht_window_cells result = { .part_ns = end_ns / HT_N_CELL_PARTS + 1 };
	struct counter c = { .export = export, .result = &result };
	struct ht_event_merge *merge = ht_event_merge_new(export->file, 0);
	struct ht_event_run run;

	choose_threads(&c);
	result.of_size = ht_xalloc_zeroed((size_t)result.n_threads * HT_N_CELL_PARTS,
	                                  sizeof(*result.of_size));
	result.of_lifetime = ht_xalloc_zeroed((size_t)result.n_threads * HT_N_CELL_PARTS,
	                                      sizeof(*result.of_lifetime));
	while (ht_event_merge_next(merge, UINT64_MAX, &run) == HT_OK) {
		uint32_t process =
		        ht_process_list_need(&export->model->processes, run.process_serial);

		for (size_t i = 0; i < run.n_events; i++) {
			count_event(&c, process, run.thread_serial, &run.events[i]);
			if (++c.n_events == export->results->peak_event)
				keep_peak(&c);
		}
	}
	count_leaks(&c);
	ht_event_merge_free(merge);
	ht_u64_map_done(&c.cell_of);
	ht_u64_map_done(&c.thread_of);
	ht_u64_map_done(&c.allocated_by);
	free(c.live);
	free(c.blocks);
	return result;
}

void ht_window_cells_done(struct ht_window_cells *cells)
{
	free(cells->cells);
	free(cells->peaks);
	free(cells->of_size);
	free(cells->of_lifetime);
	*cells = (struct ht_window_cells){ 0 };
}
