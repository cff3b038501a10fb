/* SPDX-License-Identifier: MIT */
/* Goes through all blocks of a trace to find those that are asked for. Analyzer. */
#include "analyzer/replay/block_choice.h"

#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/read/event_merge.h"
#include "analyzer/replay/live_blocks.h"
#include "analyzer/replay/replay.h"

#include <stdlib.h>
#include <string.h>

/* Ids are dense: those of a page are bits of it. */
#define PAGE_BITS 12u

struct page {
	uint64_t words[(1u << PAGE_BITS) / 64];
};

struct id_set {
	struct ht_u64_map page_of; /* id >> PAGE_BITS -> index in pages */
	struct page *pages;
	size_t n_pages;
	size_t capacity;
};

struct ht_block_choice {
	struct id_set *
	        sets; /* by process: the ids that chosen blocks are born with, and some later ones */
	size_t n_processes;
};

static void add_id(struct id_set *set, uint64_t id)
{
	const uint64_t *found = ht_u64_map_get(&set->page_of, id >> PAGE_BITS);
	size_t i_page = found ? (size_t)*found : set->n_pages;

	if (!found) {
		set->pages = ht_xalloc_grow(set->pages, &set->capacity, set->n_pages + 1,
		                            sizeof(*set->pages));
		memset(&set->pages[set->n_pages++], 0, sizeof(*set->pages));
		*ht_u64_map_put(&set->page_of, id >> PAGE_BITS) = i_page;
	}
	set->pages[i_page].words[id / 64 % (sizeof(struct page) / 8)] |= 1ull << id % 64;
}

static bool has_id(const struct ht_block_choice *choice, uint32_t i_process, uint64_t id)
{
	const struct id_set *set = &choice->sets[i_process];
	const uint64_t *i_page = ht_u64_map_get(&set->page_of, id >> PAGE_BITS);

	return i_page &&
	       (set->pages[*i_page].words[id / 64 % (sizeof(struct page) / 8)] >> id % 64 & 1);
}

/* ---- Finding them. ---- */

/* The end of a block that comes before its begin, as events of two threads may. */
struct waiting {
	struct ht_event event;
	uint32_t process;
	uint32_t tid;
	bool is_done;
};

/* A later id of a block that was met early: who follows it cannot tell it from the ids before. */
struct early_id {
	uint32_t process;
	uint64_t id;
	uint64_t birth_id;
};

struct scan {
	const struct ht_trace_model *model;
	const struct ht_block_filter *filter;
	struct ht_block_choice *choice;
	struct ht_live_blocks
	        *live; /* by process; birth_count is the id it was born with, size its largest */
	struct ht_u64_map *waiting_of; /* by process: id -> number in waiting + 1 */
	struct waiting *waiting;       /* a queue */
	size_t i_waiting;
	size_t n_waiting;
	size_t waiting_capacity;
	struct early_id *early;
	size_t n_early;
	size_t early_capacity;
};

static bool is_thread_good(const struct ht_block_filter *filter, uint32_t tid)
{
	bool is_good = true, has_wanted = false, is_wanted = false;

	for (unsigned i = 0; i < filter->n_threads; i++) {
		bool is_it = filter->threads[i].tid == tid;

		if (filter->threads[i].is_excluded) {
			is_good = is_good && !is_it;
		} else {
			has_wanted = true;
			is_wanted = is_wanted || is_it;
		}
	}
	return is_good && (!has_wanted || is_wanted);
}

/* A block ends, or the trace. */
static void decide(struct scan *s, uint32_t i_process, const struct ht_live_block *block,
                   uint64_t end_tick)
{
	const struct ht_block_filter *f = s->filter;
	uint64_t n_ticks = end_tick > block->birth_tick ? end_tick - block->birth_tick : 0;
	uint64_t life_ns = ht_tick_clock_span_ns(&s->model->clock, n_ticks);

	if (block->size >= f->min_bytes && block->size <= f->max_bytes &&
	    life_ns >= f->min_life_ns && life_ns <= f->max_life_ns &&
	    is_thread_good(f, block->thread))
		add_id(&s->choice->sets[i_process], block->birth_count);
}

static bool is_realloc(const struct ht_event *e)
{
	return e->kind == HT_EVENT_REALLOC || e->kind == HT_EVENT_REALLOC_MOVED;
}

/* A new block, or NULL when its id is in use. */
static struct ht_live_block *begin_block(struct scan *s, uint32_t i_process, uint32_t tid,
                                         const struct ht_event *e)
{
	struct ht_live_block *block = ht_live_blocks_add(&s->live[i_process], e->id);

	if (!block)
		return NULL;
	block->size = e->size;
	block->birth_tick = e->tick;
	block->birth_count = e->id;
	block->thread = tid;
	return block;
}

