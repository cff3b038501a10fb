/* SPDX-License-Identifier: MIT */
/* Tests of the drain: thread order, chunks in use, owners that died, memory scribbled over. */
#include "analyzer/record/drain.h"

#include "tests/unit/fake_target.h"
#include "tests/unit/read_back.h"
#include "run_suite.h"

#include <check.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static const struct ht_region_geometry geometry = {
	.n_process_slots = 4,
	.n_small_chunks = 16,
	.small_chunk_bytes = 4096,
	.n_large_chunks = 2,
	.large_chunk_bytes = 65536,
};
#define N_CHUNKS 18u

static struct ht_region region;
static struct ht_clock_source clock_source;
static struct ht_block_writer *blocks;
static struct ht_column_writer *columns;
static struct ht_drain *drain;
static struct ht_fake_target target;
static const char *trace_path;
static int fd;

static void setup(void)
{
	struct ht_block_meta start = { .type = HT_BLOCK_START };
	struct ht_diag diag;

	clock_source = ht_clock_source_monotonic();
	struct ht_region_settings settings = { .max_frames = 512 };

	trace_path = ht_read_back_new_path();
	fd = open(trace_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(ht_region_init(&region, &geometry, &settings, &diag), HT_OK);
	ck_assert_int_eq(ht_block_writer_new(fd, &clock_source, 1, &blocks), HT_OK);
	ck_assert_int_eq(ht_block_writer_put(blocks, &start, "x", 1, &diag), HT_OK);
	ck_assert_int_eq(ht_column_writer_new(blocks, NULL, &columns), HT_OK);
	ck_assert_int_eq(ht_drain_new(&region, columns, NULL, &drain), HT_OK);
	ht_region_open(&region, &clock_source);
	/*
	 * Targets take the first chunk that is FREE, but here any one is as good: the drain is shown a
	 * region whose chunks were all taken once, by a process that it does not know.
	 */
	for (uint32_t i = 0; i < ht_region_n_chunks(region.header); i++)
		*ht_region_chunk_state(region.header, i) = ht_chunk_word(HT_CHUNK_OWNED, 0);
	ht_drain_round(drain, true);
	for (uint32_t i = 0; i < ht_region_n_chunks(region.header); i++)
		*ht_region_chunk_state(region.header, i) = 0;
	ht_fake_target_attach(&target, region.header, 1);
	ht_drain_set_process(drain, 1, target.serial);
}

static void teardown(void)
{
	ht_drain_free(drain);
	ht_column_writer_free(columns);
	ht_block_writer_free(blocks);
	ht_region_done(&region);
	close(fd);
}

static void read_back(struct ht_read_back *r)
{
	struct ht_diag diag;

	ht_column_writer_flush(columns);
	ck_assert_int_eq(ht_column_writer_error(columns, NULL), HT_OK);
	ck_assert_int_eq(ht_block_writer_finish(blocks, &diag), HT_OK);
	ht_read_back_init(r, trace_path);
}

static uint64_t state_of(uint32_t chunk)
{
	return atomic_load(ht_region_chunk_state(region.header, chunk));
}

static void assert_free_and_zero(uint32_t chunk)
{
	const struct ht_chunk *c = ht_region_chunk(region.header, chunk);

	ck_assert_uint_eq(state_of(chunk), 0);
	for (uint32_t i = 0; i < ht_region_chunk_n_words(region.header, chunk); i++)
		ck_assert_uint_eq(c->words[i], 0);
}

START_TEST(test_round_full_chunks_keep_thread_order)
{
	/* Two threads whose chunks lie in no order at all. */
	static const uint32_t where[2][4] = { { 17, 3, 9, 0 }, { 4, 2, 1, 16 } };
	struct ht_fake_thread threads[2];
	struct ht_read_back r;

	for (uint32_t t = 0; t < 2; t++)
		ht_fake_thread_init(&threads[t], &target, t + 1);
	for (uint32_t k = 0; k < 4; k++) {
		for (uint32_t t = 0; t < 2; t++) {
			ht_fake_thread_take(&threads[t], where[t][k]);
			for (uint32_t i = 0; i < 10; i++)
				ht_fake_thread_alloc(&threads[t], k * 10 + i);
			ht_fake_thread_close(&threads[t]);
		}
	}
	ck_assert_uint_eq(ht_drain_round(drain, false), 8);
	for (uint32_t i = 0; i < N_CHUNKS; i++)
		assert_free_and_zero(i);
	read_back(&r);
	ck_assert_uint_eq(r.n_events, 80);
	for (size_t i = 0; i < 80; i++) {
		const struct ht_read_event *e = &r.events[i];
		uint32_t n = i % 40;

		ck_assert_uint_eq(e->thread_serial, 1 + i / 40);
		ck_assert_uint_eq(e->tid, 1001 + i / 40);
		ck_assert_uint_eq(e->process_serial, target.serial);
		ck_assert_uint_eq(e->event.size, n);
		ck_assert_uint_eq(e->event.id, 1 + (1 + i / 40) * 4096 + n);
		ck_assert_uint_eq(e->event.tick, 5001 + n);
		ck_assert_uint_eq(e->event.node, 16);
	}
	ht_read_back_done(&r);
}
END_TEST

START_TEST(test_round_owned_chunk_is_read_only_when_thorough)
{
	struct ht_fake_thread thread;
	struct ht_read_back r;

	ht_fake_thread_init(&thread, &target, 1);
	ht_fake_thread_take(&thread, 5);
	ck_assert_uint_eq(ht_drain_round(drain, true), 0); /* empty: its header means nothing yet */
	ht_fake_thread_alloc(&thread, 1);
	ht_fake_thread_half_alloc(&thread, 99);
	ck_assert_uint_eq(ht_drain_round(drain, false), 0);
	ht_column_writer_flush(columns);
	ck_assert_uint_eq(ht_column_writer_totals(columns)->n_events, 0);
	ht_drain_round(drain, true);
	ht_drain_round(drain, true);
	ht_column_writer_flush(columns);
	ck_assert_uint_eq(ht_column_writer_totals(columns)->n_events, 1);
	thread.tick--; /* the half one is completed now, with another size */
	ht_fake_thread_alloc(&thread, 2);
	ht_drain_round(drain, true);
	ht_fake_thread_alloc(&thread, 3);
	ht_fake_thread_close(&thread);
	ck_assert_uint_eq(ht_drain_round(drain, false), 1);
	assert_free_and_zero(5);
	read_back(&r);
	ck_assert_uint_eq(r.n_events, 3);
	for (size_t i = 0; i < 3; i++) {
		ck_assert_uint_eq(r.events[i].event.size, i + 1);
		ck_assert_uint_eq(r.events[i].event.id, 4097 + i);
		ck_assert_uint_eq(r.events[i].event.tick, 5001 + i);
	}
	ht_read_back_done(&r);
}
END_TEST

START_TEST(test_round_every_record_kind_is_decoded)
{
	struct ht_fake_thread thread;
	struct ht_read_back r;
	const uint64_t records[][12] = {
		{ ht_record_word(HT_REC_NODE, 0, 16), 0x5500, 0, 0 },
		{ ht_record_word(HT_REC_ALLOC, 1, 16), 100 },
		{ ht_record_word(HT_REC_RANGE, 0, 0), 70000 },
		{ ht_record_word(HT_REC_TICK, 0, 0), 1ull << 40 },
		{ ht_record_word(HT_REC_REALLOC, 2, 17), 200, 4097, 1 },
		{ ht_record_word(HT_REC_REALLOC, 3, 17), 300, 70000, 0 },
		{ ht_record_word(HT_REC_FREE, 4, 0), 70001 },
		{ ht_record_word(HT_REC_MISSED_FREE, 5, 0), 3 },
		{ ht_record_word(HT_REC_UNKNOWN_FREE, 6, 18), 0x7fff0000 },
		{ ht_record_word(HT_REC_MARK, 6, 0), 2, 'h' | 'i' << 8 },
		{ ht_record_word(HT_REC_MISUSE, 6, 18), 0x7fff0000, 0,
		  HT_MISUSE_STACK | (uint64_t)HT_MISUSE_BY_FREE << 32 },
		{ ht_record_word(HT_REC_TOLD, 6, 0), HT_TOLD_PAUSE, 0, 0, 0, 9 },
		{ ht_record_word(HT_REC_TOLD, 6, HT_TOLD_HAS_NAME), HT_TOLD_POOL_NAME, 77, 0, 0, 10, 2, 'h' | 'i' << 8 },
		{ ht_record_word(HT_REC_LOST, 7, 0), 1000 },
	};
	const struct ht_event expected[] = {
		{ 5001, 4097, 0, 100, 16, HT_EVENT_ALLOC },
		{ (1ull << 40) + 2, 70000, 4097, 200, 17, HT_EVENT_REALLOC_MOVED },
		{ (1ull << 40) + 3, 70001, 70000, 300, 17, HT_EVENT_REALLOC },
		{ (1ull << 40) + 4, 70001, 0, 0, 0, HT_EVENT_FREE },
		{ (1ull << 40) + 5, 3, 0, 0, 0, HT_EVENT_MISSED_FREE },
		{ (1ull << 40) + 6, 0x7fff0000, 0, 0, 18, HT_EVENT_UNKNOWN_FREE },
		{ (1ull << 40) + 7, 0, 0, 1000, 0, HT_EVENT_LOST },
	};

	ht_fake_thread_init(&thread, &target, 1);
	thread.tick = 5000;
	ht_fake_thread_take(&thread, 0);
	for (size_t i = 0; i < sizeof(records) / sizeof(records[0]); i++)
		ht_fake_thread_put(&thread, records[i], ht_record_n_words(records[i][0]));
	ht_fake_thread_close(&thread);
	ht_drain_round(drain, false);
	ck_assert_uint_eq(ht_drain_n_damaged(drain), 0);
	read_back(&r);
	ck_assert_uint_eq(r.n_events, 7);
	for (size_t i = 0; i < 7; i++)
		ck_assert_mem_eq(&r.events[i].event, &expected[i], sizeof(expected[i]));
	ck_assert_uint_eq(r.n_blocks_of[HT_BLOCK_NODES], 1);
	ck_assert_uint_eq(r.n_blocks_of[HT_BLOCK_MARKS], 1);
	ck_assert_uint_eq(r.n_blocks_of[HT_BLOCK_MISUSES], 1);
	ck_assert_uint_eq(r.n_blocks_of[HT_BLOCK_TOLD], 1);
	ck_assert_uint_eq(ht_column_writer_totals(columns)->n_lost, 1000);
	ht_read_back_done(&r);
}
END_TEST

static void put_module(struct ht_fake_thread *thread, uint32_t n_words, uint16_t path_bytes,
		       uint16_t build_id_bytes)
{
	uint64_t words[64] = { ht_record_word(HT_REC_MODULE, n_words, 1) };
	struct ht_module_record m = {
		.map_start_addr = 0x1000, .map_end_addr = 0x2000,
		.build_id_bytes = build_id_bytes, .path_bytes = path_bytes,
	};

	memcpy(words + 1, &m, sizeof(m));
	memcpy(words + 9, "/lib/some.so", 12);
	ht_fake_thread_put(thread, words, n_words);
}

START_TEST(test_round_module_is_decoded)
{
	struct ht_fake_thread thread;
	struct ht_read_back r;
	const uint8_t *path;
	uint64_t n_items;

	ht_fake_thread_init(&thread, &target, 1);
	ht_fake_thread_take(&thread, 0);
	put_module(&thread, 12, 12, 20);
	ht_fake_thread_close(&thread);
	ht_drain_round(drain, false);
	ck_assert_uint_eq(ht_drain_n_damaged(drain), 0);
	read_back(&r);
	struct ht_get g = ht_read_back_body(&r, HT_BLOCK_MODULES, 0, &n_items);

	ck_assert_uint_eq(n_items, 1);
	for (int i = 0; i < 6; i++)
		ht_get_u64(&g);
	ck_assert_uint_eq(ht_get_bytes(&g, &path), 20);
	ck_assert_uint_eq(ht_get_bytes(&g, &path), 12);
	ck_assert_mem_eq(path, "/lib/some.so", 12);
	ht_read_back_done(&r);
}
END_TEST

START_TEST(test_round_chunk_of_unknown_process_is_left_alone)
{
	struct ht_fake_thread thread;

	ht_drain_set_process(drain, 1, 0);
	ht_fake_thread_init(&thread, &target, 1);
	ht_fake_thread_take(&thread, 3);
	ht_fake_thread_alloc(&thread, 1);
	ht_fake_thread_close(&thread);
	ck_assert_uint_eq(ht_drain_round(drain, true), 0);
	ck_assert_uint_eq((uint32_t)state_of(3), HT_CHUNK_FULL);
	ht_drain_set_process(drain, 1, target.serial);
	ck_assert_uint_eq(ht_drain_round(drain, false), 1);
}
END_TEST

START_TEST(test_round_closed_empty_chunk_is_freed)
{
	struct ht_fake_thread thread;

	ht_fake_thread_init(&thread, &target, 1);
	ht_fake_thread_take(&thread, 3);
	ht_fake_thread_close(&thread);
	ck_assert_uint_eq(ht_drain_round(drain, false), 1);
	assert_free_and_zero(3);
}
END_TEST

/* A process that is killed between the words of a record. */
START_TEST(test_process_killed_owner_leaves_every_complete_record)
{
	struct ht_read_back r;
	pid_t pid = fork();

	if (pid == 0) {
		struct ht_region_header *h = ht_fake_target_map(region.path);
		struct ht_fake_target child = { h, 2, 7 };
		struct ht_fake_thread thread;

		ht_fake_thread_init(&thread, &child, 1);
		ht_fake_thread_take(&thread, 9);
		for (int i = 0; i < 100; i++)
			ht_fake_thread_alloc(&thread, 1);
		ht_fake_thread_close(&thread);
		ht_fake_thread_take(&thread, 2);
		for (int i = 0; i < 50; i++)
			ht_fake_thread_alloc(&thread, 2);
		ht_fake_thread_half_alloc(&thread, 3);
		kill(getpid(), SIGKILL);
	}
	ck_assert_int_eq(waitpid(pid, NULL, 0), pid);
	ht_drain_set_process(drain, 2, 7);
	ck_assert_uint_eq(ht_drain_process(drain, 2), 2);
	assert_free_and_zero(9);
	assert_free_and_zero(2); /* the half record as well */
	read_back(&r);
	ck_assert_uint_eq(r.n_events, 150);
	for (size_t i = 0; i < 150; i++) {
		ck_assert_uint_eq(r.events[i].process_serial, 7);
		ck_assert_uint_eq(r.events[i].event.size, i < 100 ? 1 : 2);
		ck_assert_uint_eq(r.events[i].event.id, 4097 + i);
	}
	ht_read_back_done(&r);
}
END_TEST

static void *write_for_ever(void *arg)
{
	struct ht_fake_thread *t = arg;
	struct ht_region_header *h = t->target->region;

	/* Threads search for chunks as the shim does: whichever is free, from different ends. */
	for (uint32_t k = 0; k < 3000; k++) {
		uint32_t i = t->serial % 2 ? 0 : N_CHUNKS - 1;
		uint64_t free_word = 0;

		while (!atomic_compare_exchange_strong(ht_region_chunk_state(h, i), &free_word,
						       ht_chunk_word(HT_CHUNK_OWNED, t->target->slot))) {
			free_word = 0;
			i = (t->serial % 2 ? i + 1 : i + N_CHUNKS - 1) % N_CHUNKS;
		}
		ht_fake_thread_take(t, i);
		for (uint32_t n = 0; n < 7 + k % 5; n++)
			ht_fake_thread_alloc(t, 8);
		ht_fake_thread_close(t);
	}
	return NULL;
}

/* Threads and the drain at full speed: every id of every thread, in order, once. */
START_TEST(test_round_racing_threads_keep_order)
{
	enum { N = 3 };
	struct ht_fake_thread threads[N];
	pthread_t ids[N];
	uint64_t next_id[N];
	struct ht_read_back r;
	uint32_t n_freed = 0;

	for (uint32_t t = 0; t < N; t++) {
		ht_fake_thread_init(&threads[t], &target, t + 1);
		threads[t].next_id = next_id[t] = (uint64_t)t << 32;
		ck_assert_int_eq(pthread_create(&ids[t], NULL, write_for_ever, &threads[t]), 0);
	}
	while (n_freed < N * 3000)
		n_freed += ht_drain_round(drain, n_freed % 7 == 0);
	for (uint32_t t = 0; t < N; t++)
		pthread_join(ids[t], NULL);
	ck_assert_uint_eq(ht_drain_n_damaged(drain), 0);
	read_back(&r);
	for (size_t i = 0; i < r.n_events; i++) {
		uint32_t t = r.events[i].thread_serial - 1;

		ck_assert_uint_eq(r.events[i].event.id, next_id[t]);
		next_id[t]++;
	}
	for (uint32_t t = 0; t < N; t++)
		ck_assert_uint_eq(next_id[t], threads[t].next_id);
	ht_read_back_done(&r);
}
END_TEST

/* What a chunk with this record gives: good, damaged, good. */
static void check_damaged(const uint64_t *words, uint32_t n)
{
	struct ht_fake_thread thread;
	struct ht_read_back r;

	ht_fake_thread_init(&thread, &target, 1);
	ht_fake_thread_take(&thread, 6);
	ht_fake_thread_alloc(&thread, 1);
	ht_fake_thread_put(&thread, words, n);
	ht_fake_thread_alloc(&thread, 2);
	ht_fake_thread_close(&thread);
	ht_fake_thread_take(&thread, 7);
	ht_fake_thread_alloc(&thread, 3);
	ht_fake_thread_close(&thread);
	ck_assert_uint_eq(ht_drain_round(drain, false), 2);
	ck_assert_uint_eq(ht_drain_n_damaged(drain), 1);
	assert_free_and_zero(6);
	read_back(&r);
	ck_assert_uint_eq(r.n_events, 3);
	ck_assert_uint_eq(r.events[0].event.size, 1);
	ck_assert_uint_eq(r.events[1].event.kind, HT_EVENT_LOST);
	ck_assert_uint_eq(r.events[2].event.size, 3);
	ht_read_back_done(&r);
}

static const uint64_t nonsense[][2] = {
	{ 15, 0 },                                       /* TOLD of nothing */
	{ 15, HT_N_TOLD_KINDS },                         /* the first unused kind of it */
	{ 15, HT_TOLD_POOL_NAME },                       /* that has no name */
	{ 15 | (uint64_t)UINT32_MAX << 32, HT_TOLD_POOL_FREE }, /* that has one */
	{ 11, 0 },                                       /* PYTHON of no words */
	{ 1ull << 63, 0 },                               /* kind 0 */
	{ 10, 0 },                                       /* MODULE of no words */
	{ 10 | 3 << 4, 0 },                              /* of an odd number */
	{ 10 | 8 << 4, 0 },                              /* shorter than its struct */
	{ 10 | (uint64_t)HT_REC_AUX_MAX << 4, 0 },       /* longer than the chunk */
	{ 9 | 15ull << 32, 0 },                          /* NODE with a reserved id */
	{ 1 | 16ull << 32, 1ull << 57 },                 /* ALLOC larger than any memory */
	{ 6, UINT64_MAX },                               /* LOST of as many events */
};

START_TEST(test_round_impossible_record_costs_its_chunk_only)
{
	check_damaged(nonsense[_i], 2);
}
END_TEST

START_TEST(test_round_module_lengths_are_checked)
{
	struct ht_fake_thread thread;

	ht_fake_thread_init(&thread, &target, 1);
	ht_fake_thread_take(&thread, 0);
	put_module(&thread, 12, 25, 0); /* 24 bytes of room */
	ht_fake_thread_close(&thread);
	ht_fake_thread_take(&thread, 1);
	put_module(&thread, 12, 12, HT_BUILD_ID_MAX_BYTES + 1);
	ht_fake_thread_close(&thread);
	ht_fake_thread_take(&thread, 2);
	put_module(&thread, 12, UINT16_MAX, UINT16_MAX);
	ht_fake_thread_close(&thread);
	ht_drain_round(drain, false);
	ck_assert_uint_eq(ht_drain_n_damaged(drain), 3);
}
END_TEST

START_TEST(test_round_scribbled_states_are_put_right)
{
	static const uint64_t words[] = { 4, ~0ull, 1 | 4ull << 32, 2 | 1000ull << 32, 1ull << 32 };

	for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		atomic_store(ht_region_chunk_state(region.header, i), words[i]);
	ht_drain_round(drain, true);
	for (uint32_t i = 0; i < sizeof(words) / sizeof(words[0]); i++)
		assert_free_and_zero(i);
}
END_TEST

/* Chunks full of noise: nothing to check but that it ends, in order, with a readable trace. */
START_TEST(test_round_noise_is_survived)
{
	struct ht_read_back r;
	uint32_t seed = 12345 + (uint32_t)_i;

	for (uint32_t i = 0; i < N_CHUNKS; i++) {
		uint8_t *bytes = (uint8_t *)ht_region_chunk(region.header, i);

		for (uint32_t k = 0; k < ht_region_chunk_bytes(region.header, i); k++) {
			seed = seed * 1664525u + 1013904223u;
			/* Small numbers make longer sequences of valid records. */
			bytes[k] = seed >> 30 ? 0 : (uint8_t)(seed >> 20);
			if (k % 16 == 0)
				bytes[k] = (uint8_t)(1 + (seed >> 8) % 10);
		}
		atomic_store(ht_region_chunk_state(region.header, i),
			     ht_chunk_word(i % 2 ? HT_CHUNK_FULL : HT_CHUNK_OWNED, 1));
	}
	ht_drain_round(drain, true);
	ht_drain_process(drain, 1);
	for (uint32_t i = 0; i < N_CHUNKS; i++)
		assert_free_and_zero(i);
	read_back(&r);
	ht_read_back_done(&r);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("drain");
	TCase *core = tcase_create("core");
	TCase *limits = tcase_create("limits");
	TCase *corrupt = tcase_create("corrupt");

	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_test(core, test_round_full_chunks_keep_thread_order);
	tcase_add_test(core, test_round_owned_chunk_is_read_only_when_thorough);
	tcase_add_test(core, test_round_every_record_kind_is_decoded);
	tcase_add_test(core, test_round_module_is_decoded);
	tcase_add_test(core, test_round_chunk_of_unknown_process_is_left_alone);
	tcase_add_test(core, test_round_closed_empty_chunk_is_freed);
	tcase_add_test(core, test_process_killed_owner_leaves_every_complete_record);
	suite_add_tcase(suite, core);
	tcase_add_checked_fixture(limits, setup, teardown);
	tcase_set_timeout(limits, 60);
	tcase_add_test(limits, test_round_racing_threads_keep_order);
	suite_add_tcase(suite, limits);
	tcase_add_checked_fixture(corrupt, setup, teardown);
	tcase_add_loop_test(corrupt, test_round_impossible_record_costs_its_chunk_only, 0,
			    sizeof(nonsense) / sizeof(nonsense[0]));
	tcase_add_test(corrupt, test_round_module_lengths_are_checked);
	tcase_add_test(corrupt, test_round_scribbled_states_are_put_right);
	tcase_add_loop_test(corrupt, test_round_noise_is_survived, 0, 20);
	suite_add_tcase(suite, corrupt);
	return ht_run_suite(suite);
}
