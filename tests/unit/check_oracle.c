/* SPDX-License-Identifier: MIT */
/* A thousand random traces, and windows of them, against sums made anew after every event. Tests. */
#include "run_suite.h"
#include "trace_maker.h"

#include "analyzer/replay/replay.h"

#include <heaptide/shared_region.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_STACKS     6u
#define N_PROCESSES  3u
#define N_THREADS    3u
#define MAX_EVENTS   400u
#define FIRST_TICK   (HT_MAKER_ZERO_TICK + 10)
#define N_TRACES     1000
#define TRACES_A_ONE 10

/* What happened, in order. Nothing here is shared with the analyzer but the words. */
/* What is short-lived: the three ways to tell an age. A tick of the made traces is 1000 ns. */
static const struct {
	enum ht_short_lived_unit unit;
	uint64_t age;
} rules[] = {
	{ HT_SHORT_LIVED_ALLOCATIONS, 3 },
	{ HT_SHORT_LIVED_NS, 8500 },
	{ HT_SHORT_LIVED_BYTES, 600 },
};
#define N_RULES (sizeof(rules) / sizeof(*rules))
static unsigned i_rule;

enum what { ALLOC, FREE, REALLOC, MISSED, INHERITED_FREE, INHERITED_REALLOC, END };

struct step {
	enum what what;
	uint32_t process, thread; /* from 0 */
	uint64_t tick, id, old_id, size;
	uint32_t stack;
	uint32_t end_kind;
	bool is_moved;
	bool is_left_out; /* of a block that is not asked for */
};

struct block {
	bool is_live;
	uint32_t process, thread, owner, birth_stack;
	uint64_t id, size, birth_tick, birth_count, birth_bytes, n_reallocs;
};

/* Of one stack's reallocations, and of frees of its blocks by other threads. */
struct habits {
	uint64_t moved, copied, grown, grown_bytes, small_steps, shrunk, chains, longest, largest;
	uint64_t freed_by_others, freed_by_others_bytes;
};

struct thread_sums {
	bool is_active;
	uint64_t allocations, reallocations, bytes, frees;
	uint64_t for_others, for_others_bytes, by_others, by_others_bytes;
};

struct sums {
	uint64_t n_allocations, n_frees, n_reallocations, allocated_bytes, n_inherited, n_missed;
	uint64_t peak, n_at_peak, peak_tick, at_peak[N_STACKS], own_peak[N_STACKS];
	uint64_t own_peak_tick[N_STACKS];
	uint64_t process_peak[N_PROCESSES];
	uint64_t oldest_leak[N_STACKS], newest_leak[N_STACKS], n_leaked_of[N_STACKS];
	uint64_t leaked[N_STACKS], n_leaked, leaked_bytes, exec_bytes, kept_bytes, n_kept;
	uint64_t n_temporary[N_STACKS], n_short[N_STACKS], temporary_bytes, short_bytes;
	uint64_t live_before;
	struct habits habits[N_STACKS];
	struct thread_sums threads[N_PROCESSES][N_THREADS];
};

struct story {
	struct step steps[MAX_EVENTS];
	size_t n_steps;
	struct block blocks[MAX_EVENTS];
	size_t n_blocks;
	uint64_t n_of_thread[N_PROCESSES][N_THREADS];
	uint64_t bytes_of_thread[N_PROCESSES][N_THREADS];
};

/* ---- The oracle. ---- */