/* These two say whether a new id has come to life. */
static bool continue_block(struct scan *s, uint32_t i_process, struct ht_live_block *old,
                           const struct ht_event *e)
{
	struct ht_live_block was = *old, *block;

	if (ht_live_blocks_find(&s->live[i_process], e->id))
		return false;
	ht_live_blocks_remove(&s->live[i_process], old->id);
	block = ht_live_blocks_add(&s->live[i_process], e->id);
	was.id = e->id;
	if (e->size > was.size)
		was.size = e->size;
	*block = was;
	return true;
}

static bool apply_end(struct scan *s, uint32_t i_process, uint32_t tid, const struct ht_event *e)
{
	uint64_t id = is_realloc(e) ? e->old_id : e->id;
	struct ht_live_block *block = ht_live_blocks_find(&s->live[i_process], id);
	uint64_t *number;

	if (block && is_realloc(e))
		return continue_block(s, i_process, block, e);
	if (block) {
		decide(s, i_process, block, e->tick);
		ht_live_blocks_remove(&s->live[i_process], block->id);
		return false;
	}
	if (id < s->model->processes.processes[i_process].first_own_id)
		return is_realloc(e) && begin_block(s, i_process, tid, e);
	number = ht_u64_map_put(&s->waiting_of[i_process], id);
	if (*number != 0) /* ended twice, and not even born */
		return is_realloc(e) && begin_block(s, i_process, tid, e);
	s->waiting = ht_xalloc_grow(s->waiting, &s->waiting_capacity, s->n_waiting + 1,
	                            sizeof(*s->waiting));
	s->waiting[s->n_waiting++] = (struct waiting){ *e, i_process, tid, false };
	*number = s->n_waiting;
	return false;
}

/* The id has come to life: what waits for it happens now. */
static void apply_waiting(struct scan *s, uint32_t i_process, uint64_t id)
{
	uint64_t number;

	while (ht_u64_map_remove(&s->waiting_of[i_process], id, &number)) {
		struct waiting w = s->waiting[number - 1];
		const struct ht_live_block *block = ht_live_blocks_find(&s->live[i_process], id);

		s->waiting[number - 1].is_done = true;
		if (block && block->birth_count != id) {
			s->early = ht_xalloc_grow(s->early, &s->early_capacity, s->n_early + 1,
			                          sizeof(*s->early));
			s->early[s->n_early++] =
			        (struct early_id){ i_process, id, block->birth_count };
		}
		if (!apply_end(s, i_process, w.tid, &w.event))
			return;
		id = w.event.id;
	}
}

/* What has waited since long before tick was of a block that nobody saw. */
static void expire(struct scan *s, uint64_t tick)
{
	for (; s->i_waiting < s->n_waiting; s->i_waiting++) {
		struct waiting w = s->waiting[s->i_waiting];
		const struct ht_event *e = &w.event;

		if (w.is_done)
			continue;
		if (tick - e->tick <= HT_REPLAY_SLACK_TICKS && tick != UINT64_MAX)
			break;
		ht_u64_map_remove(&s->waiting_of[w.process], is_realloc(e) ? e->old_id : e->id,
		                  NULL);
		s->waiting[s->i_waiting].is_done = true;
		if (is_realloc(e) && begin_block(s, w.process, w.tid, e))
			apply_waiting(s, w.process, e->id);
	}
	/* Numbers count from the queue's begin, so it begins anew only when nobody has one. */
	if (s->i_waiting == s->n_waiting)
		s->i_waiting = s->n_waiting = 0;
}

static void apply(struct scan *s, uint32_t i_process, uint32_t tid, const struct ht_event *e)
{
	bool is_born = false;

	switch (e->kind) {
	case HT_EVENT_ALLOC: is_born = begin_block(s, i_process, tid, e) != NULL; break;
	case HT_EVENT_FREE:
	case HT_EVENT_REALLOC:
	case HT_EVENT_REALLOC_MOVED:
	case HT_EVENT_MISSED_FREE: is_born = apply_end(s, i_process, tid, e); break;
	default: break;
	}
	if (is_born && s->n_waiting > 0)
		apply_waiting(s, i_process, e->id);
}

static void end_process(struct scan *s, uint32_t i_process, uint64_t tick)
{
	size_t cursor = 0;

	for (const struct ht_live_block *b;
	     (b = ht_live_blocks_next(&s->live[i_process], &cursor));)
		decide(s, i_process, b, tick);
	ht_live_blocks_done(&s->live[i_process]);
}

