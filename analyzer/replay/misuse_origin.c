/* SPDX-License-Identifier: MIT */
/* Finds allocation and first free of what was freed twice. Analyzer. */
#include "analyzer/replay/misuse_origin.h"

#include "analyzer/base/checked.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/read/event_merge.h"
#include "analyzer/replay/replay.h"

#include <stdlib.h>

struct search {
	const struct ht_trace_model *model;
	struct ht_misuse_origin *origins;
	struct ht_u64_map
	        first_of; /* id -> 1 + index of a misuse of a block with this id, of any process */
	size_t *next_of;  /* the same for each misuse, or 0 */
};

/* Whether what process `by` does at this time is done to what is the memory of `process` later. */
static bool is_past_of(const struct ht_process_list *list, uint32_t process, uint32_t by,
                       uint64_t tick)
{
	/* A hostile trace may have parents in a circle. */
	for (size_t n = 0; n <= list->n_processes; n++) {
		const struct ht_process *p = &list->processes[process];

		if (process == by)
			return true;
		if (p->parent == HT_NO_PROCESS || tick > p->start_tick + HT_REPLAY_SLACK_TICKS)
			return false;
		process = p->parent;
	}
	return false;
}

static void note_event(struct search *s, uint32_t process, uint32_t thread_serial,
                       const struct ht_event *e, uint64_t id, bool is_end)
{
	uint64_t *first = ht_u64_map_get(&s->first_of, id);

	for (size_t i = first ? *first : 0; i; i = s->next_of[i - 1]) {
		const struct ht_misuse *m = &s->model->misuses.misuses[i - 1];
		struct ht_misuse_origin *origin = &s->origins[i - 1];
		struct ht_misuse_event *event = is_end ? &origin->freed : &origin->allocated;

		/* A mismatch is the free. */
		if (event->is_known || (is_end && m->kind == HT_MISUSE_MISMATCH) ||
		    !is_past_of(&s->model->processes, m->process, process, e->tick))
			continue;
		*event = (struct ht_misuse_event){
			.is_known = true,
			.process = process,
			.thread_serial = thread_serial,
			.node = e->node,
			.tick = e->tick,
		};
		if (!is_end)
			origin->n_bytes = e->size;
	}
}

static void note_run(struct search *s, uint32_t process, const struct ht_event_run *run)
{
	for (size_t i = 0; i < run->n_events; i++) {
		const struct ht_event *e = &run->events[i];

		switch (e->kind) {
		case HT_EVENT_REALLOC:
		case HT_EVENT_REALLOC_MOVED:
			note_event(s, process, run->thread_serial, e, e->old_id, true);
			/* fallthrough */
		case HT_EVENT_ALLOC:
			note_event(s, process, run->thread_serial, e, e->id, false);
			break;
		case HT_EVENT_FREE:
			note_event(s, process, run->thread_serial, e, e->id, true);
			break;
		default: break;
		}
	}
}

struct ht_misuse_origin *ht_misuse_origins_new(struct ht_trace_file *file,
                                               struct ht_trace_model *model, unsigned n_jobs)
{
	const struct ht_misuse_list *list = &model->misuses;
	struct search s = { .model = model };
	uint64_t last_tick = 0;

	s.origins = ht_xalloc_zeroed(list->n_misuses, sizeof(*s.origins));
	s.next_of = ht_xalloc_zeroed(list->n_misuses, sizeof(*s.next_of));
	for (size_t i = 0; i < list->n_misuses; i++) {
		if (!list->misuses[i].id)
			continue;
		uint64_t *first = ht_u64_map_put(&s.first_of, list->misuses[i].id);

		s.next_of[i] = *first;
		*first = i + 1;
		/* Ticks of events are not exact. */
		last_tick = ht_add_u64_saturating(list->misuses[i].tick,
		                                  HT_REPLAY_SLACK_TICKS +
		                                          model->recording.tolerance_ticks);
	}
	if (ht_u64_map_count(&s.first_of)) {
		struct ht_event_merge *merge = ht_event_merge_new(file, n_jobs);
		struct ht_event_run run;

		while (ht_event_merge_next(merge, last_tick, &run) == HT_OK && run.n_events)
			note_run(&s, ht_process_list_need(&model->processes, run.process_serial),
			         &run);
		ht_event_merge_free(merge);
	}
	ht_u64_map_done(&s.first_of);
	free(s.next_of);
	return s.origins;
}
