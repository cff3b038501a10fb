/* SPDX-License-Identifier: MIT */
/* Traces that are whole, cut at every byte, or changed at every byte. Tests. */
#include "run_suite.h"
#include "trace_maker.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/read/event_merge.h"
#include "analyzer/replay/replay.h"
#include "analyzer/replay/summary.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#define N_EVENT_BLOCKS   4u
#define EVENTS_PER_BLOCK 6u

/*
 * A small trace with every kind of block. The events of a block differ in size and node: of equal bytes zstd
 * may say with other bits where the same were before, and a change of those would change nothing.
 */
static struct ht_trace_maker *small_trace(bool is_finished)
{
	static const uint64_t sizes[EVENTS_PER_BLOCK] = { 97, 103, 99, 102, 98, 101 };
	struct ht_trace_maker *maker = ht_trace_maker_new();
	uint64_t id = 1;

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_module(maker, 1, 0x400000, 0x500000, 0, 0, "/bin/program");
	ht_trace_maker_node(maker, 1, 16, 0, 0x401000, 0);
	ht_trace_maker_node(maker, 1, 17, 16, 0x402000, 0);
	for (unsigned b = 0; b < N_EVENT_BLOCKS; b++) {
		for (unsigned i = 0; i < EVENTS_PER_BLOCK; i++, id++)
			ht_trace_maker_event(maker, 1, 1,
			                     &(struct ht_event){ .tick = 1000 + id * 10,
			                                         .id = id,
			                                         .size = sizes[i],
			                                         .node = 16 + i % 2,
			                                         .kind = HT_EVENT_ALLOC });
		ht_trace_maker_flush(maker);
	}
	ht_trace_maker_process_end(maker, 1, 2000, HT_END_EXIT, 0);
	if (is_finished)
		ht_trace_maker_finish(maker);
	return maker;
}

/* What a reader gets out of bytes. */
struct reading {
	enum ht_err err;
	uint64_t n_allocations;
	uint64_t allocated_bytes;
	uint64_t n_damages;
	uint64_t n_anomalies;
	uint64_t n_processes_ended;
	enum ht_file_end end;
	bool has_end;
	struct ht_diag diag;
};

static struct reading read_bytes(const uint8_t *bytes, size_t n_bytes, bool is_scanning)
{
	const struct ht_replay_options options = { .short_lived_age = 64 };
	struct reading r = { 0 };
	char *path = ht_trace_maker_temp_file(bytes, n_bytes);
	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_results results;

	r.err = is_scanning ? ht_trace_file_open_scanning(path, &file, &r.diag)
	                    : ht_trace_file_open(path, &file, &r.diag);
	unlink(path);
	free(path);
	if (r.err)
		return r;
	r.err = ht_trace_model_load(&model, file, &r.diag);
	if (r.err) {
		ht_trace_file_close(file);
		return r;
	}
	ht_replay_run(file, &model, &options, &results);
	r.n_allocations = results.totals.n_allocations;
	r.allocated_bytes = results.totals.allocated_bytes;
	r.n_damages = ht_trace_file_n_damages(file);
	r.end = ht_trace_file_end(file);
	r.has_end = model.recording.has_end;
	for (int i = 0; i < HT_N_ANOMALIES; i++)
		r.n_anomalies += results.anomalies[i].n;
	for (size_t i = 0; i < model.processes.n_processes; i++)
		r.n_processes_ended += model.processes.processes[i].has_end;
	ht_results_done(&results);
	ht_trace_model_done(&model);
	ht_trace_file_close(file);
	return r;
}

/* What verify asks for. */
static bool is_good(const struct reading *r)
{
	return r->err == HT_OK && r->n_damages == 0 && r->n_anomalies == 0 &&
	       r->end == HT_FILE_END_GOOD && r->has_end && r->n_processes_ended == 1;
}

START_TEST(test_trace_file_whole_trace_is_good_with_and_without_index)
{
	struct ht_trace_maker *maker = small_trace(true);
	size_t n_bytes;
	const uint8_t *bytes = ht_trace_maker_bytes(maker, &n_bytes);

	for (int is_scanning = 0; is_scanning < 2; is_scanning++) {
		struct reading r = read_bytes(bytes, n_bytes, is_scanning);

		ck_assert(is_good(&r));
		ck_assert_uint_eq(r.n_allocations, N_EVENT_BLOCKS * EVENTS_PER_BLOCK);
	}
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_trace_file_cut_at_every_byte_keeps_every_whole_block)
{
	struct ht_trace_maker *maker = small_trace(true);
	size_t n_bytes;
	const uint8_t *bytes = ht_trace_maker_bytes(maker, &n_bytes);
	uint64_t n_before = 0;

	for (size_t n = 0; n < n_bytes; n++) {
		struct reading r = read_bytes(bytes, n, n % 2);

		ck_assert(!is_good(&r));
		if (r.err) {
			ck_assert_uint_eq(n_before, 0);
			ck_assert(r.err == HT_ERR_TRUNCATED || r.err == HT_ERR_NOT_A_TRACE);
			ck_assert_uint_gt(strlen(r.diag.msg), 0);
			continue;
		}
		ck_assert_uint_ge(r.n_allocations, n_before);
		ck_assert_uint_eq(r.n_allocations % EVENTS_PER_BLOCK, 0);
		n_before = r.n_allocations;
	}
	ck_assert_uint_eq(n_before, N_EVENT_BLOCKS * EVENTS_PER_BLOCK);
	ht_trace_maker_free(maker);
}
END_TEST

