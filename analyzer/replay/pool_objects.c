/* SPDX-License-Identifier: MIT */
/* Goes through what was told of pools twice: to find the peak, and to see who has what there. Analyzer. */
#include "analyzer/replay/pool_objects.h"

#include "analyzer/base/checked.h"
#include "analyzer/base/compare.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

struct object {
	uint64_t n_bytes;
	uint32_t site;
};

/* While it lives; its address is the key of its process' map. */
struct pool {
	struct ht_u64_map objects; /* address -> index in course.objects */
	uint32_t group;
	uint64_t n_bytes;
	bool is_counted; /* in the group's n_pools */
};

struct process_end {
	uint64_t tick;
	uint32_t process;
};

struct course {
	const struct ht_trace_model *model;
	const struct ht_process_selection *selection;
	struct ht_pools *pools;
	struct ht_u64_map site_of; /* stack -> index + 1 */
	size_t sites_capacity;
	struct process_end *ends;
	size_t n_ends;
	bool is_counted; /* else the sums are not for now */
	/* Of the moment. */
	struct ht_u64_map *pool_of; /* by process: address -> index in all */
	struct pool *all;
	size_t n_all;
	size_t all_capacity;
	uint32_t *ended; /* places in all */
	size_t n_ended;
	size_t ended_capacity;
	struct object *objects;
	size_t n_objects;
	size_t objects_capacity;
	uint32_t *unused; /* places in objects */
	size_t n_unused;
	size_t unused_capacity;
	uint64_t n_bytes;
	uint64_t tick;
	size_t i_told;
	size_t i_end;
};

void ht_pools_done(struct ht_pools *pools)
{
	if (!pools)
		return;
	free(pools->sites);
	free(pools->groups);
	*pools = (struct ht_pools){ 0 };
}

static int compare_ends(const void *va, const void *vb)
{
	const struct process_end *a = va, *b = vb;

	return a->tick != b->tick ? ht_compare_u64(a->tick, b->tick)
	                          : ht_compare_u64(a->process, b->process);
}

static void find_ends(struct course *c)
{
	const struct ht_process_list *list = &c->model->processes;

	c->ends = ht_xalloc_zeroed(list->n_processes, sizeof(*c->ends));
	for (size_t i = 0; i < list->n_processes; i++) {
		if (list->processes[i].has_end)
			c->ends[c->n_ends++] =
			        (struct process_end){ list->processes[i].end_tick, (uint32_t)i };
	}
	qsort(c->ends, c->n_ends, sizeof(*c->ends), compare_ends);
}

static int compare_names(const void *va, const void *vb)
{
	const struct ht_pool_group *a = va, *b = vb;

	return strcmp(a->name, b->name);
}

/* One group for each name, and the first one for none. */
static void make_groups(struct course *c)
{
	const struct ht_told_list *list = &c->model->told;
	struct ht_pools *pools = c->pools;
	size_t capacity = 0, n = 0;

	for (size_t i = 0; i <= list->n_told; i++) {
		const char *name = i == 0 ? "" : list->told[i - 1].name;

		if (!name)
			continue;
		pools->groups = ht_xalloc_grow(pools->groups, &capacity, pools->n_groups + 1,
		                               sizeof(*pools->groups));
		pools->groups[pools->n_groups++] = (struct ht_pool_group){ .name = name };
	}
	qsort(pools->groups, pools->n_groups, sizeof(*pools->groups), compare_names);
	for (size_t i = 0; i < pools->n_groups; i++) {
		if (n == 0 || compare_names(&pools->groups[n - 1], &pools->groups[i]) != 0)
			pools->groups[n++] = pools->groups[i];
	}
	pools->n_groups = n;
}

static uint32_t group_of(const struct course *c, const char *name)
{
	const struct ht_pool_group key = { .name = name };
	const struct ht_pool_group *found =
	        bsearch(&key, c->pools->groups, c->pools->n_groups, sizeof(key), compare_names);

	return (uint32_t)(found - c->pools->groups);
}

static uint32_t site_of(struct course *c, const struct ht_told *t)
{
	uint32_t stack =
	        ht_stack_tree_find(&c->model->stacks, &c->model->processes, t->process, t->node);
	uint64_t *index = ht_u64_map_put(&c->site_of, stack);
	struct ht_pools *pools = c->pools;

	if (*index == 0) {
		pools->sites = ht_xalloc_grow(pools->sites, &c->sites_capacity, pools->n_sites + 1,
		                              sizeof(*pools->sites));
		pools->sites[pools->n_sites] = (struct ht_pool_site){ .stack = stack };
		*index = ++pools->n_sites;
	}
	return (uint32_t)(*index - 1);
}