static void scan_events(struct scan *s, struct ht_event_merge *merge)
{
	const struct ht_process_list *list = &s->model->processes;
	struct ht_event_run run;
	size_t n_ends, i_end = 0;
	struct ht_ended_process *ends = ht_process_list_ends(list, &n_ends);

	while (ht_event_merge_next(merge, UINT64_MAX, &run) == HT_OK) {
		uint32_t i_process = ht_process_list_find(list, run.process_serial);

		for (; i_end < n_ends && ends[i_end].tick < run.events[0].tick; i_end++) {
			expire(s, UINT64_MAX);
			end_process(s, ends[i_end].process, ends[i_end].tick);
		}
		if (s->n_waiting > 0)
			expire(s, run.events[0].tick);
		for (size_t i = 0; i < run.n_events && i_process < s->choice->n_processes; i++)
			apply(s, i_process, run.tid, &run.events[i]);
	}
	expire(s, UINT64_MAX);
	for (uint32_t i = 0; i < s->choice->n_processes; i++) {
		const struct ht_process *p = &list->processes[i];

		end_process(s, i, p->has_end ? p->end_tick : s->model->last_tick);
	}
	free(ends);
}

struct ht_block_choice *ht_block_choice_new(struct ht_trace_file *file,
                                            const struct ht_trace_model *model,
                                            const struct ht_block_filter *filter, unsigned n_jobs)
{
	struct ht_block_choice *choice = ht_xalloc_zeroed(1, sizeof(*choice));
	struct scan s = { .model = model, .filter = filter, .choice = choice };
	struct ht_event_merge *merge = ht_event_merge_new(file, n_jobs);

	choice->n_processes = model->processes.n_processes;
	choice->sets = ht_xalloc_zeroed(choice->n_processes, sizeof(*choice->sets));
	s.live = ht_xalloc_zeroed(choice->n_processes, sizeof(*s.live));
	s.waiting_of = ht_xalloc_zeroed(choice->n_processes, sizeof(*s.waiting_of));
	scan_events(&s, merge);
	for (size_t i = 0; i < s.n_early; i++) {
		if (has_id(choice, s.early[i].process, s.early[i].birth_id))
			add_id(&choice->sets[s.early[i].process], s.early[i].id);
	}
	for (size_t i = 0; i < choice->n_processes; i++)
		ht_u64_map_done(&s.waiting_of[i]);
	free(s.live);
	free(s.waiting_of);
	free(s.waiting);
	free(s.early);
	ht_event_merge_free(merge);
	return choice;
}

void ht_block_choice_free(struct ht_block_choice *choice)
{
	if (!choice)
		return;
	for (size_t i = 0; i < choice->n_processes; i++) {
		ht_u64_map_done(&choice->sets[i].page_of);
		free(choice->sets[i].pages);
	}
	free(choice->sets);
	free(choice);
}

/* ---- Following them. ---- */

struct ht_block_follower {
	const struct ht_block_choice *choice;
	struct ht_u64_map
	        *later; /* by process: ids that chosen blocks have from reallocations now */
};

struct ht_block_follower *ht_block_follower_new(const struct ht_block_choice *choice)
{
	struct ht_block_follower *follower = ht_xalloc_zeroed(1, sizeof(*follower));

	follower->choice = choice;
	follower->later = ht_xalloc_zeroed(choice->n_processes, sizeof(*follower->later));
	return follower;
}

void ht_block_follower_free(struct ht_block_follower *follower)
{
	if (!follower)
		return;
	for (size_t i = 0; i < follower->choice->n_processes; i++)
		ht_u64_map_done(&follower->later[i]);
	free(follower->later);
	free(follower);
}

static bool end_id(struct ht_block_follower *follower, uint32_t i_process, uint64_t id)
{
	return ht_u64_map_remove(&follower->later[i_process], id, NULL) ||
	       has_id(follower->choice, i_process, id);
}

bool ht_block_follower_has(struct ht_block_follower *follower, uint32_t i_process,
                           const struct ht_event *e)
{
	bool is_born_chosen;

	if (i_process >= follower->choice->n_processes)
		return false;
	switch (e->kind) {
	case HT_EVENT_ALLOC: return has_id(follower->choice, i_process, e->id);
	case HT_EVENT_FREE:
	case HT_EVENT_MISSED_FREE: return end_id(follower, i_process, e->id);
	case HT_EVENT_REALLOC:
	case HT_EVENT_REALLOC_MOVED:
		is_born_chosen = has_id(follower->choice, i_process, e->id);
		if (!end_id(follower, i_process, e->old_id))
			return is_born_chosen;
		if (!is_born_chosen)
			ht_u64_map_put(&follower->later[i_process], e->id);
		return true;
	default: return true;
	}
}
