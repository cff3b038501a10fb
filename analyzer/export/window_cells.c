/* SPDX-License-Identifier: MIT */
/* What each site did in each part of the recording, and how often each size and lifetime occurred. Analyzer. */
#include "analyzer/export/window_cells.h"

#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/read/event_merge.h"

#include <heaptide/trace_format.h>

#include <stdbool.h>
#include <stdlib.h>

#define FREED_EARLY UINT64_MAX

/* A live block; in the list of free places, only next means something. */
struct block {
	uint64_t size;
	uint64_t birth_ns;
	uint32_t site;
	uint32_t part; /* of the newest allocation or reallocation */
	uint32_t next; /* index + 1 */
};

struct counter {
	const struct ht_export *export;
	struct ht_window_cells *result;
	size_t capacity;
	struct ht_u64_map cell_of; /* site and part -> index + 1 */
	/* Per process: id -> index + 1 in blocks, or the below for one that was freed before its allocation. */
	struct ht_u64_map *live;
	size_t n_live;
	struct ht_u64_map newest_of; /* process and thread -> id + 1 of its newest allocation */
	struct block *blocks;
	size_t n_blocks, blocks_capacity;
	uint32_t free_block; /* index + 1 */
};

static struct ht_window_cell *need_cell(struct counter *c, uint32_t site, uint32_t part)
{
	struct ht_window_cells *r = c->result;
	uint64_t *index = ht_u64_map_put(&c->cell_of, (uint64_t)site << 32 | part);

	if (*index == 0) {
		r->cells =
		        ht_xalloc_grow(r->cells, &c->capacity, r->n_cells + 1, sizeof(*r->cells));
		r->cells[r->n_cells] = (struct ht_window_cell){ .site = site, .part = part };
		*index = ++r->n_cells;
	}
	return &r->cells[*index - 1];
}

static unsigned magnitude(uint64_t v)
{
	return v ? 64 - (unsigned)__builtin_clzll(v) : 0;
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
	need_cell(c, ret_block->site, part)->live_bytes -= (int64_t)ret_block->size;
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

	struct ht_window_cell *cell = need_cell(c, block->site, block->part);

	cell->allocated_bytes += block->size;
	cell->live_bytes += (int64_t)block->size;
	c->result->n_of_size[magnitude(block->size)]++;
	if (is_freed && take_block(c, process, e->id, block->part, &freed))
		c->result->n_of_lifetime[0]++;
}

static void count_event(struct counter *c, uint32_t process, uint32_t thread,
                        const struct ht_event *e)
{
	const struct ht_trace_model *model = c->export->model;
	const struct ht_site_table *table = &c->export->results->sites;
	uint64_t now_ns = ht_tick_clock_ns(&model->clock, e->tick);
	uint64_t part64 = now_ns / c->result->part_ns;
	uint32_t part = part64 < HT_N_CELL_PARTS ? (uint32_t)part64 : HT_N_CELL_PARTS - 1;
	uint64_t *newest = ht_u64_map_put(&c->newest_of, (uint64_t)process << 32 | thread);
	struct block block = { .birth_ns = now_ns };
	bool is_alloc = e->kind == HT_EVENT_ALLOC;

	if (e->kind == HT_EVENT_FREE || e->kind == HT_EVENT_MISSED_FREE) {
		if (!take_block(c, process, e->id, part, &block))
			return;
		if (e->kind == HT_EVENT_MISSED_FREE)
			return;
		c->result->n_of_lifetime[magnitude(now_ns - block.birth_ns)]++;
		if (*newest == e->id + 1)
			need_cell(c, block.site, part)->n_temporary++;
		return;
	}
	if (!ht_kind_has_new_id(e->kind))
		return;
	if (!is_alloc)
		take_block(c, process, e->old_id, part, &block);

	uint32_t stack = ht_stack_tree_find(&model->stacks, &model->processes, process, e->node);

	/* A site of the results: nothing else has a row on the page. */
	if (stack >= table->n_stacks || table->site_of_stack[stack] == 0)
		return;
	block.site = table->site_of_stack[stack] - 1;
	block.size = e->size;
	block.part = part;
	add_block(c, process, e, &block);
	if (is_alloc) {
		need_cell(c, block.site, part)->n_allocations++;
		*newest = e->id + 1;
	}
}

static void count_leaks(struct counter *c)
{
	const struct ht_process_list *processes = &c->export->model->processes;

	for (size_t i = 0; i < c->n_live; i++) {
		const struct ht_process *p = &processes->processes[i];
		uint64_t id, index;
		size_t cursor = 0;

		/* What a program held that another one replaced is not leaked. */
		while ((!p->has_end || p->end_kind != HT_END_EXEC) &&
		       ht_u64_map_next(&c->live[i], &cursor, &id, &index)) {
			if (index == FREED_EARLY)
				continue;

			const struct block *b = &c->blocks[index - 1];

			need_cell(c, b->site, b->part)->leaked_bytes += b->size;
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

	while (ht_event_merge_next(merge, UINT64_MAX, &run) == HT_OK) {
		uint32_t process =
		        ht_process_list_need(&export->model->processes, run.process_serial);

		for (size_t i = 0; i < run.n_events; i++)
			count_event(&c, process, run.thread_serial, &run.events[i]);
	}
	count_leaks(&c);
	ht_event_merge_free(merge);
	ht_u64_map_done(&c.cell_of);
	ht_u64_map_done(&c.newest_of);
	free(c.live);
	free(c.blocks);
	return result;
}

void ht_window_cells_done(struct ht_window_cells *cells)
{
	free(cells->cells);
	*cells = (struct ht_window_cells){ 0 };
}