static uint64_t max_of(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

static struct block *find(struct story *s, uint32_t process, uint64_t id)
{
	for (size_t i = 0; i < s->n_blocks; i++) {
		if (s->blocks[i].is_live && s->blocks[i].process == process &&
		    s->blocks[i].id == id)
			return &s->blocks[i];
	}
	ck_abort_msg("the test frees what it did not make");
	return NULL;
}

/* Everything that is live, summed up anew. */
static void look(const struct story *s, uint64_t tick, struct sums *sums)
{
	uint64_t all = 0, n = 0, of_stack[N_STACKS] = { 0 }, of_process[N_PROCESSES] = { 0 };

	for (size_t i = 0; i < s->n_blocks; i++) {
		const struct block *b = &s->blocks[i];

		if (!b->is_live)
			continue;
		all += b->size;
		n++;
		of_stack[b->owner] += b->size;
		of_process[b->process] += b->size;
	}
	for (size_t i = 0; i < N_STACKS; i++) {
		if (of_stack[i] > sums->own_peak[i]) {
			sums->own_peak[i] = of_stack[i];
			sums->own_peak_tick[i] = tick;
		}
	}
	for (size_t i = 0; i < N_PROCESSES; i++) {
		if (of_process[i] > sums->process_peak[i])
			sums->process_peak[i] = of_process[i];
	}
	if (all > sums->peak) {
		sums->peak = all;
		sums->n_at_peak = n;
		sums->peak_tick = tick;
		memcpy(sums->at_peak, of_stack, sizeof(of_stack));
	}
}

static void begin(struct story *s, uint64_t from, struct sums *sums)
{
	*sums = (struct sums){ 0 };
	look(s, from, sums);
	sums->live_before = sums->peak;
	sums->n_at_peak = 0;
	for (size_t i = 0; i < s->n_blocks; i++) {
		sums->n_at_peak += s->blocks[i].is_live; /* also when all of them are empty */
		s->blocks[i].n_reallocs = 0;
	}
	sums->peak_tick = from; /* also when nothing was live */
}

static void end_process(struct story *s, uint32_t process, bool is_exec, uint64_t from,
                        struct sums *sums)
{
	for (size_t i = 0; i < s->n_blocks; i++) {
		struct block *b = &s->blocks[i];

		if (!b->is_live || b->process != process)
			continue;
		b->is_live = false;
		if (is_exec) {
			sums->exec_bytes += b->size;
		} else if (b->birth_tick > from) {
			if (sums->n_leaked_of[b->owner]++ == 0)
				sums->oldest_leak[b->owner] = UINT64_MAX;
			if (b->birth_tick < sums->oldest_leak[b->owner])
				sums->oldest_leak[b->owner] = b->birth_tick;
			sums->newest_leak[b->owner] =
			        max_of(b->birth_tick, sums->newest_leak[b->owner]);
			sums->leaked[b->owner] += b->size;
			sums->leaked_bytes += b->size;
			sums->n_leaked++;
		} else {
			sums->kept_bytes += b->size;
			sums->n_kept++;
		}
	}
}

static bool is_short_lived(const struct story *s, const struct block *b, const struct step *e)
{
	switch (rules[i_rule].unit) {
	case HT_SHORT_LIVED_NS: return (e->tick - b->birth_tick) * 1000 < rules[i_rule].age;
	case HT_SHORT_LIVED_BYTES:
		return s->bytes_of_thread[b->process][b->thread] - b->birth_bytes <
		       rules[i_rule].age;
	default: return s->n_of_thread[b->process][b->thread] - b->birth_count < rules[i_rule].age;
	}
}

static void freed(struct story *s, const struct step *e, uint64_t from, struct sums *sums)
{
	struct block *b = find(s, e->process, e->id);
	uint64_t age = s->n_of_thread[e->process][b->thread] - b->birth_count;

	b->is_live = false;
	sums->n_frees++;
	sums->threads[e->process][e->thread].frees++;
	if (b->thread != e->thread) {
		sums->threads[e->process][e->thread].for_others++;
		sums->threads[e->process][e->thread].for_others_bytes += b->size;
		sums->threads[e->process][b->thread].by_others++;
		sums->threads[e->process][b->thread].by_others_bytes += b->size;
		sums->habits[b->birth_stack].freed_by_others++;
		sums->habits[b->birth_stack].freed_by_others_bytes += b->size;
	}
	if (b->birth_tick <= from)
		return;
	if (age == 0 && b->thread == e->thread) {
		sums->n_temporary[b->birth_stack]++;
		sums->temporary_bytes += b->size;
	}
	if (is_short_lived(s, b, e)) {
		sums->n_short[b->birth_stack]++;
		sums->short_bytes += b->size;
	}
}

/* e reallocates b, which has its old size still. */
static void reallocated(struct block *b, const struct step *e, struct habits *h)
{
	b->n_reallocs++;
	if (e->is_moved) {
		h->moved++;
		h->copied += b->size + e->size - max_of(b->size, e->size);
	}
	if (e->size > b->size) {
		h->grown++;
		h->grown_bytes += e->size - b->size;
		h->small_steps += 2 * (e->size - b->size) < b->size;
	}
	h->shrunk += e->size < b->size;
	h->chains += b->n_reallocs == 1;
	h->longest = max_of(h->longest, b->n_reallocs);
	h->largest = max_of(h->largest, e->size);
}

/* Whether something is temporary or short-lived is told by all that its thread allocates. */
static void leave_out(struct story *s, const struct step *e)
{
	s->n_of_thread[e->process][e->thread] += e->what == ALLOC;
	if (e->what == ALLOC || e->what == REALLOC || e->what == INHERITED_REALLOC)
		s->bytes_of_thread[e->process][e->thread] += e->size;
}

static void apply(struct story *s, const struct step *e, uint64_t from, struct sums *sums)
{
	struct block *b;
	struct thread_sums *thread = &sums->threads[e->process][e->thread];

	if (e->is_left_out) {
		leave_out(s, e);
		return;
	}
	thread->is_active |= e->what != END;
	if (e->what == ALLOC)
		thread->allocations++;
	if (e->what == REALLOC || e->what == INHERITED_REALLOC)
		thread->reallocations++;
	if (e->what == ALLOC || e->what == REALLOC || e->what == INHERITED_REALLOC) {
		s->bytes_of_thread[e->process][e->thread] += e->size;
		thread->bytes += e->size;
	}
	switch (e->what) {
	case ALLOC:
		s->blocks[s->n_blocks++] = (struct block){
			.is_live = true,
			.process = e->process,
			.thread = e->thread,
			.owner = e->stack,
			.birth_stack = e->stack,
			.id = e->id,
			.size = e->size,
			.birth_tick = e->tick,
			.birth_count = ++s->n_of_thread[e->process][e->thread],
			.birth_bytes = s->bytes_of_thread[e->process][e->thread],
		};
		sums->n_allocations++;
		sums->allocated_bytes += e->size;
		break;
	case FREE: freed(s, e, from, sums); break;
	case MISSED:
		find(s, e->process, e->id)->is_live = false;
		sums->n_missed++;
		break;
	case REALLOC:
		b = find(s, e->process, e->old_id);
		reallocated(b, e, &sums->habits[e->stack]);
		b->id = e->id;
		b->size = e->size;
		b->owner = e->stack;
		sums->n_reallocations++;
		sums->allocated_bytes += e->size;
		break;
	case INHERITED_FREE: sums->n_inherited++; break;
	case INHERITED_REALLOC:
		s->blocks[s->n_blocks++] = (struct block){
			.is_live = true,
			.process = e->process,
			.thread = e->thread,
			.owner = e->stack,
			.birth_stack = e->stack,
			.id = e->id,
			.size = e->size,
			.birth_tick = e->tick,
			.birth_count = s->n_of_thread[e->process][e->thread],
			.birth_bytes = s->bytes_of_thread[e->process][e->thread],
		};
		sums->habits[e->stack].moved++;
		sums->n_inherited++;
		sums->n_reallocations++;
		sums->allocated_bytes += e->size;
		break;
	case END: end_process(s, e->process, e->end_kind == HT_END_EXEC, from, sums); return;
	}
	look(s, e->tick, sums);
}

/* What happened after from, up to and with to. from 0: from the beginning. */
static void tell(struct story *s, uint64_t from, uint64_t to, struct sums *sums)
{
	bool has_begun = from == 0;

	*sums = (struct sums){ 0 };
	s->n_blocks = 0;
	memset(s->n_of_thread, 0, sizeof(s->n_of_thread));
	memset(s->bytes_of_thread, 0, sizeof(s->bytes_of_thread));
	for (size_t i = 0; i < s->n_steps && s->steps[i].tick <= to; i++) {
		if (!has_begun && s->steps[i].tick > from) {
			begin(s, from, sums);
			has_begun = true;
		}
		apply(s, &s->steps[i], from, sums);
	}
	if (!has_begun)
		begin(s, from, sums);
	for (uint32_t p = 0; p < N_PROCESSES; p++)
		end_process(s, p, false, from, sums);
}

/* ---- Which blocks are asked for. ---- */

struct wanted {
	uint64_t min_bytes, max_bytes, min_ticks, max_ticks;
	uint32_t thread; /* from 0; N_THREADS: any */
	bool is_thread_unwanted;
};

static bool is_of_block(const struct step *e, uint32_t process, uint64_t id)
{
	return e->process == process &&
	       (e->what == REALLOC ? e->old_id == id
	                           : (e->what == FREE || e->what == MISSED) && e->id == id);
}

/* The block that steps[i_birth] begins is followed to its end; then its steps are in or out. */
static void judge(struct story *s, size_t i_birth, const struct wanted *w, uint64_t last_tick)
{
	const struct step *birth = &s->steps[i_birth];
	uint64_t id = birth->id, size = birth->size, end_tick = last_tick;
	size_t of_block[MAX_EVENTS], n = 0;

	of_block[n++] = i_birth;
	for (size_t i = i_birth + 1; i < s->n_steps; i++) {
		const struct step *e = &s->steps[i];

		if (is_of_block(e, birth->process, id))
			of_block[n++] = i;
		else if (e->what != END || e->process != birth->process)
			continue;
		if (e->what != REALLOC) {
			end_tick = e->tick;
			break;
		}
		id = e->id;
		size = max_of(size, e->size);
	}

	uint64_t n_ticks = end_tick - birth->tick;
	bool is_good =
	        size >= w->min_bytes && size <= w->max_bytes && n_ticks >= w->min_ticks &&
	        n_ticks <= w->max_ticks &&
	        (w->thread == N_THREADS || (birth->thread == w->thread) != w->is_thread_unwanted);

	for (size_t i = 0; i < n; i++)
		s->steps[of_block[i]].is_left_out = !is_good;
}

static void leave_out_others(struct story *s, const struct wanted *w, uint64_t last_tick)
{
	for (size_t i = 0; i < s->n_steps; i++) {
		if (s->steps[i].what == INHERITED_FREE)
			s->steps[i].is_left_out = true;
		else if (s->steps[i].what == ALLOC || s->steps[i].what == INHERITED_REALLOC)
			judge(s, i, w, last_tick);
	}
}

/* ---- Random stories, and the same as a trace. ---- */

struct actor_state {
	bool has_started, has_ended;
	uint64_t next_id, first_own_id;
	uint64_t ids[MAX_EVENTS];
	size_t n_ids;
	uint64_t inherited[MAX_EVENTS];
	size_t n_inherited;
};

static uint64_t any(uint64_t n)
{
	return (uint64_t)rand() % n;
}

static void start(struct ht_trace_maker *maker, struct actor_state *actors, uint32_t i,
                  uint32_t parent, uint64_t tick)
{
	struct actor_state *a = &actors[i];

	*a = (struct actor_state){ .has_started = true, .next_id = 1, .first_own_id = 1 };
	if (i > 0) {
		a->next_id = a->first_own_id = actors[parent].next_id;
		memcpy(a->inherited, actors[parent].ids, sizeof(a->inherited));
		a->n_inherited = actors[parent].n_ids;
	}
	ht_trace_maker_process(maker, i + 1, i > 0 ? parent + 1 : 0, tick, a->first_own_id,
	                       i > 0 ? HT_FIRST_NODE + N_STACKS : HT_FIRST_NODE);
}

/* A realloc of the largest block, or of any. */
static size_t pick(const struct actor_state *a)
{
	return any(3) ? a->n_ids - 1 : (size_t)any(a->n_ids);
}

/* is_plain: allocations and frees, and little else. */
static void choose(struct actor_state *a, struct step *e, bool is_plain)
{
	uint64_t what = any(20);
	size_t i;

	if (is_plain && any(12) && (what == 0 || (what >= 11 && what < 15)))
		what = 10 + 5 * any(2);

	e->size = any(15) ? 16 * any(4) : any(100000);
	e->stack = (uint32_t)any(N_STACKS);
	if (a->n_inherited > 0 && what == 0) {
		e->what = any(2) ? INHERITED_FREE : INHERITED_REALLOC;
		e->old_id = e->id = a->inherited[--a->n_inherited];
		if (e->what == INHERITED_REALLOC)
			a->ids[a->n_ids++] = e->id = a->next_id++;
	} else if (a->n_ids == 0 || what < 11) {
		e->what = ALLOC;
		e->id = a->ids[a->n_ids++] = a->next_id++;
	} else if (what < 14) {
		e->what = REALLOC;
		e->is_moved = any(3) > 0;
		i = pick(a);
		e->old_id = a->ids[i];
		e->id = a->ids[i] = a->next_id++;
	} else {
		e->what = what == 14 ? MISSED : FREE;
		i = pick(a);
		e->id = a->ids[i];
		a->ids[i] = a->ids[--a->n_ids];
	}
}

static void put(struct ht_trace_maker *maker, const struct step *e)
{
	static const uint32_t kinds[] = { HT_EVENT_ALLOC,   HT_EVENT_FREE,
		                          HT_EVENT_REALLOC, HT_EVENT_MISSED_FREE,
		                          HT_EVENT_FREE,    HT_EVENT_REALLOC_MOVED };
	struct ht_event event = { .tick = e->tick, .id = e->id };

	if (e->what == END) {
		ht_trace_maker_process_end(maker, e->process + 1, e->tick, e->end_kind, 0);
		return;
	}
	event.kind = e->is_moved ? HT_EVENT_REALLOC_MOVED : kinds[e->what];
	if (e->what == REALLOC || e->what == INHERITED_REALLOC)
		event.old_id = e->old_id;
	if (e->what == ALLOC || e->what == REALLOC || e->what == INHERITED_REALLOC) {
		event.size = e->size;
		event.node = HT_FIRST_NODE + e->stack;
	}
	ht_trace_maker_event(maker, e->process + 1, e->thread + 1, &event);
}

static void end_one(struct ht_trace_maker *maker, struct story *s, struct actor_state *actors,
                    uint32_t process, uint64_t tick)
{
	static const uint32_t ends[] = { HT_END_EXIT, HT_END_SIGNAL, HT_END_EXEC };
	struct step e = { .what = END, .process = process, .tick = tick, .end_kind = ends[any(3)] };

	actors[process].has_ended = true;
	s->steps[s->n_steps++] = e;
	put(maker, &e);
}

static void invent(struct ht_trace_maker *maker, struct story *s)
{
	struct actor_state actors[N_PROCESSES] = { { 0 } };
	uint64_t tick = FIRST_TICK, n_events = 20 + any(200);
	uint32_t n_started = 1, last_key = 0;
	bool is_steady = any(2); /* one thread does much before another one does something */
	struct step e = { .process = 0 };

	s->n_steps = 0;
	start(maker, actors, 0, 0, tick);
	for (uint32_t i = 0; i < N_STACKS; i++)
		ht_trace_maker_node(maker, 1, HT_FIRST_NODE + i, 0, 0x1000 + 16 * i, 0);
	for (uint64_t i = 0; i < n_events; i++) {
		bool is_other = !is_steady || any(60) == 0;

		e = (struct step){ .process = is_other ? (uint32_t)any(n_started) : e.process,
			           .thread = is_other ? (uint32_t)any(N_THREADS) : e.thread };

		uint32_t key = e.process * N_THREADS + e.thread;

		if (actors[e.process].has_ended)
			continue;
		/* Order among equal ticks is by process and thread. */
		tick += any(3) / 2 + (key < last_key);
		last_key = key;
		e.tick = tick;
		choose(&actors[e.process], &e, is_steady);
		s->steps[s->n_steps++] = e;
		put(maker, &e);
		if (any(is_steady ? 150 : 40) == 0)
			ht_trace_maker_flush(maker);
		if (n_started < N_PROCESSES && any(60) == 0)
			start(maker, actors, n_started++, e.process, ++tick);
		if (any(100) == 0)
			end_one(maker, s, actors, e.process, tick++);
	}
	for (uint32_t p = 0; p < n_started; p++) {
		if (!actors[p].has_ended && any(2))
			end_one(maker, s, actors, p, ++tick);
	}
	ht_trace_maker_finish(maker);
}

/* ---- Comparing. ---- */

static void compare_site(const struct ht_site *site, uint32_t stack, const struct sums *sums)
{
	ck_assert_uint_eq(site->at_peak_bytes, sums->at_peak[stack]);
	ck_assert_uint_eq(site->own_peak_bytes, sums->own_peak[stack]);
	if (site->own_peak_bytes > 0)
		ck_assert_uint_eq(site->own_peak_tick, sums->own_peak_tick[stack]);
	ck_assert_uint_eq(site->leaked_bytes, sums->leaked[stack]);
	ck_assert_uint_eq(site->n_leaked, sums->n_leaked_of[stack]);
	if (site->n_leaked > 0) {
		ck_assert_uint_eq(site->oldest_leak_tick, sums->oldest_leak[stack]);
		ck_assert_uint_eq(site->newest_leak_tick, sums->newest_leak[stack]);
	}
	ck_assert_uint_eq(site->n_temporary, sums->n_temporary[stack]);
	ck_assert_uint_eq(site->n_short_lived, sums->n_short[stack]);
}

static void compare_detail(const struct ht_site_detail *d, const struct habits *h)
{
	ck_assert_uint_eq(d->n_moved, h->moved);
	ck_assert_uint_eq(d->copied_bytes, h->copied);
	ck_assert_uint_eq(d->n_grown, h->grown);
	ck_assert_uint_eq(d->grown_bytes, h->grown_bytes);
	ck_assert_uint_eq(d->n_small_steps, h->small_steps);
	ck_assert_uint_eq(d->n_shrunk, h->shrunk);
	ck_assert_uint_eq(d->n_chains, h->chains);
	ck_assert_uint_eq(d->longest_chain, h->longest);
	ck_assert_uint_eq(d->largest_bytes, h->largest);
	ck_assert_uint_eq(d->n_freed_by_others, h->freed_by_others);
	ck_assert_uint_eq(d->freed_by_others_bytes, h->freed_by_others_bytes);
}

static void compare_details(const struct ht_site_details *details, size_t i_site,
                            const struct habits *h)
{
	static const struct ht_site_detail none;

	compare_detail(i_site < details->n_details ? &details->details[i_site] : &none, h);
}

static void compare_threads(const struct ht_results *r, const struct sums *sums)
{
	size_t n_active = 0;

	for (size_t i = 0; i < N_PROCESSES * N_THREADS; i++)
		n_active += sums->threads[i / N_THREADS][i % N_THREADS].is_active;
	for (size_t i = 0; i < r->n_threads; i++) {
		const struct ht_thread_result *t = &r->threads[i];
		const struct thread_sums *sum = &sums->threads[t->process][t->serial - 1];

		ck_assert(t->is_active == sum->is_active);
		n_active -= t->is_active;
		ck_assert_uint_eq(t->n_allocations, sum->allocations);
		ck_assert_uint_eq(t->n_reallocations, sum->reallocations);
		ck_assert_uint_eq(t->allocated_bytes, sum->bytes);
		ck_assert_uint_eq(t->n_frees, sum->frees);
		ck_assert_uint_eq(t->n_freed_for_others, sum->for_others);
		ck_assert_uint_eq(t->freed_for_others_bytes, sum->for_others_bytes);
		ck_assert_uint_eq(t->n_freed_by_others, sum->by_others);
		ck_assert_uint_eq(t->freed_by_others_bytes, sum->by_others_bytes);
	}
	ck_assert_uint_eq(n_active, 0);
}

static void compare(const struct ht_trace_model *model, const struct ht_results *r,
                    const struct sums *sums)
{
	uint64_t at_peak = 0;

	ck_assert_uint_eq(r->totals.n_allocations, sums->n_allocations);
	ck_assert_uint_eq(r->totals.n_frees, sums->n_frees);
	ck_assert_uint_eq(r->totals.n_reallocations, sums->n_reallocations);
	ck_assert_uint_eq(r->totals.allocated_bytes, sums->allocated_bytes);
	ck_assert_uint_eq(r->totals.n_inherited_frees, sums->n_inherited);
	ck_assert_uint_eq(r->totals.n_missed_frees, sums->n_missed);
	ck_assert_uint_eq(r->totals.leaked_bytes, sums->leaked_bytes);
	ck_assert_uint_eq(r->totals.n_leaked, sums->n_leaked);
	ck_assert_uint_eq(r->totals.live_at_exec_bytes, sums->exec_bytes);
	ck_assert_uint_eq(r->temporary_bytes, sums->temporary_bytes);
	ck_assert_uint_eq(r->short_lived_bytes, sums->short_bytes);
	ck_assert_uint_eq(r->sites.peak_bytes, sums->peak);
	ck_assert_uint_eq(r->sites.n_at_peak, sums->n_at_peak);
	if (sums->peak > 0)
		ck_assert_uint_eq(r->sites.peak_tick, sums->peak_tick);
	ck_assert_uint_eq(r->window.live_bytes_before, sums->live_before);
	ck_assert_uint_eq(r->window.kept_bytes, sums->kept_bytes);
	ck_assert_uint_eq(r->window.n_kept, sums->n_kept);
	for (size_t i = 0; i < r->n_processes; i++)
		ck_assert_uint_eq(r->processes[i].peak_bytes, sums->process_peak[i]);
	for (size_t i = 0; i < r->sites.n_sites; i++) {
		const struct ht_site *site = &r->sites.sites[i];
		uint64_t addr = model->stacks.frames[model->stacks.stacks[site->stack].frame].addr;

		ck_assert_uint_lt((addr - 0x1000) / 16, N_STACKS);
		compare_site(site, (uint32_t)(addr - 0x1000) / 16, sums);
		compare_details(&r->details, i, &sums->habits[(addr - 0x1000) / 16]);
		at_peak += site->at_peak_bytes;
	}
	ck_assert_uint_eq(at_peak, sums->peak);
	compare_threads(r, sums);
	for (int i = 0; i < HT_N_ANOMALIES; i++)
		ck_assert_uint_eq(r->anomalies[i].n, 0);
}

static void replay_and_compare(struct ht_trace_file *file, struct ht_trace_model *model,
                               struct story *s, const struct ht_block_choice *blocks, uint64_t from,
                               uint64_t to)
{
	i_rule = (i_rule + 1) % N_RULES;

	const struct ht_replay_options options = {
		.short_lived_age = rules[i_rule].age,
		.short_lived_unit = rules[i_rule].unit,
		.n_jobs = 1,
		.blocks = blocks,
		.window = {
			.has_from = from != 0,
			.has_to = to != UINT64_MAX,
			.from = { .tick = from },
			.to = { .tick = to },
		},
	};
	struct ht_results results;
	struct sums sums;

	ht_replay_run(file, model, &options, &results);
	tell(s, from, to, &sums);
	compare(model, &results, &sums);
	ht_results_done(&results);
}

/* What was live at the peak, by asking for that moment. */
static void compare_instant_of_peak(struct ht_trace_file *file, struct ht_trace_model *model,
                                    struct story *s)
{
	struct ht_replay_options options = { .n_jobs = 1 };
	struct ht_results results;
	struct sums sums;

	ht_replay_run(file, model, &options, &results);

	const struct ht_moment peak = { results.sites.peak_tick, results.peak_event };

	ht_results_done(&results);
	if (peak.n_events == 0)
		return;
	options.window = (struct ht_replay_window){ true, true, true, peak, peak };
	ht_replay_run(file, model, &options, &results);
	tell(s, 0, UINT64_MAX, &sums);
	ck_assert_uint_eq(results.totals.leaked_bytes, sums.peak);
	ck_assert_uint_eq(results.totals.n_leaked, sums.n_at_peak);
	for (size_t i = 0; i < results.sites.n_sites; i++) {
		const struct ht_site *site = &results.sites.sites[i];
		uint64_t addr = model->stacks.frames[model->stacks.stacks[site->stack].frame].addr;

		ck_assert_uint_eq(site->leaked_bytes, sums.at_peak[(addr - 0x1000) / 16]);
	}
	ht_results_done(&results);
}

static void compare_windows(struct ht_trace_file *file, struct ht_trace_model *model,
                            struct story *s, const struct ht_block_choice *blocks)
{
	uint64_t last = s->n_steps ? s->steps[s->n_steps - 1].tick : FIRST_TICK;
	uint64_t n_ticks = last - FIRST_TICK + 3;

	replay_and_compare(file, model, s, blocks, 0, UINT64_MAX);
	for (int w = 0; w < 2; w++) {
		uint64_t a = FIRST_TICK - 2 + any(n_ticks), b = a + any(n_ticks);

		replay_and_compare(file, model, s, blocks, a, b);
		replay_and_compare(file, model, s, blocks, a, UINT64_MAX);
		replay_and_compare(file, model, s, blocks, 0, b);
	}
}

/* The same for some of the blocks only. */
static void compare_chosen_blocks(struct ht_trace_file *file, struct ht_trace_model *model,
                                  struct story *s)
{
	struct wanted w = { .max_bytes = UINT64_MAX, .max_ticks = UINT64_MAX, .thread = N_THREADS };
	struct ht_block_filter filter = HT_BLOCK_FILTER_INIT;
	uint64_t what = any(7) + 1;

	if (what & 1) {
		filter.min_bytes = w.min_bytes = any(40);
		filter.max_bytes = w.max_bytes = any(2) ? UINT64_MAX : w.min_bytes + any(1000);
	}
	if (what & 2) {
		w.min_ticks = any(20);
		w.max_ticks = any(2) ? UINT64_MAX / 1000 : w.min_ticks + any(20);
		filter.min_life_ns = w.min_ticks * 1000;
		filter.max_life_ns = w.max_ticks * 1000;
	}
	if (what & 4) {
		w.thread = (uint32_t)any(N_THREADS);
		w.is_thread_unwanted = any(2);
		filter.threads[filter.n_threads].tid = 1000 + w.thread + 1;
		filter.threads[filter.n_threads++].is_excluded = w.is_thread_unwanted;
	}

	struct ht_block_choice *blocks = ht_block_choice_new(file, model, &filter, 1);

	leave_out_others(s, &w, model->last_tick);
	compare_windows(file, model, s, blocks);
	ht_block_choice_free(blocks);
}

START_TEST(test_replay_of_random_traces_and_windows_agrees_with_sums_made_anew)
{
	static struct story s;

	for (int k = 0; k < N_TRACES / TRACES_A_ONE; k++) {
		struct ht_trace_maker *maker = ht_trace_maker_new();
		struct ht_trace_file *file;
		struct ht_trace_model model;
		struct ht_diag diag;

		srand((unsigned)(_i * 1000 + k + 1));
		invent(maker, &s);

		char *path = ht_trace_maker_save(maker);
		ck_assert_int_eq(ht_trace_file_open(path, &file, &diag), HT_OK);
		ck_assert_int_eq(ht_trace_model_load(&model, file, &diag), HT_OK);
		compare_windows(file, &model, &s, NULL);
		compare_instant_of_peak(file, &model, &s);
		compare_chosen_blocks(file, &model, &s);
		ht_trace_model_done(&model);
		ht_trace_file_close(file);
		unlink(path);
		free(path);
		ht_trace_maker_free(maker);
	}
}
END_TEST

/*
 * ---- Nonsense: events of any ids in any order. ----
 *
 * Short lives in bytes are counted event by event, those in allocations many events at once. Whatever else is told
 * must be the same.
 */
static void invent_nonsense(struct ht_trace_maker *maker)
{
	uint64_t n_events = 100 + any(400), n_ids = 2 + any(400), one_in = 2 + any(100);
	uint64_t live[500], next_id = 1;
	size_t n_live = 0;

	ht_trace_maker_process(maker, 1, 0, FIRST_TICK, 1 + any(5), HT_FIRST_NODE);
	for (uint32_t i = 0; i < N_STACKS; i++)
		ht_trace_maker_node(maker, 1, HT_FIRST_NODE + i, 0, 0x1000 + 16 * i, 0);
	for (uint64_t i = 0; i < n_events; i++) {
		bool is_alloc = n_live == 0 || any(2), is_odd = any(one_in) == 0;
		size_t i_old = is_alloc || any(2) ? n_live - 1 : (size_t)any(n_live);
		struct ht_event e = { .tick = FIRST_TICK + i / 4 };

		if (is_alloc) {
			e.id = live[n_live++] = next_id++;
		} else {
			e.id = live[i_old];
			live[i_old] = live[--n_live];
		}
		/* Nearly right: a free just before, or long after, its allocation. */
		if (is_odd)
			e.id = any(2) ? next_id + any(6) : 1 + any(n_ids);
		e.kind = is_alloc ? HT_EVENT_ALLOC : HT_EVENT_FREE;
		e.size = is_alloc ? 16 * any(4) : 0;
		e.node = is_alloc ? HT_FIRST_NODE + (uint32_t)any(N_STACKS) : 0;
		ht_trace_maker_event(maker, 1, 1, &e);
	}
	ht_trace_maker_finish(maker);
}

static void compare_same(const struct ht_results *a, const struct ht_results *b)
{
	ck_assert_mem_eq(&a->totals, &b->totals, sizeof(a->totals));
	ck_assert_mem_eq(a->anomalies, b->anomalies, sizeof(a->anomalies));
	ck_assert_uint_eq(a->sites.peak_bytes, b->sites.peak_bytes);
	ck_assert_uint_eq(a->sites.n_at_peak, b->sites.n_at_peak);
	ck_assert_uint_eq(a->sites.peak_tick, b->sites.peak_tick);
	ck_assert_uint_eq(a->peak_event, b->peak_event);
	ck_assert_uint_eq(a->sites.n_sites, b->sites.n_sites);
	for (size_t i = 0; i < a->sites.n_sites; i++) {
		struct ht_site x = a->sites.sites[i], y = b->sites.sites[i];

		x.n_short_lived = y.n_short_lived;
		x.short_lived_bytes = y.short_lived_bytes;
		x.peak_epoch = y.peak_epoch;
		ck_assert_mem_eq(&x, &y, sizeof(x));
	}
	ck_assert_mem_eq(a->threads, b->threads, a->n_threads * sizeof(*a->threads));
	ck_assert_mem_eq(&a->sizes, &b->sizes, sizeof(a->sizes));
	ck_assert_mem_eq(&a->lifetimes_ticks, &b->lifetimes_ticks, sizeof(a->lifetimes_ticks));
}

START_TEST(test_what_is_impossible_is_told_the_same_at_once_and_one_by_one)
{
	uint64_t n_unknown = 0, n_early = 0;

	for (int k = 0; k < 300; k++) {
		struct ht_trace_maker *maker = ht_trace_maker_new();
		struct ht_replay_options options = { .n_jobs = 1, .short_lived_age = 3 };
		struct ht_results at_once, one_by_one;
		struct ht_trace_file *file;
		struct ht_trace_model model;
		struct ht_diag diag;

		srand((unsigned)k + 1);
		invent_nonsense(maker);

		char *path = ht_trace_maker_save(maker);
		ck_assert_int_eq(ht_trace_file_open(path, &file, &diag), HT_OK);
		ck_assert_int_eq(ht_trace_model_load(&model, file, &diag), HT_OK);
		options.short_lived_unit = HT_SHORT_LIVED_ALLOCATIONS;
		ht_replay_run(file, &model, &options, &at_once);
		options.short_lived_unit = HT_SHORT_LIVED_BYTES;
		ht_replay_run(file, &model, &options, &one_by_one);
		compare_same(&at_once, &one_by_one);
		n_unknown += at_once.anomalies[HT_ANOMALY_UNKNOWN_ID].n;
		n_early += at_once.totals.n_frees;
		ht_results_done(&at_once);
		ht_results_done(&one_by_one);
		ht_trace_model_done(&model);
		ht_trace_file_close(file);
		unlink(path);
		free(path);
		ht_trace_maker_free(maker);
	}
	ck_assert_uint_gt(n_unknown, 1000);
	ck_assert_uint_gt(n_early, 10000);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("oracle");
	TCase *core = ht_add_case(suite, "core");

	tcase_add_loop_test(core,
	                    test_replay_of_random_traces_and_windows_agrees_with_sums_made_anew, 0,
	                    TRACES_A_ONE);
	tcase_add_test(core, test_what_is_impossible_is_told_the_same_at_once_and_one_by_one);
	return ht_run_suite(suite);
}