/*
 * Either the change is noticed and at most one block is lost, or it changed nothing that is read. (There
 * are such bits: unused ones in compressed data that decode to the same.)
 */
START_TEST(test_trace_file_changed_at_every_byte_is_noticed)
{
	struct ht_trace_maker *maker = small_trace(true);
	size_t n_bytes, n_unnoticed = 0;
	const uint8_t *original = ht_trace_maker_bytes(maker, &n_bytes);
	uint8_t *bytes = ht_xalloc_dup(original, n_bytes);
	const uint64_t n_all = N_EVENT_BLOCKS * EVENTS_PER_BLOCK;

	for (size_t i = 0; i < n_bytes; i++) {
		bytes[i] ^= (uint8_t)(1 << (i + (size_t)_i) % 8);
		struct reading r = read_bytes(bytes, n_bytes, true);

		ck_assert_int_eq(r.err, HT_OK);
		ck_assert_uint_ge(r.n_allocations, n_all - EVENTS_PER_BLOCK);
		ck_assert_uint_le(r.n_allocations, n_all);
		ck_assert_uint_eq(r.allocated_bytes, r.n_allocations * 100);
		if (is_good(&r)) {
			ck_assert_uint_eq(r.n_allocations, n_all);
			n_unnoticed++;
		}
		/* The usual way, by the index, may not see all damage, but never gives wrong numbers. */
		r = read_bytes(bytes, n_bytes, false);
		ck_assert_int_eq(r.err, HT_OK);
		ck_assert_uint_ge(r.n_allocations, n_all - EVENTS_PER_BLOCK);
		ck_assert_uint_eq(r.allocated_bytes, r.n_allocations * 100);
		bytes[i] = original[i];
	}
	ck_assert_uint_le(n_unnoticed, 2);
	free(bytes);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_trace_file_hole_and_insertion_lose_only_what_they_hit)
{
	struct ht_trace_maker *maker = small_trace(true);
	size_t n_bytes;
	const uint8_t *original = ht_trace_maker_bytes(maker, &n_bytes);
	const uint64_t n_all = N_EVENT_BLOCKS * EVENTS_PER_BLOCK;

	for (size_t at = 500; at + 40 < n_bytes; at += 37) {
		uint8_t *bytes = ht_xalloc(n_bytes + 30);

		memcpy(bytes, original, at);
		memcpy(bytes + at, original + at + 30, n_bytes - at - 30);
		struct reading r = read_bytes(bytes, n_bytes - 30, true);

		ck_assert_int_eq(r.err, HT_OK);
		ck_assert(!is_good(&r));
		ck_assert_uint_ge(r.n_allocations, n_all - 2 * EVENTS_PER_BLOCK);

		memcpy(bytes, original, at);
		memset(bytes + at, 0x58, 30);
		memcpy(bytes + at + 30, original + at, n_bytes - at);
		r = read_bytes(bytes, n_bytes + 30, true);
		ck_assert_int_eq(r.err, HT_OK);
		ck_assert(!is_good(&r));
		ck_assert_uint_ge(r.n_allocations, n_all - EVENTS_PER_BLOCK);
		free(bytes);
	}
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_trace_file_that_is_no_trace_says_so)
{
	static uint8_t noise[100000];
	struct reading r = read_bytes((const uint8_t *)"", 0, false);

	ck_assert_int_eq(r.err, HT_ERR_NOT_A_TRACE);
	ck_assert_ptr_nonnull(strstr(r.diag.msg, "is empty"));
	r = read_bytes((const uint8_t *)"#!/bin/sh\n", 10, false);
	ck_assert_int_eq(r.err, HT_ERR_NOT_A_TRACE);
	srand(1);
	for (size_t i = 0; i < sizeof(noise); i++)
		noise[i] = (uint8_t)rand();
	r = read_bytes(noise, sizeof(noise), false);
	ck_assert_int_eq(r.err, HT_ERR_NOT_A_TRACE);

	struct ht_trace_file *file;
	struct ht_diag diag;

	ck_assert_int_eq(ht_trace_file_open("/nonexistent/file", &file, &diag), HT_ERR_IO);
	ck_assert_int_eq(ht_trace_file_open("/", &file, &diag), HT_ERR_IO);
}
END_TEST

