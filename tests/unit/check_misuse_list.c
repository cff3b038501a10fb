/* SPDX-License-Identifier: MIT */
/* Tests of misuses: MISUSES blocks good and bad, where their blocks came from over forks, which are certain. */
#include "run_suite.h"
#include "trace_maker.h"

#include "analyzer/replay/replay.h"
#include "analyzer/report/misuse_groups.h"

#include <heaptide/trace_codec.h>

#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A MISUSES body. */
struct body {
	uint8_t bytes[512];
	struct ht_put put;
	uint64_t n;
};

static void add_misuse(struct body *b, uint32_t process, uint64_t kind, uint64_t call,
                       uint64_t tick, uint32_t node, uint64_t id, uint64_t form)
{
	const uint64_t numbers[] = { process, 1, kind, call, tick, node, 0x7000, id, form };

	if (!b->n++)
		b->put = ht_put_init(b->bytes, sizeof(b->bytes));
	for (size_t i = 0; i < 9; i++)
		ht_put_u64(&b->put, numbers[i]);
}

static size_t body_bytes(const struct body *b)
{
	return (size_t)(b->put.pos - b->bytes);
}

struct loaded {
	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_results results;
	struct ht_misuses misuses;
	char *path;
};

/*
 * Process 1 allocates block 1, block 2, which becomes 3, and frees both; its child from tick 1300 on, 2, ends by
 * the signal.
 */
static struct loaded load(const struct body *b, size_t n_bytes, int signal)
{
	const struct ht_event events[] = {
		{ .tick = 1100, .id = 1, .size = 100, .node = 16, .kind = HT_EVENT_ALLOC },
		{ .tick = 1110, .id = 2, .size = 200, .node = 17, .kind = HT_EVENT_ALLOC },
		{ .tick = 1120,
		  .id = 3,
		  .old_id = 2,
		  .size = 300,
		  .node = 18,
		  .kind = HT_EVENT_REALLOC_MOVED },
		{ .tick = 1200, .id = 1, .kind = HT_EVENT_FREE },
		{ .tick = 2400, .id = 3, .kind = HT_EVENT_FREE },
	};
	const struct ht_event childs[] = {
		{ .tick = 1400, .id = 3, .kind = HT_EVENT_FREE },
		{ .tick = 1410, .id = 100, .size = 7, .node = 19, .kind = HT_EVENT_ALLOC },
		{ .tick = 1420, .id = 100, .kind = HT_EVENT_FREE },
	};
	struct ht_trace_maker *maker = ht_trace_maker_new();
	const struct ht_replay_options options = { .n_jobs = 1 };
	struct ht_diag diag;
	struct loaded l;

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_process(maker, 2, 1, 1300, 100, 1000);
	for (uint32_t i = 0; i < 20; i++)
		ht_trace_maker_node(maker, 1, 16 + i, 0, 0x1000 + i, 0);
	ht_trace_maker_block(maker, HT_BLOCK_MISUSES, b->n, b->bytes, n_bytes, 1000, 1000);
	for (size_t i = 0; i < 5; i++)
		ht_trace_maker_event(maker, 1, 1, &events[i]);
	for (size_t i = 0; i < 3; i++)
		ht_trace_maker_event(maker, 2, 1, &childs[i]);
	ht_trace_maker_process_end(maker, 1, 3000, HT_END_EXIT, 0);
	ht_trace_maker_process_end(maker, 2, 3000, HT_END_SIGNAL, (uint64_t)signal);
	ht_trace_maker_finish(maker);
	l.path = ht_trace_maker_save(maker);
	ht_trace_maker_free(maker);
	ck_assert(ht_trace_file_open(l.path, &l.file, &diag) == HT_OK);
	ck_assert(ht_trace_model_load(&l.model, l.file, &diag) == HT_OK);
	ht_replay_run(l.file, &l.model, &options, &l.results);
	ht_misuses_run(l.file, &l.model, &l.results, NULL, NULL, 1, &l.misuses);
	return l;
}

static void loaded_done(struct loaded *l)
{
	ht_misuses_done(&l->misuses);
	ht_results_done(&l->results);
	ht_trace_model_done(&l->model);
	ht_trace_file_close(l->file);
	unlink(l->path);
	free(l->path);
}

static void check_origin(const struct ht_misuse_group *g, uint64_t n_bytes, uint32_t node,
                         uint64_t allocated_tick, uint32_t freed_by, uint64_t freed_tick)
{
	ck_assert(g->origin->allocated.is_known && g->origin->freed.is_known);
	ck_assert_uint_eq(g->origin->n_bytes, n_bytes);
	ck_assert_uint_eq(g->origin->allocated.node, node);
	ck_assert_uint_eq(g->origin->allocated.tick, allocated_tick);
	ck_assert_uint_eq(g->origin->freed.process, freed_by);
	ck_assert_uint_eq(g->origin->freed.tick, freed_tick);
}

