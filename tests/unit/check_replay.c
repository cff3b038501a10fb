/* SPDX-License-Identifier: MIT */
/* Replay against a brute-force oracle on random traces, and its definitions one by one. Tests. */
#include "run_suite.h"
#include "trace_maker.h"

#include "analyzer/replay/replay.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_STACKS   8u
#define MAX_BLOCKS 4000u

/* A trace, opened and replayed. */
struct outcome {
	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_results results;
};

static struct outcome replay_of(struct ht_trace_maker *maker)
{
	const struct ht_replay_options options = { .short_lived_age = 64 };
	struct outcome o;
	struct ht_diag diag;
	char *path = ht_trace_maker_save(maker);

	ck_assert_int_eq(ht_trace_file_open(path, &o.file, &diag), HT_OK);
	ck_assert_int_eq(ht_trace_model_load(&o.model, o.file, &diag), HT_OK);
	ht_replay_run(o.file, &o.model, &options, &o.results);
	unlink(path);
	free(path);
	return o;
}

static void outcome_done(struct outcome *o)
{
	ht_results_done(&o->results);
	ht_trace_model_done(&o->model);
	ht_trace_file_close(o->file);
}

/* Node 16 + i of process 1, called straight from nowhere. */
static void make_nodes(struct ht_trace_maker *maker)
{
	for (uint32_t i = 0; i < N_STACKS; i++)
		ht_trace_maker_node(maker, 1, HT_FIRST_NODE + i, 0, 0x1000 + 16 * i, 0);
}

static const struct ht_site *site_of_addr(const struct outcome *o, uint64_t addr)
{
	for (size_t i = 0; i < o->results.sites.n_sites; i++) {
		const struct ht_site *site = &o->results.sites.sites[i];
		const struct ht_stack *stack = &o->model.stacks.stacks[site->stack];

		if (site->stack >= HT_FIRST_NODE &&
		    o->model.stacks.frames[stack->frame].addr == addr)
			return site;
	}
	return NULL;
}

static struct ht_event alloc_event(uint64_t tick, uint64_t id, uint64_t size, uint32_t node)
{
	return (struct ht_event){
		.tick = tick, .id = id, .size = size, .node = node, .kind = HT_EVENT_ALLOC
	};
}

static struct ht_event free_event(uint64_t tick, uint64_t id)
{
	return (struct ht_event){ .tick = tick, .id = id, .kind = HT_EVENT_FREE };
}

static struct ht_event realloc_event(uint64_t tick, uint64_t old_id, uint64_t id, uint64_t size,
                                     uint32_t node)
{
	return (struct ht_event){ .tick = tick,
		                  .id = id,
		                  .old_id = old_id,
		                  .size = size,
		                  .node = node,
		                  .kind = HT_EVENT_REALLOC_MOVED };
}

/* ---- The oracle: everything recomputed from scratch after each event. ---- */

struct oracle_block {
	bool is_live;
	uint64_t size;
	uint32_t owner, birth_site, thread;
	uint64_t birth_tick, birth_count;
};

struct oracle {
	struct oracle_block blocks[MAX_BLOCKS];
	uint64_t n_thread_allocs[4];
	uint64_t peak, peak_tick, n_at_peak;
	uint64_t at_peak[N_STACKS], own_peak[N_STACKS];
	uint64_t n_allocs[N_STACKS], n_temporary[N_STACKS], n_short[N_STACKS];
	uint64_t short_bytes, temporary_bytes, n_frees, n_reallocs, allocated_bytes;
	uint64_t lifetimes[MAX_BLOCKS], n_lifetimes;
	uint64_t sizes[MAX_BLOCKS], n_sizes;
};

static void oracle_live(const struct oracle *o, uint64_t *ret_bytes, uint64_t *ret_n,
                        uint64_t by_site[N_STACKS])
{
	*ret_bytes = *ret_n = 0;
	memset(by_site, 0, N_STACKS * sizeof(*by_site));
	for (size_t i = 0; i < MAX_BLOCKS; i++) {
		if (o->blocks[i].is_live) {
			*ret_bytes += o->blocks[i].size;
			++*ret_n;
			by_site[o->blocks[i].owner] += o->blocks[i].size;
		}
	}
}