START_TEST(test_trace_file_of_another_version_is_refused)
{
	struct ht_trace_maker *good = small_trace(true);
	struct ht_trace_maker *maker = ht_trace_maker_new();
	size_t n_bytes, n_start;
	uint8_t body[1] = { HT_TRACE_VERSION + 1 };
	const uint8_t *bytes = ht_trace_maker_bytes(maker, &n_start);

	/* Only the second START block, as first one. */
	ht_trace_maker_block(maker, HT_BLOCK_START, 0, body, 1, 1000, 1000);
	bytes = ht_trace_maker_bytes(maker, &n_bytes);
	struct reading r = read_bytes(bytes + n_start, n_bytes - n_start, false);

	ck_assert_int_eq(r.err, HT_ERR_VERSION);
	ck_assert_ptr_nonnull(strstr(r.diag.msg, "version 2"));
	ht_trace_maker_free(maker);
	ht_trace_maker_free(good);
}
END_TEST

START_TEST(test_trace_file_appended_bytes_are_noticed_and_ignored)
{
	struct ht_trace_maker *maker = small_trace(true);
	size_t n_bytes;
	const uint8_t *original = ht_trace_maker_bytes(maker, &n_bytes);
	uint8_t *twice = ht_xalloc(2 * n_bytes);

	memcpy(twice, original, n_bytes);
	memcpy(twice + n_bytes, original, n_bytes);
	struct reading r = read_bytes(twice, 2 * n_bytes, false);

	ck_assert_int_eq(r.err, HT_OK);
	ck_assert(!is_good(&r));
	ck_assert_uint_eq(r.n_allocations, N_EVENT_BLOCKS * EVENTS_PER_BLOCK);
	free(twice);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_trace_file_unknown_block_types_are_skipped)
{
	struct ht_trace_maker *maker = small_trace(false);
	size_t n_bytes;

	ht_trace_maker_block(maker, 77, 5, "future", 6, 2000, 2000);
	ht_trace_maker_finish(maker);
	const uint8_t *bytes = ht_trace_maker_bytes(maker, &n_bytes);
	struct reading r = read_bytes(bytes, n_bytes, true);

	ck_assert(is_good(&r));
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_trace_file_lock_of_the_recorder_is_seen)
{
	struct ht_trace_maker *maker = small_trace(true);
	char *path = ht_trace_maker_save(maker);
	int fd = open(path, O_RDWR);

	ck_assert(!ht_trace_file_is_being_recorded(path));
	ck_assert_int_eq(flock(fd, LOCK_EX), 0);
	ck_assert(ht_trace_file_is_being_recorded(path));
	close(fd);
	ck_assert(!ht_trace_file_is_being_recorded(path));
	unlink(path);
	ck_assert(!ht_trace_file_is_being_recorded(path));
	free(path);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_trace_file_from_a_pipe_is_read)
{
	struct ht_trace_maker *maker = small_trace(true);
	struct ht_summary summary;
	struct ht_diag diag;
	size_t n_bytes;
	const uint8_t *bytes = ht_trace_maker_bytes(maker, &n_bytes);
	int fds[2];
	char path[64];

	ck_assert_int_eq(pipe(fds), 0);
	ck_assert_int_eq(write(fds[1], bytes, n_bytes), (ssize_t)n_bytes); /* fits a pipe */
	close(fds[1]);
	snprintf(path, sizeof(path), "/dev/fd/%d", fds[0]);
	ck_assert_int_eq(ht_summary_of_trace(path, &summary, &diag), HT_OK);
	ck_assert_uint_eq(summary.n_allocations, N_EVENT_BLOCKS * EVENTS_PER_BLOCK);
	ck_assert_uint_eq(summary.leaked_bytes, N_EVENT_BLOCKS * EVENTS_PER_BLOCK * 100);
	ck_assert_uint_eq(summary.duration_ns, 1000000);
	close(fds[0]);
	ht_trace_maker_free(maker);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_file");
	TCase *core = ht_add_case(suite, "core");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_test(core, test_trace_file_whole_trace_is_good_with_and_without_index);
	tcase_add_test(core, test_trace_file_unknown_block_types_are_skipped);
	tcase_add_test(core, test_trace_file_lock_of_the_recorder_is_seen);
	tcase_add_test(core, test_trace_file_from_a_pipe_is_read);
	tcase_add_test(corrupt, test_trace_file_cut_at_every_byte_keeps_every_whole_block);
	tcase_add_loop_test(corrupt, test_trace_file_changed_at_every_byte_is_noticed, 0, 3);
	tcase_add_test(corrupt, test_trace_file_hole_and_insertion_lose_only_what_they_hit);
	tcase_add_test(corrupt, test_trace_file_that_is_no_trace_says_so);
	tcase_add_test(corrupt, test_trace_file_of_another_version_is_refused);
	tcase_add_test(corrupt, test_trace_file_appended_bytes_are_noticed_and_ignored);
	return ht_run_suite(suite);
}