static struct pool *find_pool(struct course *c, const struct ht_told *t)
{
	const uint64_t *index = ht_u64_map_get(&c->pool_of[t->process], t->pool);

	return index ? &c->all[*index] : NULL;
}

/* The pool, which begins with what is told of it first. */
static struct pool *need_pool(struct course *c, const struct ht_told *t)
{
	struct pool *pool = find_pool(c, t);

	if (pool)
		return pool;
	uint32_t i_pool = (uint32_t)c->n_all;

	if (c->n_ended > 0) {
		i_pool = c->ended[--c->n_ended];
	} else {
		c->all = ht_xalloc_grow(c->all, &c->all_capacity, c->n_all + 1, sizeof(*c->all));
		c->n_all++;
	}
	c->all[i_pool] = (struct pool){ 0 };
	*ht_u64_map_put(&c->pool_of[t->process], t->pool) = i_pool;
	return &c->all[i_pool];
}

static struct ht_pool_group *group(struct course *c, const struct pool *pool)
{
	return &c->pools->groups[pool->group];
}

static void add_bytes(struct course *c, struct pool *pool, uint64_t n_bytes)
{
	struct ht_pool_group *g = group(c, pool);

	/* No saturation: what is added goes away again. */
	pool->n_bytes += n_bytes;
	c->n_bytes += n_bytes;
	g->live_bytes += n_bytes;
	if (g->live_bytes > g->peak_bytes && c->is_counted) {
		g->peak_bytes = g->live_bytes;
		g->peak_tick = c->tick;
	}
}

static void subtract_bytes(struct course *c, struct pool *pool, uint64_t n_bytes)
{
	pool->n_bytes -= n_bytes;
	c->n_bytes -= n_bytes;
	group(c, pool)->live_bytes -= n_bytes;
}

/* Its place in the map is the caller's. */
static void end_object(struct course *c, struct pool *pool, uint64_t i_object)
{
	subtract_bytes(c, pool, c->objects[i_object].n_bytes);
	c->unused =
	        ht_xalloc_grow(c->unused, &c->unused_capacity, c->n_unused + 1, sizeof(*c->unused));
	c->unused[c->n_unused++] = (uint32_t)i_object;
}

static void clear_pool(struct course *c, struct pool *pool)
{
	uint64_t addr, i_object;
	size_t cursor = 0;

	if (c->is_counted)
		group(c, pool)->n_ended += ht_u64_map_count(&pool->objects);
	while (ht_u64_map_next(&pool->objects, &cursor, &addr, &i_object))
		end_object(c, pool, i_object);
	/* Its size is that of the most objects there ever were: going through it again and again would take long. */
	ht_u64_map_done(&pool->objects);
}

/* An empty one. */
static void end_pool(struct course *c, const struct ht_told *t)
{
	uint64_t i_pool;

	if (!ht_u64_map_remove(&c->pool_of[t->process], t->pool, &i_pool))
		return;
	c->ended = ht_xalloc_grow(c->ended, &c->ended_capacity, c->n_ended + 1, sizeof(*c->ended));
	c->ended[c->n_ended++] = (uint32_t)i_pool;
}

static void apply_name(struct course *c, const struct ht_told *t)
{
	struct pool *pool = need_pool(c, t);
	uint64_t n_bytes = pool->n_bytes;

	/* What it has goes with it. */
	subtract_bytes(c, pool, n_bytes);
	pool->group = group_of(c, t->name);
	add_bytes(c, pool, n_bytes);
}

static void apply_alloc(struct course *c, const struct ht_told *t)
{
	struct pool *pool = need_pool(c, t);
	uint64_t before;

	if (ht_u64_map_remove(&pool->objects, t->addr, &before)) {
		c->pools->n_missed += c->is_counted;
		end_object(c, pool, before);
	}
	uint32_t i_object = (uint32_t)c->n_objects;

	if (c->n_unused > 0) {
		i_object = c->unused[--c->n_unused];
	} else {
		c->objects = ht_xalloc_grow(c->objects, &c->objects_capacity, c->n_objects + 1,
		                            sizeof(*c->objects));
		c->n_objects++;
	}
	c->objects[i_object] = (struct object){ t->n_bytes, site_of(c, t) };
	*ht_u64_map_put(&pool->objects, t->addr) = i_object;
	add_bytes(c, pool, t->n_bytes);
	if (!c->is_counted)
		return;

	struct ht_pool_group *g = group(c, pool);
	struct ht_pool_site *site = &c->pools->sites[c->objects[i_object].site];

	g->n_pools += !pool->is_counted;
	pool->is_counted = true;
	g->n_allocations++;
	g->allocated_bytes = ht_add_u64_saturating(g->allocated_bytes, t->n_bytes);
	site->n_allocations++;
	site->allocated_bytes = ht_add_u64_saturating(site->allocated_bytes, t->n_bytes);
}

