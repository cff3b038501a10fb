/* SPDX-License-Identifier: MIT */
/* What was told of pools does to their objects. Analyzer. */
#include "analyzer/replay/pool_objects.h"

#include "analyzer/base/checked.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/replay/peak_course.h"

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

struct walk {
	const struct ht_trace_model *model;
	const struct ht_process_selection *selection;
	struct ht_pools *pools;
	struct ht_u64_map site_of; /* stack -> index + 1 */
	size_t sites_capacity;
	struct ht_peak_course *course; /* of this step */
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
};

void ht_pools_done(struct ht_pools *pools)
{
	if (!pools)
		return;
	free(pools->sites);
	free(pools->groups);
	*pools = (struct ht_pools){ 0 };
}

static int compare_names(const void *va, const void *vb)
{
	const struct ht_pool_group *a = va, *b = vb;

	return strcmp(a->name, b->name);
}

/* One group for each name, and the first one for none. */
static void make_groups(struct walk *w)
{
	const struct ht_told_list *list = &w->model->told;
	struct ht_pools *pools = w->pools;
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

static uint32_t group_of(const struct walk *w, const char *name)
{
	const struct ht_pool_group key = { .name = name };
	const struct ht_pool_group *found =
	        bsearch(&key, w->pools->groups, w->pools->n_groups, sizeof(key), compare_names);

	return (uint32_t)(found - w->pools->groups);
}

static uint32_t site_of(struct walk *w, const struct ht_told *t)
{
	uint32_t stack =
	        ht_stack_tree_find(&w->model->stacks, &w->model->processes, t->process, t->node);
	uint64_t *index = ht_u64_map_put(&w->site_of, stack);
	struct ht_pools *pools = w->pools;

	if (*index == 0) {
		pools->sites = ht_xalloc_grow(pools->sites, &w->sites_capacity, pools->n_sites + 1,
		                              sizeof(*pools->sites));
		pools->sites[pools->n_sites] = (struct ht_pool_site){ .stack = stack };
		*index = ++pools->n_sites;
	}
	return (uint32_t)(*index - 1);
}

static struct pool *find_pool(struct walk *w, const struct ht_told *t)
{
	const uint64_t *index = ht_u64_map_get(&w->pool_of[t->process], t->pool);

	return index ? &w->all[*index] : NULL;
}

/* The pool, which begins with what is told of it first. */
static struct pool *need_pool(struct walk *w, const struct ht_told *t)
{
	struct pool *pool = find_pool(w, t);

	if (pool)
		return pool;
	uint32_t i_pool = (uint32_t)w->n_all;

	if (w->n_ended > 0) {
		i_pool = w->ended[--w->n_ended];
	} else {
		w->all = ht_xalloc_grow(w->all, &w->all_capacity, w->n_all + 1, sizeof(*w->all));
		w->n_all++;
	}
	w->all[i_pool] = (struct pool){ 0 };
	*ht_u64_map_put(&w->pool_of[t->process], t->pool) = i_pool;
	return &w->all[i_pool];
}

static struct ht_pool_group *group(struct walk *w, const struct pool *pool)
{
	return &w->pools->groups[pool->group];
}

static void add_bytes(struct walk *w, struct pool *pool, uint64_t n_bytes)
{
	struct ht_pool_group *g = group(w, pool);

	/* No saturation: what is added goes away again. */
	pool->n_bytes += n_bytes;
	w->course->n_bytes += n_bytes;
	g->live_bytes += n_bytes;
	if (g->live_bytes > g->peak_bytes && w->course->is_counted) {
		g->peak_bytes = g->live_bytes;
		g->peak_tick = w->course->tick;
	}
}

static void subtract_bytes(struct walk *w, struct pool *pool, uint64_t n_bytes)
{
	pool->n_bytes -= n_bytes;
	w->course->n_bytes -= n_bytes;
	group(w, pool)->live_bytes -= n_bytes;
}

/* Its place in the map is the caller's. */
static void end_object(struct walk *w, struct pool *pool, uint64_t i_object)
{
	subtract_bytes(w, pool, w->objects[i_object].n_bytes);
	w->unused =
	        ht_xalloc_grow(w->unused, &w->unused_capacity, w->n_unused + 1, sizeof(*w->unused));
	w->unused[w->n_unused++] = (uint32_t)i_object;
}

static void clear_pool(struct walk *w, struct pool *pool)
{
	uint64_t addr, i_object;
	size_t cursor = 0;

	if (w->course->is_counted)
		group(w, pool)->n_ended += ht_u64_map_count(&pool->objects);
	while (ht_u64_map_next(&pool->objects, &cursor, &addr, &i_object))
		end_object(w, pool, i_object);
	/* Its size is that of the most objects there ever were: going through it again and again would take long. */
	ht_u64_map_done(&pool->objects);
}

/* An empty one. */
static void end_pool(struct walk *w, const struct ht_told *t)
{
	uint64_t i_pool;

	if (!ht_u64_map_remove(&w->pool_of[t->process], t->pool, &i_pool))
		return;
	w->ended = ht_xalloc_grow(w->ended, &w->ended_capacity, w->n_ended + 1, sizeof(*w->ended));
	w->ended[w->n_ended++] = (uint32_t)i_pool;
}

static void apply_name(struct walk *w, const struct ht_told *t)
{
	struct pool *pool = need_pool(w, t);
	uint64_t n_bytes = pool->n_bytes;

	/* What it has goes with it. */
	subtract_bytes(w, pool, n_bytes);
	pool->group = group_of(w, t->name);
	add_bytes(w, pool, n_bytes);
}

static void apply_alloc(struct walk *w, const struct ht_told *t)
{
	struct pool *pool = need_pool(w, t);
	uint64_t before;

	if (ht_u64_map_remove(&pool->objects, t->addr, &before)) {
		w->pools->n_missed += w->course->is_counted;
		end_object(w, pool, before);
	}
	uint32_t i_object = (uint32_t)w->n_objects;

	if (w->n_unused > 0) {
		i_object = w->unused[--w->n_unused];
	} else {
		w->objects = ht_xalloc_grow(w->objects, &w->objects_capacity, w->n_objects + 1,
		                            sizeof(*w->objects));
		w->n_objects++;
	}
	w->objects[i_object] = (struct object){ t->n_bytes, site_of(w, t) };
	*ht_u64_map_put(&pool->objects, t->addr) = i_object;
	add_bytes(w, pool, t->n_bytes);
	if (!w->course->is_counted)
		return;

	struct ht_pool_group *g = group(w, pool);
	struct ht_pool_site *site = &w->pools->sites[w->objects[i_object].site];

	g->n_pools += !pool->is_counted;
	pool->is_counted = true;
	g->n_allocations++;
	g->allocated_bytes = ht_add_u64_saturating(g->allocated_bytes, t->n_bytes);
	site->n_allocations++;
	site->allocated_bytes = ht_add_u64_saturating(site->allocated_bytes, t->n_bytes);
}

/* Of what was no object. */
static void count_unknown(struct walk *w, const struct ht_told *t)
{
	if (!w->course->is_counted)
		return;
	if (w->model->processes.processes[t->process].start_kind == HT_START_FORK)
		w->pools->n_inherited++;
	else
		w->pools->n_unknown++;
}

static void apply_resize(struct walk *w, const struct ht_told *t)
{
	struct pool *pool = find_pool(w, t);
	const uint64_t *i_object = pool ? ht_u64_map_get(&pool->objects, t->addr) : NULL;

	if (!i_object) {
		count_unknown(w, t);
		return;
	}
	struct object *object = &w->objects[*i_object];

	subtract_bytes(w, pool, object->n_bytes);
	object->n_bytes = t->n_bytes;
	add_bytes(w, pool, t->n_bytes);
	if (!w->course->is_counted)
		return;

	struct ht_pool_group *g = group(w, pool);
	struct ht_pool_site *site = &w->pools->sites[object->site];

	g->n_resizes++;
	g->allocated_bytes = ht_add_u64_saturating(g->allocated_bytes, t->n_bytes);
	site->allocated_bytes = ht_add_u64_saturating(site->allocated_bytes, t->n_bytes);
}

static void apply_free(struct walk *w, const struct ht_told *t)
{
	struct pool *pool = find_pool(w, t);
	uint64_t i_object;

	if (!pool || !ht_u64_map_remove(&pool->objects, t->addr, &i_object)) {
		count_unknown(w, t);
		return;
	}
	end_object(w, pool, i_object);
	group(w, pool)->n_frees += w->course->is_counted;
}

static void apply_told(void *context, struct ht_peak_course *course, size_t item)
{
	struct walk *w = context;
	const struct ht_told *t = &w->model->told.told[item];
	struct pool *pool;

	if (!ht_process_selection_has(w->selection, t->process))
		return;
	w->course = course;

	switch ((enum ht_told_kind)t->kind) {
	case HT_TOLD_POOL_NAME: apply_name(w, t); break;
	case HT_TOLD_POOL_ALLOC: apply_alloc(w, t); break;
	case HT_TOLD_POOL_RESIZE: apply_resize(w, t); break;
	case HT_TOLD_POOL_FREE: apply_free(w, t); break;
	case HT_TOLD_POOL_CLEAR:
	case HT_TOLD_POOL_DESTROY:
		pool = find_pool(w, t);
		if (!pool)
			break;
		clear_pool(w, pool);
		if (t->kind == HT_TOLD_POOL_DESTROY)
			end_pool(w, t);
		break;
	case HT_TOLD_PAUSE:
	case HT_TOLD_RESUME:
	case HT_N_TOLD_KINDS: break;
	}
}

typedef void object_visit(struct walk *w, struct pool *pool, uint64_t i_object);

static void visit_objects(struct walk *w, size_t process, object_visit *visit)
{
	uint64_t key, i_pool, i_object;
	size_t cursor = 0;

	while (ht_u64_map_next(&w->pool_of[process], &cursor, &key, &i_pool)) {
		size_t object_cursor = 0;

		while (ht_u64_map_next(&w->all[i_pool].objects, &object_cursor, &key, &i_object))
			visit(w, &w->all[i_pool], i_object);
	}
}

static void leave_object(struct walk *w, struct pool *pool, uint64_t i_object)
{
	const struct object *object = &w->objects[i_object];
	struct ht_pool_group *g = group(w, pool);

	w->pools->n_left++;
	w->pools->left_bytes += object->n_bytes;
	g->n_left++;
	g->left_bytes += object->n_bytes;
	w->pools->sites[object->site].n_left++;
	w->pools->sites[object->site].left_bytes += object->n_bytes;
}

static void note_at_peak(struct walk *w, struct pool *pool, uint64_t i_object)
{
	const struct object *object = &w->objects[i_object];

	(void)pool;
	w->pools->n_at_peak++;
	w->pools->sites[object->site].n_at_peak++;
	w->pools->sites[object->site].at_peak_bytes += object->n_bytes;
}

static void visit_all(struct walk *w, object_visit *visit)
{
	for (size_t i = 0; i < w->model->processes.n_processes; i++)
		visit_objects(w, i, visit);
}

static void end_process(void *context, struct ht_peak_course *course, uint32_t process)
{
	struct walk *w = context;
	uint64_t key, i_pool;
	size_t cursor = 0;

	w->course = course;
	if (w->course->is_counted && w->model->processes.processes[process].end_kind != HT_END_EXEC)
		visit_objects(w, process, leave_object);
	visit_objects(w, process, end_object);
	while (ht_u64_map_next(&w->pool_of[process], &cursor, &key, &i_pool))
		ht_u64_map_done(&w->all[i_pool].objects);
	ht_u64_map_done(&w->pool_of[process]);
}

static uint64_t tick_of(const void *context, size_t item)
{
	const struct walk *w = context;

	return w->model->told.told[item].tick;
}

static void begin(void *context)
{
	struct walk *w = context;

	w->pool_of = ht_xalloc_zeroed(w->model->processes.n_processes, sizeof(*w->pool_of));
	w->n_all = w->n_ended = w->n_objects = w->n_unused = 0;
	for (size_t i = 0; i < w->pools->n_groups; i++)
		w->pools->groups[i].live_bytes = 0;
}

static void begin_window(void *context, struct ht_peak_course *course)
{
	struct walk *w = context;

	for (size_t i = 0; i < w->pools->n_groups; i++) {
		w->pools->groups[i].peak_bytes = w->pools->groups[i].live_bytes;
		w->pools->groups[i].peak_tick = course->tick;
	}
}

static void look_at_end(void *context)
{
	visit_all(context, leave_object);
}

static void look_at_peak(void *context)
{
	visit_all(context, note_at_peak);
}

static void end(void *context)
{
	struct walk *w = context;

	for (size_t i = 0; i < w->n_all; i++)
		ht_u64_map_done(&w->all[i].objects);
	for (size_t i = 0; i < w->model->processes.n_processes; i++)
		ht_u64_map_done(&w->pool_of[i]);
	free(w->pool_of);
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
	struct walk w = { .model = model, .selection = selection, .pools = ret_pools };
	const struct ht_peak_walker walker = {
		.n_items = model->told.n_told,
		.tick_of = tick_of,
		.begin = begin,
		.apply = apply_told,
		.end_process = end_process,
		.begin_window = begin_window,
		.look_at_end = look_at_end,
		.look_at_peak = look_at_peak,
		.end = end,
	};
	struct ht_peak peak;

	*ret_pools = (struct ht_pools){ 0 };
	make_groups(&w);
	peak = ht_peak_course_run(&walker, &w, &model->processes, window);
	ret_pools->peak_bytes = peak.n_bytes;
	ret_pools->peak_tick = peak.tick;
	drop_empty_groups(ret_pools);
	ht_u64_map_done(&w.site_of);
	free(w.all);
	free(w.ended);
	free(w.objects);
	free(w.unused);
}
