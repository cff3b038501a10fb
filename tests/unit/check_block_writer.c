/* SPDX-License-Identifier: MIT */
/* Tests of the block writer: what a reader finds, and what stays when the file cannot grow. */
#include "analyzer/record/block_writer.h"

#include "tests/unit/read_back.h"
#include "run_suite.h"

#include <check.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

static struct ht_clock_source clock_source;
static struct ht_block_writer *writer;
static const char *trace_path;
static int fd;

static void setup(void)
{
	trace_path = ht_read_back_new_path();
	fd = open(trace_path, O_RDWR | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	ck_assert_int_ge(fd, 0);
	clock_source = ht_clock_source_monotonic();
	ck_assert_int_eq(ht_block_writer_new(fd, &clock_source, 1, &writer), HT_OK);
}

static void teardown(void)
{
	ht_block_writer_free(writer);
	close(fd);
}

/* A START block that a reader accepts as one, then blocks of unknown sense: only framing counts. */
static enum ht_err put(enum ht_block_type type, const void *body, size_t n_bytes)
{
	struct ht_block_meta meta = { .type = type, .n_items = n_bytes };
	struct ht_diag diag;

	return ht_block_writer_put(writer, &meta, body, n_bytes, &diag);
}

static void fill_random(uint8_t *bytes, size_t n_bytes, uint32_t seed)
{
	for (size_t i = 0; i < n_bytes; i++) {
		seed = seed * 1664525u + 1013904223u;
		bytes[i] = (uint8_t)(seed >> 24);
	}
}

START_TEST(test_put_blocks_read_back_equal)
{
	static uint8_t body[100000];
	struct ht_diag diag;
	struct ht_read_back r;
	uint64_t n_items;

	fill_random(body, sizeof(body), 1);
	ck_assert_int_eq(put(HT_BLOCK_START, "start", 5), HT_OK);
	ck_assert_int_eq(put(HT_BLOCK_NODES, body, sizeof(body)), HT_OK);
	ck_assert_int_eq(put(HT_BLOCK_MODULES, body, 0), HT_OK);
	ck_assert_int_eq(put(HT_BLOCK_END, "end", 3), HT_OK);
	ck_assert_int_eq(ht_block_writer_finish(writer, &diag), HT_OK);

	ht_read_back_init(&r, trace_path);
	ck_assert_int_eq(ht_trace_file_end(r.file), HT_FILE_END_GOOD);
	ck_assert_uint_eq(ht_trace_file_n_bytes(r.file), ht_block_writer_file_bytes(writer));
	struct ht_get g = ht_read_back_body(&r, HT_BLOCK_NODES, 0, &n_items);

	ck_assert_uint_eq(n_items, sizeof(body));
	ck_assert_uint_eq(ht_get_left(&g), sizeof(body));
	ck_assert_mem_eq(g.pos, body, sizeof(body));
	g = ht_read_back_body(&r, HT_BLOCK_MODULES, 0, &n_items);
	ck_assert_uint_eq(ht_get_left(&g), 0);
	ht_read_back_done(&r);

	/* The index says the same as a scan. */
	struct ht_trace_file *file;
	size_t n_blocks;

	ck_assert_int_eq(ht_trace_file_open(trace_path, &file, &diag), HT_OK);
	ht_trace_file_blocks(file, &n_blocks);
	ck_assert_uint_eq(n_blocks, 4);
	ck_assert_uint_eq(ht_trace_file_n_damages(file), 0);
	ht_trace_file_close(file);
}
END_TEST

/* Long pieces are frames of their own, of which a reader knows nothing. */
START_TEST(test_put_pieces_read_back_as_one)
{
	static uint8_t body[100000];
	struct ht_body_piece pieces[] = {
		{ body, 40000 }, { body + 40000, 0 }, { body + 40000, 1 }, { body + 40001, 59999 }
	};
	struct ht_block_meta meta = { .type = HT_BLOCK_NODES, .n_items = 9 };
	struct ht_diag diag;
	struct ht_read_back r;
	uint64_t n_items;

	fill_random(body, sizeof(body), 2);
	/* All small, or all but small: one frame or three. */
	for (unsigned part = 1; part <= 10; part += 9) {
		struct ht_body_piece some[4];

		for (int i = 0; i < 4; i++)
			some[i] =
			        (struct ht_body_piece){ pieces[i].bytes, pieces[i].n_bytes / part };
		ck_assert_int_eq(ht_block_writer_put_pieces(writer, &meta, some, 4, &diag), HT_OK);
		ht_block_writer_hurry(writer, true);
	}
	ck_assert_int_eq(ht_block_writer_finish(writer, &diag), HT_OK);

	ht_read_back_init(&r, trace_path);
	struct ht_get g = ht_read_back_body(&r, HT_BLOCK_NODES, 0, &n_items);

	ck_assert_uint_eq(ht_get_left(&g), sizeof(body));
	ck_assert_mem_eq(g.pos, body, sizeof(body));
	g = ht_read_back_body(&r, HT_BLOCK_NODES, 1, &n_items);
	ck_assert_uint_eq(ht_get_left(&g), 4000 + 5999);
	ck_assert_mem_eq(g.pos, body, 4000);
	ck_assert_mem_eq(g.pos + 4000, body + 40001, 5999);
	ht_read_back_done(&r);
}
END_TEST

START_TEST(test_put_body_too_long_is_refused)
{
	void *body = calloc(1, HT_BLOCK_MAX_BODY_BYTES + 1);

	ck_assert_int_eq(put(HT_BLOCK_NODES, body, HT_BLOCK_MAX_BODY_BYTES + 1), HT_ERR_LIMIT);
	ck_assert_uint_eq(ht_block_writer_file_bytes(writer), 0);
	ck_assert_int_eq(put(HT_BLOCK_NODES, body, HT_BLOCK_MAX_BODY_BYTES), HT_OK);
	free(body);
}
END_TEST

/* At every size where the file may stop growing, it ends with a whole block. */
START_TEST(test_put_file_full_cuts_back_to_whole_blocks)
{
	uint8_t body[300];
	struct rlimit limit;
	struct stat st;
	struct ht_diag diag = { .msg = "" };
	struct ht_block_meta meta = { .type = HT_BLOCK_NODES };

	signal(SIGXFSZ, SIG_IGN);
	getrlimit(RLIMIT_FSIZE, &limit);
	limit.rlim_cur = 2000 + 37 * (rlim_t)_i;
	setrlimit(RLIMIT_FSIZE, &limit);

	ck_assert_int_eq(put(HT_BLOCK_START, "start", 5), HT_OK);
	uint64_t n_bytes = ht_block_writer_file_bytes(writer);
	enum ht_err err = HT_OK;

	for (uint32_t i = 0; err == HT_OK; i++) {
		n_bytes = ht_block_writer_file_bytes(writer);
		fill_random(body, sizeof(body), i);
		err = ht_block_writer_put(writer, &meta, body, sizeof(body), &diag);
	}
	ck_assert_int_eq(err, HT_ERR_IO);
	ck_assert_int_eq(diag.sys_errno, EFBIG);
	ck_assert_int_eq(fstat(fd, &st), 0);
	ck_assert_uint_eq((uint64_t)st.st_size, n_bytes);
	ck_assert_uint_eq(ht_block_writer_file_bytes(writer), n_bytes);

	/* When there is room again, what follows fits behind it, and nothing is missing. */
	limit.rlim_cur = limit.rlim_max;
	setrlimit(RLIMIT_FSIZE, &limit);
	ck_assert_int_eq(put(HT_BLOCK_END, "end", 3), HT_OK);
	ck_assert_int_eq(ht_block_writer_finish(writer, &diag), HT_OK);

	struct ht_read_back r;

	ht_read_back_init(&r, trace_path);
	ck_assert_int_eq(ht_trace_file_end(r.file), HT_FILE_END_GOOD);
	ht_read_back_done(&r);
}
END_TEST

START_TEST(test_file_cut_anywhere_keeps_whole_blocks)
{
	uint64_t ends[6];
	struct ht_diag diag;

	for (int i = 0; i < 6; i++) {
		ck_assert_int_eq(put(i ? HT_BLOCK_NODES : HT_BLOCK_START, "some body", 9), HT_OK);
		ends[i] = ht_block_writer_file_bytes(writer);
	}
	ck_assert_int_eq(ht_block_writer_finish(writer, &diag), HT_OK);
	for (uint64_t size = ht_block_writer_file_bytes(writer) - 1; size >= ends[0]; size--) {
		struct ht_trace_file *file;
		size_t n_blocks;
		size_t n_whole = 0;

		ck_assert_int_eq(ftruncate(fd, (off_t)size), 0);
		while (n_whole < 6 && ends[n_whole] <= size)
			n_whole++;
		ck_assert_int_eq(ht_trace_file_open(trace_path, &file, &diag), HT_OK);
		ht_trace_file_blocks(file, &n_blocks);
		ck_assert_uint_eq(n_blocks, n_whole);
		ck_assert_int_ne(ht_trace_file_end(file), HT_FILE_END_GOOD);
		ht_trace_file_close(file);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("block_writer");
	TCase *core = tcase_create("core");
	TCase *limits = tcase_create("limits");
	TCase *corrupt = tcase_create("corrupt");

	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_test(core, test_put_blocks_read_back_equal);
	tcase_add_test(core, test_put_pieces_read_back_as_one);
	suite_add_tcase(suite, core);
	tcase_add_checked_fixture(limits, setup, teardown);
	tcase_add_test(limits, test_put_body_too_long_is_refused);
	tcase_add_loop_test(limits, test_put_file_full_cuts_back_to_whole_blocks, 0, 24);
	suite_add_tcase(suite, limits);
	tcase_add_checked_fixture(corrupt, setup, teardown);
	tcase_add_test(corrupt, test_file_cut_anywhere_keeps_whole_blocks);
	suite_add_tcase(suite, corrupt);
	return ht_run_suite(suite);
}