static void oracle_apply(struct oracle *o, uint32_t thread, const struct ht_event *e)
{
	struct oracle_block *b = &o->blocks[e->id];
	uint64_t live, n, by_site[N_STACKS];

	if (e->kind == HT_EVENT_ALLOC) {
		*b = (struct oracle_block){ true,
			                    e->size,
			                    e->node - 16,
			                    e->node - 16,
			                    thread,
			                    e->tick,
			                    ++o->n_thread_allocs[thread] };
		o->n_allocs[b->owner]++;
		o->allocated_bytes += e->size;
		o->sizes[o->n_sizes++] = e->size;
	} else if (e->kind == HT_EVENT_REALLOC_MOVED) {
		*b = o->blocks[e->old_id];
		o->blocks[e->old_id].is_live = false;
		b->size = e->size;
		b->owner = e->node - 16;
		o->n_reallocs++;
		o->allocated_bytes += e->size;
		o->sizes[o->n_sizes++] = e->size;
	} else {
		uint64_t age = o->n_thread_allocs[b->thread] - b->birth_count;

		b->is_live = false;
		o->n_frees++;
		o->lifetimes[o->n_lifetimes++] = e->tick - b->birth_tick;
		if (age == 0 && thread == b->thread) {
			o->n_temporary[b->birth_site]++;
			o->temporary_bytes += b->size;
		}
		if (age < 64) {
			o->n_short[b->birth_site]++;
			o->short_bytes += b->size;
		}
	}
	oracle_live(o, &live, &n, by_site);
	if (live > o->peak) {
		o->peak = live;
		o->peak_tick = e->tick;
		o->n_at_peak = n;
		memcpy(o->at_peak, by_site, sizeof(by_site));
	}
	for (size_t i = 0; i < N_STACKS; i++)
		o->own_peak[i] = by_site[i] > o->own_peak[i] ? by_site[i] : o->own_peak[i];
}

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

/* The smallest value that at least per_mille of all do not exceed, by the book. */
static uint64_t oracle_percentile(uint64_t *values, uint64_t n, unsigned per_mille)
{
	qsort(values, n, sizeof(*values), compare_u64);
	for (uint64_t i = 0; i < n; i++) {
		if ((i + 1) * 1000 >= n * per_mille)
			return values[i];
	}
	return values[n - 1];
}

static void check_percentiles(const struct ht_percentiles *p, uint64_t *values, uint64_t n)
{
	ck_assert_uint_eq(p->n, n);
	if (n == 0)
		return;
	ck_assert_uint_eq(p->p50, oracle_percentile(values, n, 500));
	ck_assert_uint_eq(p->p90, oracle_percentile(values, n, 900));
	ck_assert_uint_eq(p->p99, oracle_percentile(values, n, 990));
	ck_assert_uint_eq(p->p999, oracle_percentile(values, n, 999));
	ck_assert_uint_eq(p->max, values[n - 1]);
}

static void compare(const struct outcome *o, struct oracle *oracle, const struct ht_results *r)
{
	uint64_t leaked, n_leaked, by_site[N_STACKS];

	oracle_live(oracle, &leaked, &n_leaked, by_site);
	ck_assert_uint_eq(r->sites.peak_bytes, oracle->peak);
	ck_assert_uint_eq(r->sites.peak_tick, oracle->peak_tick);
	ck_assert_uint_eq(r->sites.n_at_peak, oracle->n_at_peak);
	ck_assert_uint_eq(r->totals.n_frees, oracle->n_frees);
	ck_assert_uint_eq(r->totals.n_reallocations, oracle->n_reallocs);
	ck_assert_uint_eq(r->totals.allocated_bytes, oracle->allocated_bytes);
	ck_assert_uint_eq(r->totals.leaked_bytes, leaked);
	ck_assert_uint_eq(r->totals.n_leaked, n_leaked);
	ck_assert_uint_eq(r->temporary_bytes, oracle->temporary_bytes);
	ck_assert_uint_eq(r->short_lived_bytes, oracle->short_bytes);
	for (uint32_t i = 0; i < N_STACKS; i++) {
		const struct ht_site *site = site_of_addr(o, 0x1000 + 16 * i);

		if (!site)
			continue;
		ck_assert_uint_eq(site->n_allocations, oracle->n_allocs[i]);
		ck_assert_uint_eq(site->at_peak_bytes, oracle->at_peak[i]);
		ck_assert_uint_eq(site->own_peak_bytes, oracle->own_peak[i]);
		ck_assert_uint_eq(site->n_temporary, oracle->n_temporary[i]);
		ck_assert_uint_eq(site->n_short_lived, oracle->n_short[i]);
		ck_assert_uint_eq(site->leaked_bytes, by_site[i]);
	}
	check_percentiles(&r->sizes, oracle->sizes, oracle->n_sizes);
	check_percentiles(&r->lifetimes_ticks, oracle->lifetimes, oracle->n_lifetimes);
	for (int i = 0; i < HT_N_ANOMALIES; i++)
		ck_assert_uint_eq(r->anomalies[i].n, 0);
}

