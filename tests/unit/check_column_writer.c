/* SPDX-License-Identifier: MIT */
/* Tests of the column writer: what goes in comes out of a reader, in each thread's order. */
#include "analyzer/record/column_writer.h"

#include "tests/unit/read_back.h"
#include "run_suite.h"

#include <check.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define N_THREADS 5u
#define N_EVENTS 4000u

static struct ht_clock_source clock_source;
static struct ht_block_writer *blocks;
static struct ht_column_writer *writer;
static const char *trace_path;
static int fd;
static uint32_t seed;

/* Small enough that every limit is met often. */
static const struct ht_column_limits tight = { .max_events = 100, .max_segments = 7, .max_nodes = 9 };

static void setup_with(const struct ht_column_limits *limits)
{
	struct ht_block_meta start = { .type = HT_BLOCK_START };
	struct ht_diag diag;

	trace_path = ht_read_back_new_path();
	fd = open(trace_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	clock_source = ht_clock_source_monotonic();
	seed = 1;
	ck_assert_int_eq(ht_block_writer_new(fd, &clock_source, 1, &blocks), HT_OK);
	ck_assert_int_eq(ht_block_writer_put(blocks, &start, "x", 1, &diag), HT_OK);
	ck_assert_int_eq(ht_column_writer_new(blocks, limits, &writer), HT_OK);
}

static void setup(void)
{
	setup_with(NULL);
}

static void setup_tight(void)
{
	setup_with(&tight);
}

static void setup_tolerant(void)
{
	struct ht_column_limits limits = ht_column_default_limits;

	limits.tolerance_ticks = 16;
	setup_with(&limits);
}

static void teardown(void)
{
	ht_column_writer_free(writer);
	ht_block_writer_free(blocks);
	close(fd);
}

static uint32_t random_u32(void)
{
	seed = seed * 1664525u + 1013904223u;
	return seed >> 4;
}

/* Any number, small ones and the extremes more often. */
static uint64_t random_value(void)
{
	uint64_t v = (uint64_t)random_u32() << 36 ^ (uint64_t)random_u32() << 12 ^ random_u32();

	switch (random_u32() % 4) {
	case 0: return v % 100;
	case 1: return UINT64_MAX - v % 3;
	default: return v >> random_u32() % 64;
	}
}

static struct ht_event random_event(void)
{
	struct ht_event e = { .kind = 1 + random_u32() % (HT_N_EVENT_KINDS - 1) };
	bool has_new_id = ht_kind_has_new_id(e.kind);

	e.tick = random_value();
	if (e.kind != HT_EVENT_LOST)
		e.id = random_value();
	if (has_new_id && e.kind != HT_EVENT_ALLOC)
		e.old_id = random_value();
	if (has_new_id || e.kind == HT_EVENT_LOST)
		e.size = random_value() & HT_MAX_ALLOCATION_BYTES;
	if (e.kind != HT_EVENT_LOST && e.kind != HT_EVENT_MISSED_FREE)
		e.node = (uint32_t)random_value();
	return e;
}

static void finish(void)
{
	struct ht_diag diag;

	ht_column_writer_flush(writer);
	ck_assert(!ht_column_writer_has_pending(writer));
	ck_assert_int_eq(ht_column_writer_error(writer, &diag), HT_OK);
	ck_assert_int_eq(ht_block_writer_finish(blocks, &diag), HT_OK);
}

/* Threads take turns of random length, with flushes at random; everything comes back in order. */
static void check_round_trip(void)
{
	static struct ht_event written[N_THREADS][N_EVENTS];
	size_t n_written[N_THREADS] = { 0 };
	size_t n_read[N_THREADS] = { 0 };
	uint32_t n_left = N_EVENTS;
	struct ht_read_back r;

	while (n_left > 0) {
		uint32_t t = random_u32() % N_THREADS;
		uint32_t n = random_u32() % 40;

		ht_column_writer_begin(writer, 1 + t / 2, 1 + t, 100 + t, random_value(),
				       random_value());
		for (; n > 0 && n_left > 0; n--, n_left--) {
			struct ht_event e = random_event();

			ht_column_writer_event(writer, &e);
			written[t][n_written[t]++] = e;
		}
		if (random_u32() % 50 == 0)
			ht_column_writer_flush(writer);
	}
	finish();
	ck_assert_uint_eq(ht_column_writer_totals(writer)->n_events, N_EVENTS);

	ht_read_back_init(&r, trace_path);
	ck_assert_uint_eq(r.n_events, N_EVENTS);
	for (size_t i = 0; i < r.n_events; i++) {
		const struct ht_read_event *e = &r.events[i];
		uint32_t t = e->thread_serial - 1;

		ck_assert_uint_lt(t, N_THREADS);
		ck_assert_uint_eq(e->process_serial, 1 + t / 2);
		ck_assert_uint_eq(e->tid, 100 + t);
		ck_assert_uint_lt(n_read[t], n_written[t]);
		ck_assert_mem_eq(&e->event, &written[t][n_read[t]], sizeof(e->event));
		n_read[t]++;
	}
	ht_read_back_done(&r);
}

START_TEST(test_event_random_round_trip)
{
	check_round_trip();
}
END_TEST

/* One thread at a noisy pace; from half on another one interferes. */
START_TEST(test_ticks_are_exact_where_threads_take_turns)
{
	enum { N = 4000, TOLERANCE = 16 };
	static uint64_t ticks[N];
	struct ht_read_back r;
	uint32_t n_off = 0;
	uint64_t tick = 1000;

	for (uint32_t i = 0; i < N; i++) {
		uint32_t thread = i >= N / 2 && i % 10 == 0 ? 2 : 1;
		struct ht_event e = { .kind = HT_EVENT_ALLOC, .id = i + 1, .size = 8, .node = 16 };

		e.tick = ticks[i] = tick += random_u32() % 8;
		ht_column_writer_begin(writer, 1, thread, thread, tick, i + 1);
		ht_column_writer_event(writer, &e);
		if (i == N / 2)
			ht_column_writer_flush(writer);
	}
	finish();
	ht_read_back_init(&r, trace_path);
	ck_assert_uint_eq(r.n_events, N);
	for (uint32_t i = 0; i < N; i++) {
		uint64_t off = r.events[i].event.tick - ticks[i] + TOLERANCE;

		ck_assert_uint_le(off, 2 * TOLERANCE);
		n_off += off != TOLERANCE;
		ck_assert(i < N / 2 || off == TOLERANCE);
	}
	ck_assert_uint_gt(n_off, N / 4);
	ht_read_back_done(&r);
}
END_TEST

START_TEST(test_begin_without_events_leaves_no_segment)
{
	struct ht_event e = { .kind = HT_EVENT_ALLOC, .id = 1, .size = 8, .node = 16, .tick = 9 };
	struct ht_read_back r;

	ht_column_writer_begin(writer, 1, 1, 1, 0, 1);
	ht_column_writer_begin(writer, 1, 2, 2, 0, 1);
	ht_column_writer_event(writer, &e);
	ht_column_writer_begin(writer, 1, 2, 2, 77, 77);
	e.id = 2;
	ht_column_writer_event(writer, &e);
	ht_column_writer_begin(writer, 1, 3, 3, 0, 1);
	finish();
	ht_read_back_init(&r, trace_path);
	ck_assert_uint_eq(r.n_segments, 1);
	ck_assert_uint_eq(r.n_events, 2);
	ck_assert_uint_eq(r.events[1].thread_serial, 2);
	ht_read_back_done(&r);
}
END_TEST

START_TEST(test_flush_nothing_writes_nothing)
{
	uint64_t before = ht_block_writer_file_bytes(blocks);

	ht_column_writer_flush(writer);
	ht_column_writer_begin(writer, 1, 1, 1, 0, 1);
	ht_column_writer_flush(writer);
	ck_assert_uint_eq(ht_block_writer_file_bytes(blocks), before);
}
END_TEST

/* Sums over all NODES blocks of a process: each node once, unchanged. */
static size_t count_nodes(struct ht_read_back *r, uint32_t process_serial, bool are_generations)
{
	size_t n_found = 0;

	for (size_t i = 0; i < r->n_blocks_of[HT_BLOCK_NODES]; i++) {
		uint64_t n_items;
		struct ht_get g = ht_read_back_body(r, HT_BLOCK_NODES, i, &n_items);
		uint32_t serial = ht_get_u32(&g);
		struct ht_get column[4] = { { 0 } };
		uint64_t id = 0;
		uint64_t address = 0;

		bool has_generations = false;

		for (int c = 0; c < 3 + has_generations; c++) {
			const uint8_t *bytes;
			size_t n_bytes = ht_get_bytes(&g, &bytes);

			column[c] = ht_get_init(bytes, n_bytes);
			if (c == 2)
				has_generations = ht_get_left(&g) > 0;
		}
		ck_assert(!g.is_bad);
		ck_assert_uint_eq(ht_get_left(&g), 0);
		for (uint64_t k = 0; k < n_items; k++) {
			id = ht_get_diff(&column[0], id + 1);
			uint64_t parent = id - ht_unzigzag(ht_get_u64(&column[1]));
			uint64_t generation = has_generations ? ht_get_u64(&column[3]) : 0;

			address = ht_get_diff(&column[2], address);
			ck_assert_uint_eq(parent, id / 2);
			ck_assert_uint_eq(address, 0x5500000000ull + id * id * serial);
			ck_assert_uint_eq(generation, are_generations && id % 10 == 0 ? id : 0);
			n_found += serial == process_serial;
		}
		ck_assert(!column[0].is_bad && !column[1].is_bad && !column[2].is_bad);
	}
	return n_found;
}

static void check_nodes(bool has_generations)
{
	struct ht_read_back r;

	/* Ids out of order, as threads that intern side by side give them. */
	for (uint32_t i = 0; i < 200; i++) {
		uint32_t id = 16 + (i ^ 5);
		uint32_t serial = 1 + i % 3;

		ht_column_writer_node(writer, serial, id, 0x5500000000ull + (uint64_t)id * id * serial,
				      id / 2, has_generations && id % 10 == 0 ? id : 0);
	}
	finish();
	ht_read_back_init(&r, trace_path);
	ck_assert_uint_eq(count_nodes(&r, 1, has_generations), 67);
	ck_assert_uint_eq(count_nodes(&r, 3, has_generations), 66);
	ht_read_back_done(&r);
}

START_TEST(test_node_out_of_order_reads_back)
{
	check_nodes(false);
}
END_TEST

START_TEST(test_node_generations_read_back)
{
	check_nodes(true);
}
END_TEST

START_TEST(test_module_and_process_longest_strings_read_back)
{
	static char path[UINT16_MAX];
	static char cmdline[HT_PROCESS_CMDLINE_BYTES];
	struct ht_module_record m = {
		.map_start_addr = UINT64_MAX - 5,
		.map_end_addr = UINT64_MAX,
		.load_bias = UINT64_MAX,
		.generation = UINT32_MAX,
		.build_id_bytes = HT_BUILD_ID_MAX_BYTES,
		.path_bytes = UINT16_MAX,
	};
	struct ht_process_info info = {
		.serial = 7, .pid = 8, .start_tick = UINT64_MAX, .first_id = UINT64_MAX,
		.exe = cmdline, .exe_bytes = HT_PROCESS_EXE_BYTES,
		.cmdline = cmdline, .cmdline_bytes = sizeof(cmdline),
		.allocator = cmdline, .allocator_bytes = HT_PROCESS_ALLOCATOR_BYTES,
	};
	struct ht_read_back r;
	const uint8_t *bytes;
	uint64_t n_modules = 0;
	uint64_t n_processes = 0;

	memset(path, 'p', sizeof(path));
	for (int i = 0; i < 10; i++) {
		ht_column_writer_process(writer, &info);
		ht_column_writer_module(writer, 7, 3, &m, path);
	}
	finish();
	ht_read_back_init(&r, trace_path);
	for (size_t i = 0; i < r.n_blocks_of[HT_BLOCK_MODULES]; i++) {
		uint64_t n_items;
		struct ht_get g = ht_read_back_body(&r, HT_BLOCK_MODULES, i, &n_items);

		n_modules += n_items;
		ck_assert_uint_eq(ht_get_u32(&g), 7);
		ck_assert_uint_eq(ht_get_u32(&g), 3);
		ck_assert_uint_eq(ht_get_u64(&g), UINT64_MAX - 5);
		ck_assert_uint_eq(ht_get_diff(&g, UINT64_MAX - 5), UINT64_MAX);
		ht_get_u64(&g);
		ht_get_u64(&g);
		ck_assert_uint_eq(ht_get_bytes(&g, &bytes), HT_BUILD_ID_MAX_BYTES);
		ck_assert_uint_eq(ht_get_bytes(&g, &bytes), UINT16_MAX);
		ck_assert(!g.is_bad);
	}
	ck_assert_uint_eq(n_modules, 10);
	for (size_t i = 0; i < r.n_blocks_of[HT_BLOCK_PROCESS]; i++) {
		uint64_t n_items;
		struct ht_get g = ht_read_back_body(&r, HT_BLOCK_PROCESS, i, &n_items);

		n_processes += n_items;
		for (uint64_t k = 0; k < n_items; k++) {
			for (int field = 0; field < 8; field++)
				ht_get_u64(&g);
			ck_assert_uint_eq(ht_get_bytes(&g, &bytes), HT_PROCESS_EXE_BYTES);
			ck_assert_uint_eq(ht_get_bytes(&g, &bytes), sizeof(cmdline));
		}
		for (uint64_t k = 0; k < n_items; k++) {
			ck_assert_uint_eq(ht_get_u64(&g), 7);
			ck_assert_uint_eq(ht_get_bytes(&g, &bytes), HT_PROCESS_ALLOCATOR_BYTES);
		}
		ck_assert(!g.is_bad && ht_get_left(&g) == 0);
	}
	ck_assert_uint_eq(n_processes, 10);
	ht_read_back_done(&r);
}
END_TEST

START_TEST(test_error_is_kept_and_later_calls_do_nothing)
{
	struct ht_event e = { .kind = HT_EVENT_FREE, .id = 1 };
	struct ht_diag diag = { .msg = "" };
	int read_only = open("/dev/null", O_RDONLY);

	/* From now on every write fails. */
	ck_assert_int_ge(dup2(read_only, fd), 0);
	close(read_only);
	ht_column_writer_begin(writer, 1, 1, 1, 0, 1);
	for (int i = 0; i < 1000; i++)
		ht_column_writer_event(writer, &e);
	ht_column_writer_flush(writer);
	ck_assert_int_eq(ht_column_writer_error(writer, &diag), HT_ERR_IO);
	ck_assert_str_ne(diag.msg, "");
	ck_assert(!ht_column_writer_has_pending(writer));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("column_writer");
	TCase *core = tcase_create("core");
	TCase *tolerant = tcase_create("tolerant");
	TCase *limits = tcase_create("limits");

	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_test(core, test_event_random_round_trip);
	tcase_add_test(core, test_begin_without_events_leaves_no_segment);
	tcase_add_test(core, test_flush_nothing_writes_nothing);
	tcase_add_test(core, test_node_out_of_order_reads_back);
	tcase_add_test(core, test_node_generations_read_back);
	tcase_add_test(core, test_module_and_process_longest_strings_read_back);
	suite_add_tcase(suite, core);
	tcase_add_checked_fixture(tolerant, setup_tolerant, teardown);
	tcase_add_test(tolerant, test_ticks_are_exact_where_threads_take_turns);
	suite_add_tcase(suite, tolerant);
	tcase_add_checked_fixture(limits, setup_tight, teardown);
	tcase_add_test(limits, test_event_random_round_trip);
	tcase_add_test(limits, test_node_out_of_order_reads_back);
	tcase_add_test(limits, test_node_generations_read_back);
	tcase_add_test(limits, test_error_is_kept_and_later_calls_do_nothing);
	suite_add_tcase(suite, limits);
	return ht_run_suite(suite);
}
