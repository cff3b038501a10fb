/* SPDX-License-Identifier: MIT */
/* The order of merged events: by tick, process, thread; within a thread as in the file. Tests. */
#include "run_suite.h"
#include "trace_maker.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/read/event_merge.h"

#include <stdlib.h>
#include <unistd.h>

#define N_THREADS 12u

static struct ht_trace_file *open_maker(struct ht_trace_maker *maker)
{
	struct ht_trace_file *file;
	struct ht_diag diag;
	char *path = ht_trace_maker_save(maker);

	ck_assert_int_eq(ht_trace_file_open(path, &file, &diag), HT_OK);
	unlink(path);
	free(path);
	return file;
}

struct expected {
	uint64_t tick;
	uint64_t id; /* rises within a thread */
	uint32_t thread;
	uint32_t process;
};

static int compare(const void *va, const void *vb)
{
	const struct expected *a = va, *b = vb;

	if (a->tick != b->tick)
		return a->tick < b->tick ? -1 : 1;
	if (a->process != b->process)
		return a->process < b->process ? -1 : 1;
	if (a->thread != b->thread)
		return a->thread < b->thread ? -1 : 1;
	return a->id < b->id ? -1 : a->id > b->id;
}

/* Blocks overlap as a recorder makes them that empties the buffers of threads in turn. */
START_TEST(test_event_merge_order_is_that_of_sorting)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();
	struct expected *expected = ht_xalloc(20000 * sizeof(*expected));
	uint64_t ticks[N_THREADS];
	size_t n = 0;

	srand((unsigned)_i);
	for (uint32_t t = 0; t < N_THREADS; t++)
		ticks[t] = HT_MAKER_ZERO_TICK + (uint64_t)rand() % 100;
	for (int round = 0; round < 100; round++) {
		for (uint32_t t = 0; t < N_THREADS; t++) {
			for (int i = rand() % 20; i > 0; i--) {
				struct ht_event e = { .kind = HT_EVENT_ALLOC, .id = n };

				ticks[t] += (uint64_t)rand() % 4;
				e.tick = ticks[t];
				ht_trace_maker_event(maker, t / 4 + 1, t + 1, &e);
				expected[n++] = (struct expected){ e.tick, e.id, t + 1, t / 4 + 1 };
			}
			if (rand() % 10 == 0)
				ht_trace_maker_flush(maker);
		}
	}
	ht_trace_maker_finish(maker);
	qsort(expected, n, sizeof(*expected), compare);

	struct ht_trace_file *file = open_maker(maker);
	struct ht_event_merge *merge = ht_event_merge_new(file, 2);
	struct ht_event_run run;
	size_t i = 0;

	while (ht_event_merge_next(merge, UINT64_MAX, &run) == HT_OK) {
		ck_assert_uint_gt(run.n_events, 0);
		for (size_t k = 0; k < run.n_events; k++, i++) {
			if (i >= n || run.events[k].id != expected[i].id ||
			    run.thread_serial != expected[i].thread ||
			    run.process_serial != expected[i].process)
				ck_abort_msg("event %zu is another one", i);
		}
	}
	ck_assert_uint_eq(i, n);
	ck_assert_uint_eq(ht_event_merge_counts(merge).n_ticks_back, 0);
	ht_event_merge_free(merge);
	ht_trace_file_close(file);
	ht_trace_maker_free(maker);
	free(expected);
}
END_TEST

static void add(struct ht_trace_maker *maker, uint32_t thread, uint64_t tick, uint64_t id)
{
	ht_trace_maker_event(maker, 1, thread,
	                     &(struct ht_event){ .kind = HT_EVENT_ALLOC, .tick = tick, .id = id });
}

START_TEST(test_event_merge_stops_at_until_tick)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();
	struct ht_event_run run;

	for (uint64_t i = 0; i < 10; i++)
		add(maker, 1, 2000 + i * 10, i);
	struct ht_trace_file *file;

	ht_trace_maker_finish(maker);
	file = open_maker(maker);
	struct ht_event_merge *merge = ht_event_merge_new(file, 2);

	ck_assert_int_eq(ht_event_merge_next(merge, 1999, &run), HT_OK);
	ck_assert_uint_eq(run.n_events, 0);
	ck_assert_int_eq(ht_event_merge_next(merge, 2030, &run), HT_OK);
	ck_assert_uint_eq(run.n_events, 4);
	ck_assert_int_eq(ht_event_merge_next(merge, 2030, &run), HT_OK);
	ck_assert_uint_eq(run.n_events, 0);
	ck_assert_int_eq(ht_event_merge_next(merge, UINT64_MAX, &run), HT_OK);
	ck_assert_uint_eq(run.n_events, 6);
	ck_assert_uint_eq(run.tid, 1001);
	ck_assert_int_eq(ht_event_merge_next(merge, UINT64_MAX, &run), HT_ERR_END);
	ht_event_merge_free(merge);
	ht_trace_file_close(file);
	ht_trace_maker_free(maker);
}
END_TEST