/* Four threads, few sizes (so that peaks are equal often), every kind of event. */
START_TEST(test_replay_random_traces_agree_with_brute_force)
{
	static struct oracle oracle;
	struct ht_trace_maker *maker = ht_trace_maker_new();
	static uint64_t live[MAX_BLOCKS];
	uint64_t n_live = 0, tick = HT_MAKER_ZERO_TICK, next_id = 1;
	uint32_t last_thread = 0;

	memset(&oracle, 0, sizeof(oracle));
	srand((unsigned)_i + 1);
	ht_trace_maker_process(maker, 1, 0, tick, 1, HT_FIRST_NODE);
	make_nodes(maker);
	for (int i = 0; i < 1500; i++) {
		uint32_t thread = (uint32_t)rand() % 4;
		uint32_t node = HT_FIRST_NODE + (uint32_t)rand() % N_STACKS;
		uint64_t size =
		        rand() % 20 == 0 ? (uint64_t)rand() % 1000000 : (uint64_t)(rand() % 4) * 16;
		int what = rand() % 10;
		struct ht_event e;

		/* Equal ticks are ordered by thread, so only a later thread may share one. */
		tick += (uint64_t)(rand() % 3 + (thread < last_thread)) * (rand() % 50 ? 1 : 40000);
		last_thread = thread;
		if (n_live == 0 || what < 4 + (i / 200) % 3) {
			e = alloc_event(tick, next_id++, size, node);
			live[n_live++] = e.id;
		} else {
			uint64_t pick = rand() % 2 ? n_live - 1 : (uint64_t)rand() % n_live;

			if (what == 9) {
				e = realloc_event(tick, live[pick], next_id++, size, node);
				live[pick] = e.id;
			} else {
				e = free_event(tick, live[pick]);
				live[pick] = live[--n_live];
			}
		}
		ht_trace_maker_event(maker, 1, thread + 1, &e);
		oracle_apply(&oracle, thread, &e);
		if (rand() % 100 == 0)
			ht_trace_maker_flush(maker);
	}
	ht_trace_maker_process_end(maker, 1, tick + 1, HT_END_EXIT, 0);
	ht_trace_maker_finish(maker);

	struct outcome o = replay_of(maker);

	compare(&o, &oracle, &o.results);
	ck_assert_uint_eq(ht_trace_file_n_damages(o.file), 0);
	outcome_done(&o);
	ht_trace_maker_free(maker);
}
END_TEST

/* ---- Definitions one by one. ---- */

static struct ht_trace_maker *maker_with_process(void)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, HT_MAKER_ZERO_TICK, 1, HT_FIRST_NODE);
	make_nodes(maker);
	return maker;
}

static void add(struct ht_trace_maker *maker, uint32_t process, uint32_t thread, struct ht_event e)
{
	ht_trace_maker_event(maker, process, thread, &e);
}