/* Of what was no object. */
static void count_unknown(struct course *c, const struct ht_told *t)
{
	if (!c->is_counted)
		return;
	if (c->model->processes.processes[t->process].start_kind == HT_START_FORK)
		c->pools->n_inherited++;
	else
		c->pools->n_unknown++;
}

static void apply_resize(struct course *c, const struct ht_told *t)
{
	struct pool *pool = find_pool(c, t);
	const uint64_t *i_object = pool ? ht_u64_map_get(&pool->objects, t->addr) : NULL;

	if (!i_object) {
		count_unknown(c, t);
		return;
	}
	struct object *object = &c->objects[*i_object];

	subtract_bytes(c, pool, object->n_bytes);
	object->n_bytes = t->n_bytes;
	add_bytes(c, pool, t->n_bytes);
	if (!c->is_counted)
		return;

	struct ht_pool_group *g = group(c, pool);
	struct ht_pool_site *site = &c->pools->sites[object->site];

	g->n_resizes++;
	g->allocated_bytes = ht_add_u64_saturating(g->allocated_bytes, t->n_bytes);
	site->allocated_bytes = ht_add_u64_saturating(site->allocated_bytes, t->n_bytes);
}

static void apply_free(struct course *c, const struct ht_told *t)
{
	struct pool *pool = find_pool(c, t);
	uint64_t i_object;

	if (!pool || !ht_u64_map_remove(&pool->objects, t->addr, &i_object)) {
		count_unknown(c, t);
		return;
	}
	end_object(c, pool, i_object);
	group(c, pool)->n_frees += c->is_counted;
}

static void apply_told(struct course *c, const struct ht_told *t)
{
	struct pool *pool;

	switch ((enum ht_told_kind)t->kind) {
	case HT_TOLD_POOL_NAME: apply_name(c, t); break;
	case HT_TOLD_POOL_ALLOC: apply_alloc(c, t); break;
	case HT_TOLD_POOL_RESIZE: apply_resize(c, t); break;
	case HT_TOLD_POOL_FREE: apply_free(c, t); break;
	case HT_TOLD_POOL_CLEAR:
	case HT_TOLD_POOL_DESTROY:
		pool = find_pool(c, t);
		if (!pool)
			break;
		clear_pool(c, pool);
		if (t->kind == HT_TOLD_POOL_DESTROY)
			end_pool(c, t);
		break;
	case HT_TOLD_PAUSE:
	case HT_TOLD_RESUME:
	case HT_N_TOLD_KINDS: break;
	}
}

/* Visit the objects of a process. */
static void visit_objects(struct course *c, size_t process,
                          void (*visit)(struct course *c, struct pool *pool, uint64_t i_object))
{
	uint64_t key, i_pool, i_object;
	size_t cursor = 0;

	while (ht_u64_map_next(&c->pool_of[process], &cursor, &key, &i_pool)) {
		size_t object_cursor = 0;

		while (ht_u64_map_next(&c->all[i_pool].objects, &object_cursor, &key, &i_object))
			visit(c, &c->all[i_pool], i_object);
	}
}

static void leave_object(struct course *c, struct pool *pool, uint64_t i_object)
{
	const struct object *object = &c->objects[i_object];
	struct ht_pool_group *g = group(c, pool);

	c->pools->n_left++;
	c->pools->left_bytes += object->n_bytes;
	g->n_left++;
	g->left_bytes += object->n_bytes;
	c->pools->sites[object->site].n_left++;
	c->pools->sites[object->site].left_bytes += object->n_bytes;
}

static void note_at_peak(struct course *c, struct pool *pool, uint64_t i_object)
{
	const struct object *object = &c->objects[i_object];

	(void)pool;
	c->pools->n_at_peak++;
	c->pools->sites[object->site].n_at_peak++;
	c->pools->sites[object->site].at_peak_bytes += object->n_bytes;
}

static void end_process(struct course *c, uint32_t process)
{
	uint64_t key, i_pool;
	size_t cursor = 0;

	if (c->is_counted && c->model->processes.processes[process].end_kind != HT_END_EXEC)
		visit_objects(c, process, leave_object);
	visit_objects(c, process, end_object);
	while (ht_u64_map_next(&c->pool_of[process], &cursor, &key, &i_pool))
		ht_u64_map_done(&c->all[i_pool].objects);
	ht_u64_map_done(&c->pool_of[process]);
}

