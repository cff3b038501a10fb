/* SPDX-License-Identifier: MIT */
/* Tests of counting what is live: sizes by id, and totals that are exact or not said at all. */
#include "analyzer/record/live_count.h"

#include "analyzer/record/id_sizes.h"
#include "tests/unit/run_suite.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static uint64_t random_state;

static uint64_t random_below(uint64_t n)
{
	random_state = random_state * 6364136223846793005ull + 1442695040888963407ull;
	return (random_state >> 33) % n;
}

START_TEST(test_sizes_are_those_of_a_plain_array)
{
	enum { N_IDS = 20000 };
	static uint64_t sizes[N_IDS]; /* plus 1; 0: not live */
	struct ht_id_sizes map = { 0 };
	uint64_t n_bytes = 0;

	memset(sizes, 0, sizeof(sizes));
	random_state = 1 + (uint64_t)_i;
	for (int k = 0; k < 400000; k++) {
		/* Ids come in ranges, and not from the beginning. */
		uint64_t id = random_below(N_IDS);
		uint64_t far = id + (id / 4096 << 33) + 5;

		if (random_below(2)) {
			uint64_t size = random_below(50) ? random_below(1000)
							 : UINT32_MAX - 3 + random_below(6);

			ck_assert_int_eq(ht_id_sizes_add(&map, far, size),
					 sizes[id] ? HT_ID_DUPLICATE : HT_ID_ADDED);
			sizes[id] = sizes[id] ? sizes[id] : size + 1;
		} else {
			ck_assert_int_eq(ht_id_sizes_remove(&map, far, &n_bytes), sizes[id] != 0);
			ck_assert(!sizes[id] || n_bytes == sizes[id] - 1);
			sizes[id] = 0;
		}
	}
	for (uint64_t id = 0; id < N_IDS; id++)
		ck_assert_int_eq(ht_id_sizes_remove(&map, id + (id / 4096 << 33) + 5, &n_bytes),
				 sizes[id] != 0);
	ht_id_sizes_done(&map);
}
END_TEST

START_TEST(test_sizes_memory_is_that_of_live_blocks)
{
	struct ht_id_sizes map = { 0 };
	uint64_t n_bytes;

	/* Ten live at a time, of a million; every thousandth stays. */
	for (uint64_t id = 1; id < 1000000; id++) {
		ck_assert_int_eq(ht_id_sizes_add(&map, id, id), HT_ID_ADDED);
		if (id > 10 && (id - 10) % 1000)
			ck_assert(ht_id_sizes_remove(&map, id - 10, &n_bytes));
	}
	ck_assert_uint_le(map.n_used, 1010);
	ck_assert_uint_le(map.n_lines, 1024);
	ck_assert_uint_le(map.n_slots, 4096);
	ht_id_sizes_done(&map);
}
END_TEST

/* A made-up history of threads that hand blocks to each other, in the order of its ticks. */
enum { N_EVENTS = 3000, N_THREADS = 4 };

static struct ht_event events[N_EVENTS];
static uint32_t thread_of[N_EVENTS];
static struct ht_live_totals truth;