START_TEST(test_misuses_origins_are_found_over_forks)
{
	struct body b = { .n = 0 };

	/* What the parent freed before the fork; what the child freed, whatever the parent did later; its own. */
	add_misuse(&b, 2, HT_MISUSE_DOUBLE_FREE, HT_MISUSE_BY_FREE, 1500, 20, 1, 0);
	add_misuse(&b, 2, HT_MISUSE_DOUBLE_FREE, HT_MISUSE_BY_FREE, 1510, 21, 3, 0);
	add_misuse(&b, 2, HT_MISUSE_DOUBLE_FREE, HT_MISUSE_BY_FREE, 1520, 22, 100, 0);
	add_misuse(&b, 1, HT_MISUSE_DOUBLE_FREE, HT_MISUSE_BY_REALLOC, 2500, 23, 2, 0);
	add_misuse(&b, 2, HT_MISUSE_MISMATCH, HT_MISUSE_BY_DELETE, 1420, 25, 100,
	           HT_FORM_NEW_ARRAY);
	add_misuse(&b, 1, HT_MISUSE_STACK, HT_MISUSE_BY_FREE, 2600, 24, 0, 0);
	add_misuse(&b, 1, HT_MISUSE_STACK, HT_MISUSE_BY_FREE, 2700, 24, 0, 0);

	struct loaded l = load(&b, body_bytes(&b), SIGABRT);

	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 0);
	ck_assert_uint_eq(l.misuses.n, 7);
	ck_assert_uint_eq(l.misuses.n_groups, 6);
	ck_assert_uint_eq(l.misuses.n_of_kind[HT_MISUSE_DOUBLE_FREE], 4);
	/* Certain ones first: what occurred most often, then the one that ended the child. */
	ck_assert_uint_eq(l.misuses.groups[0].n, 2);
	ck_assert(!l.misuses.groups[0].origin->allocated.is_known);
	ck_assert(l.misuses.groups[2].is_certain && !l.misuses.groups[3].is_certain);
	ck_assert_uint_eq(l.misuses.groups[1].first->kind, HT_MISUSE_MISMATCH);
	ck_assert(!l.misuses.groups[1].origin->freed.is_known);
	ck_assert_uint_eq(l.misuses.groups[1].origin->n_bytes, 7);
	check_origin(&l.misuses.groups[2], 7, 19, 1410, 1, 1420);
	check_origin(&l.misuses.groups[3], 100, 16, 1100, 0, 1200);
	check_origin(&l.misuses.groups[4], 300, 18, 1120, 1, 1400);
	check_origin(&l.misuses.groups[5], 200, 17, 1110, 0, 1120);
	ck_assert_uint_eq(ht_misuses_n_certain(&l.model, &l.results, NULL), 3);
	loaded_done(&l);
}
END_TEST

START_TEST(test_misuses_that_ended_nothing_are_not_certain)
{
	struct body b = { .n = 0 };

	add_misuse(&b, 2, HT_MISUSE_DOUBLE_FREE, HT_MISUSE_BY_FREE, 1500, 20, 100, 0);

	struct loaded l = load(&b, body_bytes(&b), _i ? SIGTERM : SIGABRT);

	ck_assert_uint_eq(l.misuses.n_groups, 1);
	ck_assert_int_eq(l.misuses.groups[0].is_certain, !_i);
	loaded_done(&l);
}
END_TEST

START_TEST(test_misuses_body_cut_anywhere_is_damage)
{
	struct body b = { .n = 0 };

	add_misuse(&b, 2, HT_MISUSE_DOUBLE_FREE, HT_MISUSE_BY_FREE, 1500, 20, 1, 0);
	add_misuse(&b, 1, HT_MISUSE_STATIC, HT_MISUSE_BY_FREE, 2600, 24, 0, 0);
	for (size_t n = 0; n < body_bytes(&b); n++) {
		struct loaded l = load(&b, n, SIGABRT);

		ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 1);
		ck_assert(l.misuses.n <= 1);
		loaded_done(&l);
	}
}
END_TEST

START_TEST(test_misuses_impossible_ones_are_damage)
{
	static const struct {
		uint64_t kind, call, id, form;
	} bad[] = {
		{ HT_MISUSE_NONE, HT_MISUSE_BY_FREE, 0, 0 },
		{ HT_N_MISUSE_KINDS, HT_MISUSE_BY_FREE, 0, 0 },
		{ HT_MISUSE_STACK, 0, 0, 0 },
		{ HT_MISUSE_STACK, HT_N_MISUSE_CALLS, 0, 0 },
		{ HT_MISUSE_STACK, HT_MISUSE_BY_FREE, 1, 0 },
		{ HT_MISUSE_STACK, HT_MISUSE_BY_FREE, 0, HT_FORM_NEW },
		{ HT_MISUSE_MISMATCH, HT_MISUSE_BY_FREE, 1, HT_FORM_MALLOC },
		{ HT_MISUSE_MISMATCH, HT_MISUSE_BY_DELETE, 1, HT_FORM_NEW },
		{ HT_MISUSE_MISMATCH, HT_MISUSE_BY_DELETE_ARRAY, 1, HT_FORM_NEW_ARRAY },
		{ HT_MISUSE_MISMATCH, HT_MISUSE_BY_DELETE, 1, HT_N_BLOCK_FORMS },
		{ HT_MISUSE_MISMATCH, HT_MISUSE_BY_DELETE, 0, HT_FORM_NEW_ARRAY },
	};
	struct body b = { .n = 0 };

	add_misuse(&b, 1, bad[_i].kind, bad[_i].call, 1500, 20, bad[_i].id, bad[_i].form);

	struct loaded l = load(&b, body_bytes(&b), SIGABRT);

	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 1);
	ck_assert_uint_eq(l.misuses.n, 0);
	loaded_done(&l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("misuse_list");
	TCase *core = ht_add_case(suite, "core");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_test(core, test_misuses_origins_are_found_over_forks);
	tcase_add_loop_test(core, test_misuses_that_ended_nothing_are_not_certain, 0, 2);
	tcase_add_test(corrupt, test_misuses_body_cut_anywhere_is_damage);
	tcase_add_loop_test(corrupt, test_misuses_impossible_ones_are_damage, 0, 11);
	return ht_run_suite(suite);
}