/* When the next step is; UINT64_MAX when there is none. */
static uint64_t next_tick(const struct course *c)
{
	const struct ht_told_list *list = &c->model->told;
	uint64_t tick = c->i_told < list->n_told ? list->told[c->i_told].tick : UINT64_MAX;

	return c->i_end < c->n_ends && c->ends[c->i_end].tick < tick ? c->ends[c->i_end].tick
	                                                             : tick;
}

static bool is_over(const struct course *c)
{
	return c->i_told == c->model->told.n_told && c->i_end == c->n_ends;
}

/* One call, or one process' end; calls of the same tick come first. */
static void step(struct course *c)
{
	const struct ht_told_list *list = &c->model->told;

	c->tick = next_tick(c);
	if (c->i_told < list->n_told &&
	    (c->i_end == c->n_ends || list->told[c->i_told].tick <= c->ends[c->i_end].tick)) {
		const struct ht_told *t = &list->told[c->i_told++];

		if (ht_process_selection_has(c->selection, t->process))
			apply_told(c, t);
	} else {
		end_process(c, c->ends[c->i_end++].process);
	}
}

static size_t n_steps(const struct course *c)
{
	return c->i_told + c->i_end;
}

static void begin_course(struct course *c)
{
	c->pool_of = ht_xalloc_zeroed(c->model->processes.n_processes, sizeof(*c->pool_of));
	c->n_bytes = 0;
	c->i_told = c->i_end = 0;
	c->n_all = c->n_ended = c->n_objects = c->n_unused = 0;
	c->is_counted = false;
	for (size_t i = 0; i < c->pools->n_groups; i++)
		c->pools->groups[i].live_bytes = 0;
}

static void end_course(struct course *c)
{
	for (size_t i = 0; i < c->n_all; i++)
		ht_u64_map_done(&c->all[i].objects);
	for (size_t i = 0; i < c->model->processes.n_processes; i++)
		ht_u64_map_done(&c->pool_of[i]);
	free(c->pool_of);
}

/* Count all of the window. Returns after how many steps the peak was. */
static size_t find_peak(struct course *c, const struct ht_window *window)
{
	bool is_whole = !window->is_part && !window->is_instant;
	uint64_t from_tick = is_whole ? 0 : window->from_tick;
	size_t peak_steps;

	begin_course(c);
	while (!is_over(c) && !is_whole && next_tick(c) <= from_tick)
		step(c);
	peak_steps = n_steps(c);
	c->pools->peak_bytes = c->n_bytes;
	c->pools->peak_tick = from_tick;
	for (size_t i = 0; i < c->pools->n_groups; i++) {
		c->pools->groups[i].peak_bytes = c->pools->groups[i].live_bytes;
		c->pools->groups[i].peak_tick = from_tick;
	}
	c->is_counted = true;
	while (!is_over(c) && next_tick(c) <= window->to_tick) {
		step(c);
		if (c->n_bytes > c->pools->peak_bytes) {
			c->pools->peak_bytes = c->n_bytes;
			c->pools->peak_tick = c->tick;
			peak_steps = n_steps(c);
		}
	}
	for (size_t i = 0; i < c->model->processes.n_processes; i++)
		visit_objects(c, i, leave_object);
	end_course(c);
	return peak_steps;
}

static void look_at_peak(struct course *c, size_t peak_steps)
{
	begin_course(c);
	while (n_steps(c) < peak_steps)
		step(c);
	for (size_t i = 0; i < c->model->processes.n_processes; i++)
		visit_objects(c, i, note_at_peak);
	end_course(c);
}

static void drop_empty_groups(struct ht_pools *pools)
{
	size_t n = 0;

	for (size_t i = 0; i < pools->n_groups; i++) {
		const struct ht_pool_group *g = &pools->groups[i];

		if (g->n_allocations | g->n_resizes | g->n_frees | g->n_ended | g->peak_bytes |
		    g->n_left)
			pools->groups[n++] = *g;
	}
	pools->n_groups = n;
}

void ht_pools_run(const struct ht_trace_model *model, const struct ht_window *window,
                  const struct ht_process_selection *selection, struct ht_pools *ret_pools)
{
	struct course c = { .model = model, .selection = selection, .pools = ret_pools };

	*ret_pools = (struct ht_pools){ 0 };
	find_ends(&c);
	make_groups(&c);
	look_at_peak(&c, find_peak(&c, window));
	drop_empty_groups(ret_pools);
	ht_u64_map_done(&c.site_of);
	free(c.ends);
	free(c.all);
	free(c.ended);
	free(c.objects);
	free(c.unused);
}