static void make_history(uint32_t n_threads)
{
	static uint64_t live_ids[N_EVENTS];
	static uint64_t live_sizes[N_EVENTS];
	uint64_t tick = 1000, next_id = 100, live_bytes = 0;
	uint32_t n_live = 0;

	truth = (struct ht_live_totals){ 0 };
	for (int i = 0; i < N_EVENTS; i++) {
		struct ht_event *e = &events[i];
		uint64_t what = random_below(20);
		uint32_t victim = n_live ? (uint32_t)random_below(n_live) : 0;

		/* Threads take turns, long ones and short ones. */
		thread_of[i] = i && random_below(12) ? thread_of[i - 1]
						     : 1 + (uint32_t)random_below(n_threads);
		tick += 1 + random_below(100);
		*e = (struct ht_event){ .tick = tick, .kind = HT_EVENT_ALLOC };
		if (n_live && what >= (i % 1000 < 600 ? 12 : 6)) {
			e->kind = what == 19 ? HT_EVENT_MISSED_FREE
				  : what == 18 ? HT_EVENT_REALLOC
				  : what == 17 ? HT_EVENT_REALLOC_MOVED
					       : HT_EVENT_FREE;
			e->id = e->old_id = live_ids[victim];
			live_bytes -= live_sizes[victim];
			live_ids[victim] = live_ids[--n_live];
			live_sizes[victim] = live_sizes[n_live];
			truth.n_frees += e->kind == HT_EVENT_FREE;
		}
		if (e->kind == HT_EVENT_FREE || e->kind == HT_EVENT_MISSED_FREE) {
			e->old_id = 0;
			continue;
		}
		e->id = next_id++;
		e->size = random_below(10000);
		live_ids[n_live] = e->id;
		live_sizes[n_live++] = e->size;
		live_bytes += e->size;
		if (live_bytes > truth.peak_bytes)
			truth.peak_bytes = live_bytes;
	}
	truth.leaked_bytes = live_bytes;
	truth.n_leaked = n_live;
}

/* Where the thread's next event is, from there on. */
static int next_of(uint32_t thread, int from)
{
	while (from < N_EVENTS && thread_of[from] != thread)
		from++;
	return from;
}

/*
 * Hand in up to n events of a thread, the first at from, to the end of its turn or beyond. Where the
 * one after them is.
 */
static int hand_in(struct ht_live_count *count, uint32_t thread, int from, uint32_t n, bool is_beyond)
{
	ht_live_count_begin(count, 7, thread);
	while (from < N_EVENTS && n--) {
		int next = next_of(thread, from + 1);

		ht_live_count_event(count, &events[from]);
		n = next == from + 1 || is_beyond ? n : 0;
		from = next;
	}
	ht_live_count_end(count);
	return from;
}

/* disorder: in how many of 1000 cases it is not the turn of those who are handed in. */
static bool count_history(uint32_t n_threads, uint32_t max_batch, uint32_t disorder,
			  struct ht_live_totals *ret_totals)
{
	struct ht_live_count *count = ht_live_count_new();
	int next[N_THREADS + 1];
	bool is_known;

	ht_live_count_process(count, 7, 50);
	for (uint32_t t = 1; t <= n_threads; t++)
		next[t] = next_of(t, 0);
	for (;;) {
		uint32_t first = 1;
		uint32_t t = 1 + (uint32_t)random_below(n_threads);

		for (uint32_t u = 2; u <= n_threads; u++)
			first = next[u] < next[first] ? u : first;
		if (next[first] == N_EVENTS)
			break;
		if (next[t] == N_EVENTS || random_below(1000) >= disorder)
			t = first;
		next[t] = hand_in(count, t, next[t], 1 + (uint32_t)random_below(max_batch),
				  random_below(1000) < disorder);
	}
	ht_live_count_process_end(count, 7, HT_END_EXIT, events[N_EVENTS - 1].tick + 1);
	is_known = ht_live_count_totals(count, ret_totals);
	ht_live_count_free(count);
	return is_known;
}

static void check_totals(const struct ht_live_totals *t)
{
	ck_assert_uint_eq(t->n_frees, truth.n_frees);
	ck_assert_uint_eq(t->peak_bytes, truth.peak_bytes);
	ck_assert_uint_eq(t->leaked_bytes, truth.leaked_bytes);
	ck_assert_uint_eq(t->n_leaked, truth.n_leaked);
}

START_TEST(test_totals_of_one_thread_are_known)
{
	struct ht_live_totals totals;

	for (int k = 0; k < 200; k++) {
		random_state = (uint64_t)k;
		make_history(1);
		ck_assert(count_history(1, 50, 0, &totals));
		check_totals(&totals);
	}
}
END_TEST