START_TEST(test_replay_free_before_alloc_in_same_tick_is_applied_after_it)
{
	struct ht_trace_maker *maker = maker_with_process();

	add(maker, 1, 1, free_event(2000, 5)); /* thread 1 comes before thread 2 */
	add(maker, 1, 2, alloc_event(2000, 5, 100, 16));
	add(maker, 1, 1, realloc_event(2001, 6, 7, 50, 17));
	add(maker, 1, 1, free_event(2001, 7));
	add(maker, 1, 2, alloc_event(2001, 6, 300, 16));
	ht_trace_maker_finish(maker);

	struct outcome o = replay_of(maker);

	ck_assert_uint_eq(o.results.totals.n_frees, 2);
	ck_assert_uint_eq(o.results.totals.n_allocations, 2);
	ck_assert_uint_eq(o.results.totals.n_reallocations, 1);
	ck_assert_uint_eq(o.results.totals.n_leaked, 0);
	ck_assert_uint_eq(o.results.sites.peak_bytes, 300);
	ck_assert_uint_eq(o.results.anomalies[HT_ANOMALY_UNKNOWN_ID].n, 0);
	outcome_done(&o);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_replay_impossible_events_are_anomalies)
{
	struct ht_trace_maker *maker = maker_with_process();

	add(maker, 1, 1, alloc_event(2000, 1, 10, 16));
	add(maker, 1, 1, alloc_event(2001, 1, 20, 16));       /* twice */
	add(maker, 1, 1, free_event(2002, 77));               /* never allocated */
	add(maker, 1, 1, realloc_event(2003, 78, 79, 5, 16)); /* of nothing */
	add(maker, 1, 1, alloc_event(2004, 2, 30, 4000));     /* unknown node */
	add(maker, 1, 1, alloc_event(3000, 3, 40, 16));
	add(maker, 9, 1, alloc_event(3001, 1, 50, 16)); /* unknown process */
	ht_trace_maker_finish(maker);

	struct outcome o = replay_of(maker);
	const struct ht_anomaly *a = o.results.anomalies;

	ck_assert_uint_eq(a[HT_ANOMALY_DUPLICATE_ID].n, 1);
	ck_assert_uint_eq(a[HT_ANOMALY_DUPLICATE_ID].tick, 2001);
	ck_assert_uint_eq(a[HT_ANOMALY_UNKNOWN_ID].n, 2);
	ck_assert_uint_eq(a[HT_ANOMALY_UNKNOWN_ID].id, 77);
	ck_assert_uint_eq(a[HT_ANOMALY_UNKNOWN_STACK].n, 2); /* nodes of process 9 as well */
	ck_assert_uint_eq(a[HT_ANOMALY_NO_PROCESS].n, 1);
	ck_assert_uint_eq(o.results.totals.n_frees, 0);
	ck_assert_uint_eq(o.results.totals.leaked_bytes, 10 + 5 + 30 + 40 + 50);
	outcome_done(&o);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_replay_forked_child_frees_of_inherited_blocks_leave_the_parent_alone)
{
	struct ht_trace_maker *maker = maker_with_process();

	add(maker, 1, 1, alloc_event(2000, 1, 1000, 16));
	ht_trace_maker_process(maker, 2, 1, 2001, 100, HT_FIRST_NODE + N_STACKS);
	add(maker, 2, 1, free_event(2002, 1));
	add(maker, 2, 1, alloc_event(2003, 100, 10, 17)); /* a node of the parent */
	add(maker, 1, 1, alloc_event(2004, 100, 7, 16));  /* the same number, another block */
	add(maker, 2, 1, free_event(2005, 100));
	ht_trace_maker_process_end(maker, 2, 2006, HT_END_EXIT, 0);
	add(maker, 1, 1, free_event(2007, 1));
	ht_trace_maker_process_end(maker, 1, 2008, HT_END_EXIT, 0);
	ht_trace_maker_finish(maker);

	struct outcome o = replay_of(maker);

	ck_assert_uint_eq(o.results.totals.n_inherited_frees, 1);
	ck_assert_uint_eq(o.results.totals.n_frees, 2);
	ck_assert_uint_eq(o.results.sites.peak_bytes, 1017);
	ck_assert_uint_eq(o.results.totals.leaked_bytes, 7);
	ck_assert_uint_eq(o.results.processes[0].peak_bytes, 1007);
	ck_assert_uint_eq(o.results.processes[1].peak_bytes, 10);
	for (int i = 0; i < HT_N_ANOMALIES; i++)
		ck_assert_uint_eq(o.results.anomalies[i].n, 0);
	ck_assert_uint_eq(site_of_addr(&o, 0x1010)->n_allocations, 1);
	outcome_done(&o);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_replay_memory_of_ended_processes_is_not_in_the_peak_and_exec_is_no_leak)
{
	struct ht_trace_maker *maker = maker_with_process();

	add(maker, 1, 1, alloc_event(2000, 1, 1000, 16));
	ht_trace_maker_process_end(maker, 1, 2001, HT_END_EXEC, 0);
	ht_trace_maker_process(maker, 2, 0, 2001, 1, HT_FIRST_NODE);
	ht_trace_maker_node(maker, 2, HT_FIRST_NODE, 0, 0x2000, 0);
	add(maker, 2, 1, alloc_event(2002, 1, 800, 16));
	ht_trace_maker_process_end(maker, 2, 2003, HT_END_SIGNAL, 9);
	ht_trace_maker_finish(maker);

	struct outcome o = replay_of(maker);

	ck_assert_uint_eq(o.results.sites.peak_bytes, 1000);
	ck_assert_uint_eq(o.results.totals.leaked_bytes, 800);
	ck_assert_uint_eq(o.results.totals.live_at_exec_bytes, 1000);
	ck_assert_uint_eq(o.results.totals.n_live_at_exec, 1);
	outcome_done(&o);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_replay_missed_and_unknown_frees_are_counted_apart)
{
	struct ht_trace_maker *maker = maker_with_process();

	add(maker, 1, 1, alloc_event(2000, 1, 1000, 16));
	add(maker, 1, 1, (struct ht_event){ .tick = 2001, .id = 1, .kind = HT_EVENT_MISSED_FREE });
	add(maker, 1, 1,
	    (struct ht_event){ .tick = 2002, .id = 0xdead, .kind = HT_EVENT_UNKNOWN_FREE });
	add(maker, 1, 1, (struct ht_event){ .tick = 2003, .size = 12, .kind = HT_EVENT_LOST });
	ht_trace_maker_finish(maker);

	struct outcome o = replay_of(maker);

	ck_assert_uint_eq(o.results.totals.n_frees, 0);
	ck_assert_uint_eq(o.results.totals.n_missed_frees, 1);
	ck_assert_uint_eq(o.results.totals.n_unknown_frees, 1);
	ck_assert_uint_eq(o.results.totals.n_lost_events, 12);
	ck_assert_uint_eq(o.results.totals.n_leaked, 0);
	ck_assert_uint_eq(o.results.n_censored, 1);
	ck_assert_uint_eq(o.results.n_short_lived, 0);
	outcome_done(&o);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_replay_short_lived_is_below_64_allocations_of_the_birth_thread)
{
	struct ht_trace_maker *maker = maker_with_process();
	uint64_t tick = 2000, id = 1;

	add(maker, 1, 1, alloc_event(tick++, id++, 8, 16)); /* freed after 63 more: short-lived */
	add(maker, 1, 1, alloc_event(tick++, id++, 8, 17)); /* freed after 64 more: not */
	for (int i = 0; i < 62; i++)
		add(maker, 1, 1, alloc_event(tick++, id++, 8, 18));
	add(maker, 1, 2, free_event(tick++, 1));
	add(maker, 1, 1, alloc_event(tick++, id++, 8, 18));
	add(maker, 1, 1, alloc_event(tick++, id++, 8, 18));
	add(maker, 1, 1, free_event(tick++, 2));
	ht_trace_maker_finish(maker);

	struct outcome o = replay_of(maker);

	ck_assert_uint_eq(site_of_addr(&o, 0x1000)->n_short_lived, 1);
	ck_assert_uint_eq(site_of_addr(&o, 0x1010)->n_short_lived, 0);
	ck_assert_uint_eq(o.results.n_temporary, 0);
	outcome_done(&o);
	ht_trace_maker_free(maker);
}
END_TEST

