/* SPDX-License-Identifier: MIT */
/* Live bytes, their peak, and what is left at the end. Analyzer, one thread. */
#include "analyzer/record/live_count.h"

#include "analyzer/record/id_sizes.h"

#include <stdlib.h>
#include <string.h>

/* As many batches back a late one may reach. */
#define N_SPANS 1024u

/* Clocks of two processors may differ by so much; see HT_REPLAY_SLACK_TICKS. */
#define SLACK_TICKS 64u

struct process {
	uint32_t serial;
	uint64_t first_id;
	uint64_t live_bytes;
	uint64_t n_live;
	struct ht_id_sizes sizes;
	struct ht_id_sizes early; /* ended before they began: their thread's batch is yet to come */
	uint64_t n_early;
};

/* What was live from the first event of a batch to the last one. */
struct span {
	uint64_t first_tick;
	uint64_t last_tick;
	uint64_t max_bytes;
	bool is_bound; /* max_bytes may not have been reached: a late batch belongs in between */
};

struct ht_live_count {
	struct process *processes;
	size_t n_processes;
	size_t processes_size;
	struct process *now; /* whose batch it is; NULL: nobody's, or nothing is known any more */
	uint32_t thread_serial;
	bool is_unknown;

	uint64_t live_bytes;
	uint64_t n_frees;
	uint64_t leaked_bytes;
	uint64_t n_leaked;

	/* The batch. */
	uint64_t begin_bytes;
	uint64_t max_bytes;
	uint64_t first_tick;
	uint64_t last_tick;
	uint64_t n_events;
	bool is_bound;

	/* The newest N_SPANS batches, in the order of their last ticks, and what was before. */
	struct span spans[N_SPANS];
	uint64_t n_spans; /* all there ever were */
	uint64_t newest_tick;
	uint32_t newest_process;
	uint32_t newest_thread;
	uint64_t certain_bytes;
	uint64_t bound_bytes;
};

struct ht_live_count *ht_live_count_new(void)
{
	return calloc(1, sizeof(struct ht_live_count));
}

static void process_done(struct process *p)
{
	ht_id_sizes_done(&p->sizes);
	ht_id_sizes_done(&p->early);
}

static void give_up(struct ht_live_count *c)
{
	for (size_t i = 0; i < c->n_processes; i++)
		process_done(&c->processes[i]);
	free(c->processes);
	c->processes = c->now = NULL;
	c->n_processes = c->processes_size = 0;
	c->is_unknown = true;
}

void ht_live_count_free(struct ht_live_count *c)
{
	if (!c)
		return;
	give_up(c);
	free(c);
}

static struct process *find_process(const struct ht_live_count *c, uint32_t serial)
{
	for (size_t i = 0; i < c->n_processes; i++) {
		if (c->processes[i].serial == serial)
			return &c->processes[i];
	}
	return NULL;
}

void ht_live_count_process(struct ht_live_count *c, uint32_t serial, uint64_t first_id)
{
	if (!c || c->is_unknown)
		return;
	if (c->n_processes == c->processes_size) {
		size_t size = c->processes_size ? 2 * c->processes_size : 8;
		struct process *bigger = realloc(c->processes, size * sizeof(*bigger));

		if (!bigger) {
			give_up(c);
			return;
		}
		c->processes = bigger;
		c->processes_size = size;
	}
	c->processes[c->n_processes++] = (struct process){ .serial = serial, .first_id = first_id };
}

void ht_live_count_begin(struct ht_live_count *c, uint32_t process_serial, uint32_t thread_serial)
{
	if (!c)
		return;
	c->now = find_process(c, process_serial);
	c->thread_serial = thread_serial;
	c->begin_bytes = c->max_bytes = c->live_bytes;
	c->n_events = 0;
	c->is_bound = false;
}

static struct span *span_at(struct ht_live_count *c, uint64_t i)
{
	return &c->spans[i % N_SPANS];
}

static void forget(struct ht_live_count *c, const struct span *s)
{
	uint64_t *bytes = s->is_bound ? &c->bound_bytes : &c->certain_bytes;

	if (s->max_bytes > *bytes)
		*bytes = s->max_bytes;
}

static void add_span(struct ht_live_count *c, struct span span)
{
	if (c->n_spans >= N_SPANS)
		forget(c, span_at(c, c->n_spans));
	*span_at(c, c->n_spans++) = span;
	if (span.last_tick > c->newest_tick)
		c->newest_tick = span.last_tick;
}

/*
 * A batch began when others were past that tick already: while they were, as much more may have been
 * live as it had at most since it began.
 */
static void correct_spans(struct ht_live_count *c, uint64_t more_bytes)
{
	uint64_t from_tick = c->first_tick > SLACK_TICKS ? c->first_tick - SLACK_TICKS : 0;
	uint64_t oldest = c->n_spans > N_SPANS ? c->n_spans - N_SPANS : 0;

	for (uint64_t i = c->n_spans; i > oldest; i--) {
		struct span *s = span_at(c, i - 1);

		s->max_bytes += more_bytes;
		s->is_bound = true;
		/* What was live between two spans is what the earlier one ended with. */
		if (s->first_tick < from_tick && s->last_tick < from_tick)
			return;
	}
	/* Perhaps it reaches back further than that. */
	if (oldest > 0)
		give_up(c);
}