/* A thread that moved to a CPU whose clock is behind: its order stays, its ticks are held. */
START_TEST(test_event_merge_ticks_that_fall_keep_the_order_of_the_file)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();
	struct ht_event_run run;
	uint64_t next_id = 1, last_tick = 0;

	add(maker, 1, 2000, 1);
	add(maker, 1, 5000, 2);
	ht_trace_maker_flush(maker);
	add(maker, 1, 3000, 3);
	add(maker, 2, 4000, 100);
	ht_trace_maker_flush(maker);
	add(maker, 1, 5001, 4);
	ht_trace_maker_finish(maker);

	struct ht_trace_file *file = open_maker(maker);
	struct ht_event_merge *merge = ht_event_merge_new(file, 2);

	while (ht_event_merge_next(merge, UINT64_MAX, &run) == HT_OK) {
		for (size_t i = 0; i < run.n_events; i++) {
			ck_assert_uint_ge(run.events[i].tick, last_tick);
			last_tick = run.events[i].tick;
			if (run.thread_serial == 1)
				ck_assert_uint_eq(run.events[i].id, next_id++);
			else
				ck_assert_uint_eq(next_id, 2); /* at 4000, before 5000 */
		}
	}
	ck_assert_uint_eq(next_id, 5);
	ck_assert_uint_eq(ht_event_merge_counts(merge).n_ticks_back, 1);
	ht_event_merge_free(merge);
	ht_trace_file_close(file);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_event_merge_damaged_block_is_left_out_and_counted)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();
	struct ht_event_run run;
	size_t n = 0;

	add(maker, 1, 2000, 1);
	ht_trace_maker_block(maker, HT_BLOCK_EVENTS, 17, "nonsense", 8, 2001, 2002);
	add(maker, 1, 3000, 2);
	ht_trace_maker_finish(maker);

	struct ht_trace_file *file = open_maker(maker);
	struct ht_event_merge *merge = ht_event_merge_new(file, 2);

	while (ht_event_merge_next(merge, UINT64_MAX, &run) == HT_OK)
		n += run.n_events;
	ck_assert_uint_eq(n, 2);
	ck_assert_uint_eq(ht_event_merge_counts(merge).n_damaged_blocks, 1);
	ck_assert_uint_eq(ht_event_merge_counts(merge).n_damaged_events, 17);
	ck_assert_uint_eq(ht_trace_file_n_damages(file), 1);
	ht_event_merge_free(merge);
	ht_trace_file_close(file);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_event_merge_can_be_left_in_the_middle)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();
	struct ht_event_run run;

	for (uint64_t i = 0; i < 100; i++)
		add(maker, 1 + (uint32_t)i % 3, 2000 + i, i);
	ht_trace_maker_finish(maker);

	struct ht_trace_file *file = open_maker(maker);
	struct ht_event_merge *merge = ht_event_merge_new(file, 2);

	ck_assert_int_eq(ht_event_merge_next(merge, UINT64_MAX, &run), HT_OK);
	ht_event_merge_free(merge);
	ht_event_merge_free(NULL);
	ht_trace_file_close(file);
	ht_trace_maker_free(maker);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("event_merge");
	TCase *core = ht_add_case(suite, "core");
	TCase *limits = ht_add_case(suite, "limits");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_loop_test(core, test_event_merge_order_is_that_of_sorting, 0, 10);
	tcase_add_test(core, test_event_merge_stops_at_until_tick);
	tcase_add_test(limits, test_event_merge_ticks_that_fall_keep_the_order_of_the_file);
	tcase_add_test(limits, test_event_merge_can_be_left_in_the_middle);
	tcase_add_test(corrupt, test_event_merge_damaged_block_is_left_out_and_counted);
	return ht_run_suite(suite);
}