/* Frees whose allocations are lost must not pile up. */
START_TEST(test_replay_many_unknown_ids_are_all_counted)
{
	struct ht_trace_maker *maker = maker_with_process();

	for (uint64_t i = 0; i < 5000; i++)
		add(maker, 1, 1, free_event(2000 + i, 100000 + i));
	ht_trace_maker_finish(maker);

	struct outcome o = replay_of(maker);

	ck_assert_uint_eq(o.results.anomalies[HT_ANOMALY_UNKNOWN_ID].n, 5000);
	ck_assert_uint_eq(o.results.anomalies[HT_ANOMALY_UNKNOWN_ID].id, 100000);
	outcome_done(&o);
	ht_trace_maker_free(maker);
}
END_TEST

/* Any event at all, of processes that are each other's children: no harm, and sums that agree. */
START_TEST(test_replay_wild_events_do_no_harm)
{
	struct ht_trace_maker *maker = maker_with_process();
	uint64_t tick = 2000;

	srand((unsigned)_i + 100);
	ht_trace_maker_process(maker, 2, 1, 2000, 30, HT_FIRST_NODE + 4);
	ht_trace_maker_process(maker, 3, 2, 2000, 50, HT_FIRST_NODE + 6);
	for (int i = 0; i < 4000; i++) {
		struct ht_event e = {
			.kind = 1 + (uint32_t)rand() % 7,
			.node = (uint32_t)rand() % (rand() % 50 ? 30 : 1u << 30),
			.size = (uint64_t)rand() % 1000,
			.id = (uint64_t)rand() % 100,
			.old_id = (uint64_t)rand() % 100,
		};

		tick += (uint64_t)rand() % 3;
		e.tick = tick - (rand() % 30 ? 0 : 20);
		ht_trace_maker_event(maker, 1 + (uint32_t)rand() % 4, 1 + (uint32_t)rand() % 3, &e);
		if (rand() % 500 == 0)
			ht_trace_maker_flush(maker);
		if (i == 3000)
			ht_trace_maker_process_end(maker, 2, tick, HT_END_EXIT, 0);
	}
	ht_trace_maker_finish(maker);

	struct outcome o = replay_of(maker);
	uint64_t at_peak = 0, leaked = 0, n_leaked = 0;

	for (size_t i = 0; i < o.results.sites.n_sites; i++) {
		ck_assert_uint_eq(o.results.sites.sites[i].live_bytes, 0); /* all processes ended */
		at_peak += o.results.sites.sites[i].at_peak_bytes;
		leaked += o.results.sites.sites[i].leaked_bytes;
		n_leaked += o.results.sites.sites[i].n_leaked;
	}
	ck_assert_uint_eq(at_peak, o.results.sites.peak_bytes);
	ck_assert_uint_eq(leaked, o.results.totals.leaked_bytes);
	ck_assert_uint_eq(n_leaked, o.results.totals.n_leaked);
	outcome_done(&o);
	ht_trace_maker_free(maker);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("replay");
	TCase *core = tcase_create("core");
	TCase *corrupt = tcase_create("corrupt");

	tcase_set_timeout(core, 120);
	tcase_add_loop_test(core, test_replay_random_traces_agree_with_brute_force, 0, 20);
	tcase_add_test(core, test_replay_free_before_alloc_in_same_tick_is_applied_after_it);
	tcase_add_test(core,
	               test_replay_forked_child_frees_of_inherited_blocks_leave_the_parent_alone);
	tcase_add_test(
	        core, test_replay_memory_of_ended_processes_is_not_in_the_peak_and_exec_is_no_leak);
	tcase_add_test(core, test_replay_missed_and_unknown_frees_are_counted_apart);
	tcase_add_test(core, test_replay_short_lived_is_below_64_allocations_of_the_birth_thread);
	tcase_add_test(corrupt, test_replay_impossible_events_are_anomalies);
	tcase_add_loop_test(corrupt, test_replay_wild_events_do_no_harm, 0, 20);
	tcase_add_test(corrupt, test_replay_many_unknown_ids_are_all_counted);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, corrupt);
	return ht_run_suite(suite);
}