void ht_live_count_end(struct ht_live_count *c)
{
	if (!c || !c->now || !c->n_events)
		return;

	bool is_same_thread = c->now->serial == c->newest_process &&
			      c->thread_serial == c->newest_thread;
	bool is_in_order = c->first_tick > c->newest_tick ||
			   (is_same_thread && c->first_tick == c->newest_tick) || !c->n_spans;
	struct span span = { c->first_tick, c->last_tick, c->max_bytes, c->is_bound || !is_in_order };

	if (!is_in_order)
		correct_spans(c, c->max_bytes - c->begin_bytes);
	if (c->is_unknown)
		return;
	if (span.last_tick < c->newest_tick)
		span.last_tick = c->newest_tick;
	c->newest_process = c->now->serial;
	c->newest_thread = c->thread_serial;
	add_span(c, span);
}

static void add_block(struct ht_live_count *c, uint64_t id, uint64_t n_bytes)
{
	struct process *p = c->now;
	uint64_t ignored;

	c->live_bytes += n_bytes;
	if (c->live_bytes > c->max_bytes)
		c->max_bytes = c->live_bytes;
	if (p->n_early && ht_id_sizes_remove(&p->early, id, &ignored)) {
		p->n_early--;
		c->n_frees += ignored == 0;
		c->live_bytes -= n_bytes;
		return;
	}
	p->live_bytes += n_bytes;
	p->n_live++;
	if (ht_id_sizes_add(&p->sizes, id, n_bytes) != HT_ID_ADDED)
		give_up(c);
}

/* is_free: not by realloc, and seen. */
static void end_block(struct ht_live_count *c, uint64_t id, bool is_free)
{
	struct process *p = c->now;
	uint64_t n_bytes;

	if (ht_id_sizes_remove(&p->sizes, id, &n_bytes)) {
		p->n_live--;
		p->live_bytes -= n_bytes;
		c->live_bytes -= n_bytes;
		c->n_frees += is_free;
	} else if (id >= p->first_id) {
		p->n_early++;
		/* A realloc that came too early gives its new block life at a time of its own. */
		c->is_bound = c->is_bound || !is_free;
		if (ht_id_sizes_add(&p->early, id, !is_free) != HT_ID_ADDED)
			give_up(c);
	}
}

void ht_live_count_event(struct ht_live_count *c, const struct ht_event *e)
{
	if (!c || !c->now)
		return;
	if (c->n_events++ == 0)
		c->first_tick = e->tick;
	else if (e->tick < c->last_tick)
		c->is_bound = true; /* whoever merges it has to decide where it belongs */
	c->last_tick = e->tick;
	switch ((enum ht_event_kind)e->kind) {
	case HT_EVENT_ALLOC: add_block(c, e->id, e->size); break;
	case HT_EVENT_FREE: end_block(c, e->id, true); break;
	case HT_EVENT_MISSED_FREE: end_block(c, e->id, false); break;
	case HT_EVENT_REALLOC:
	case HT_EVENT_REALLOC_MOVED:
		end_block(c, e->old_id, false);
		if (c->now)
			add_block(c, e->id, e->size);
		break;
	case HT_EVENT_LOST: give_up(c); break;
	case HT_EVENT_UNKNOWN_FREE:
	case HT_N_EVENT_KINDS: break;
	}
}

void ht_live_count_process_end(struct ht_live_count *c, uint32_t serial, uint32_t end_kind,
			       uint64_t tick)
{
	struct process *p = c ? find_process(c, serial) : NULL;

	if (!p)
		return;
	c->now = NULL;
	/* Frees of what was never allocated: a replay has an opinion on them. */
	if (p->n_early) {
		give_up(c);
		return;
	}
	c->live_bytes -= p->live_bytes;
	if (end_kind != HT_END_EXEC) {
		c->leaked_bytes += p->live_bytes;
		c->n_leaked += p->n_live;
	}
	process_done(p);
	*p = c->processes[--c->n_processes];
	if (tick < c->newest_tick)
		tick = c->newest_tick;
	add_span(c, (struct span){ tick, tick, c->live_bytes, false });
	c->newest_process = 0;
}

bool ht_live_count_totals(const struct ht_live_count *c, struct ht_live_totals *ret_totals)
{
	if (!c || c->is_unknown || c->n_processes)
		return false;

	uint64_t oldest = c->n_spans > N_SPANS ? c->n_spans - N_SPANS : 0;
	uint64_t certain_bytes = c->certain_bytes;
	uint64_t bound_bytes = c->bound_bytes;

	for (uint64_t i = oldest; i < c->n_spans; i++) {
		const struct span *s = &c->spans[i % N_SPANS];
		uint64_t *bytes = s->is_bound ? &bound_bytes : &certain_bytes;

		if (s->max_bytes > *bytes)
			*bytes = s->max_bytes;
	}
	if (bound_bytes > certain_bytes)
		return false;
	*ret_totals = (struct ht_live_totals){ c->n_frees, certain_bytes, c->leaked_bytes,
					       c->n_leaked };
	return true;
}