/* Batches of several threads in any order: what is said is true, and sometimes something is said. */
START_TEST(test_totals_of_threads_are_true_or_not_said)
{
	uint32_t n_known = 0;

	for (int k = 0; k < 3000; k++) {
		struct ht_live_totals totals;

		random_state = (uint64_t)k;
		uint32_t n_threads = 2 + (uint32_t)random_below(N_THREADS - 1);
		uint32_t disorder = k % 6 * (uint32_t)(k % 6);

		make_history(n_threads);
		if (!count_history(n_threads, k % 2 ? 4 : 50, disorder, &totals))
			continue;
		n_known++;
		check_totals(&totals);
	}
	/* Those without disorder, and some others. */
	ck_assert_uint_gt(n_known, 600);
	ck_assert_uint_lt(n_known, 2900);
}
END_TEST

START_TEST(test_totals_child_and_exec_leak_only_their_own)
{
	struct ht_live_count *count = ht_live_count_new();
	struct ht_live_totals totals;
	struct ht_event alloc = { .tick = 10, .id = 1, .size = 100, .kind = HT_EVENT_ALLOC };
	struct ht_event inherited = { .tick = 20, .id = 1, .kind = HT_EVENT_FREE };

	ht_live_count_process(count, 1, 1);
	ht_live_count_begin(count, 1, 1);
	ht_live_count_event(count, &alloc);
	ht_live_count_end(count);
	ht_live_count_process(count, 2, 2);
	ht_live_count_begin(count, 2, 1);
	ht_live_count_event(count, &inherited);
	ht_live_count_end(count);
	ck_assert(!ht_live_count_totals(count, &totals));
	ht_live_count_process_end(count, 2, HT_END_EXIT, 30);
	ht_live_count_process_end(count, 1, HT_END_EXEC, 40);
	ck_assert(ht_live_count_totals(count, &totals));
	ck_assert_uint_eq(totals.n_frees, 0);
	ck_assert_uint_eq(totals.peak_bytes, 100);
	ck_assert_uint_eq(totals.leaked_bytes, 0);
	ck_assert_uint_eq(totals.n_leaked, 0);
	ht_live_count_free(count);
}
END_TEST

/* What a replay would have to decide is not decided here. */
START_TEST(test_totals_of_odd_events_are_not_said)
{
	static const struct ht_event odd[] = {
		{ .tick = 20, .kind = HT_EVENT_LOST, .size = 3 },
		{ .tick = 20, .kind = HT_EVENT_FREE, .id = 77 },
		{ .tick = 20, .kind = HT_EVENT_ALLOC, .id = 1, .size = 8 },
	};
	struct ht_event alloc = { .tick = 10, .id = 1, .size = 100, .kind = HT_EVENT_ALLOC };
	struct ht_live_count *count = ht_live_count_new();
	struct ht_live_totals totals;

	ht_live_count_process(count, 1, 1);
	ht_live_count_begin(count, 1, 1);
	ht_live_count_event(count, &alloc);
	ht_live_count_event(count, &odd[_i]);
	ht_live_count_end(count);
	ht_live_count_process_end(count, 1, HT_END_EXIT, 40);
	ck_assert(!ht_live_count_totals(count, &totals));
	ht_live_count_free(count);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("live_count");
	TCase *core = ht_add_case(suite, "core");
	TCase *limits = ht_add_case(suite, "limits");

	tcase_add_loop_test(core, test_sizes_are_those_of_a_plain_array, 0, 3);
	tcase_add_test(core, test_totals_of_one_thread_are_known);
	tcase_add_test(core, test_totals_of_threads_are_true_or_not_said);
	tcase_add_test(core, test_totals_child_and_exec_leak_only_their_own);
	tcase_add_loop_test(core, test_totals_of_odd_events_are_not_said, 0, 3);
	tcase_add_test(limits, test_sizes_memory_is_that_of_live_blocks);
	return ht_run_suite(suite);
}
