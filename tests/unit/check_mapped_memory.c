/* SPDX-License-Identifier: MIT */
/* Tests of mapped memory: ranges against a table of pages, MAPPINGS blocks good and bad, peaks over processes. */
#include "run_suite.h"
#include "trace_maker.h"

#include "analyzer/replay/mapped_memory.h"
#include "analyzer/replay/range_tree.h"

#include <heaptide/trace_codec.h>

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define N_CELLS 300u

/* What the tree should say, cell by cell: 0, or 1 + the sequence. */
struct oracle {
	uint32_t cells[N_CELLS];
	uint32_t found[N_CELLS];
	uint64_t last_end;
	uint64_t gone;
};

static void note_range(void *context, const struct ht_range *range)
{
	struct oracle *o = context;

	ck_assert(range->start < range->end && range->start >= o->last_end &&
	          range->end <= N_CELLS);
	o->last_end = range->end;
	for (uint64_t i = range->start; i < range->end; i++)
		o->found[i] = (uint32_t)range->sequence + 1;
}

static void note_gone(void *context, const struct ht_range *range)
{
	struct oracle *o = context;

	o->gone += range->end - range->start;
}

static void check_tree(const struct ht_range_tree *tree, struct oracle *o)
{
	uint64_t n = 0;

	memset(o->found, 0, sizeof(o->found));
	o->last_end = 0;
	ht_range_tree_visit(tree, note_range, o);
	ck_assert(memcmp(o->found, o->cells, sizeof(o->cells)) == 0);
	for (unsigned i = 0; i < N_CELLS; i++)
		n += o->cells[i] != 0;
	ck_assert_uint_eq(tree->n_bytes, n);
}

START_TEST(test_range_tree_random_calls_equal_brute_force)
{
	struct ht_range_tree tree = { 0 };
	struct oracle o = { 0 };

	srand((unsigned)_i + 1);
	for (uint32_t sequence = 1; sequence < 3000; sequence++) {
		uint64_t start = (uint64_t)rand() % N_CELLS;
		uint64_t end = start + 1 + (uint64_t)rand() % (N_CELLS - start);
		uint64_t limit = rand() % 3 ? UINT64_MAX : (uint64_t)rand() % sequence;
		bool is_put = rand() % 2;
		uint64_t n = 0;

		if (rand() % 4)
			end = end < start + 20 ? end : start + 20;
		limit = is_put ? UINT64_MAX : limit;
		o.gone = 0;
		ht_range_tree_take(&tree, start, end, limit, note_gone, &o);
		for (uint64_t i = start; i < end; i++) {
			if (o.cells[i] && o.cells[i] - 1 < limit) {
				o.cells[i] = 0;
				n++;
			}
		}
		ck_assert_uint_eq(o.gone, n);
		if (is_put) {
			const struct ht_range range = { start, end, sequence, 0, 0 };

			ht_range_tree_put(&tree, &range);
			for (uint64_t i = start; i < end; i++)
				o.cells[i] = sequence + 1;
		}
		check_tree(&tree, &o);
	}
	ht_range_tree_done(&tree);
}
END_TEST

/* A page at a time downwards, as the kernel gives them, and all of it back at once. */
START_TEST(test_range_tree_a_million_ranges_are_no_matter)
{
	enum { N = 1000000 };
	struct ht_range_tree tree = { 0 };

	for (uint64_t i = N; i > 0; i--) {
		const struct ht_range range = { i * 4096, (i + 1) * 4096, i, 0, 0 };

		ht_range_tree_take(&tree, range.start, range.end, UINT64_MAX, NULL, NULL);
		ht_range_tree_put(&tree, &range);
	}
	ck_assert_uint_eq(tree.n_bytes, N * 4096ull);
	ht_range_tree_take(&tree, 0, UINT64_MAX, UINT64_MAX, NULL, NULL);
	ck_assert_uint_eq(tree.n_bytes, 0);
	ht_range_tree_done(&tree);
}
END_TEST

/* A MAPPINGS body in the making; node is the number of the call, from 16 on. */
struct calls {
	uint8_t body[4096];
	struct ht_put put;
	uint64_t n;
};

static void calls_init(struct calls *c)
{
	c->put = ht_put_init(c->body, sizeof(c->body));
	c->n = 0;
}

static void add_call(struct calls *c, uint32_t process, uint32_t kind, uint64_t tick,
                     uint64_t sequence, uint64_t addr, uint64_t n_bytes, uint64_t old_addr,
                     uint64_t old_bytes, uint64_t old_sequence)
{
	const uint64_t numbers[] = {
		process, 1,         kind,          tick,     16 + c->n, sequence,     addr,
		n_bytes, PROT_READ, MAP_ANONYMOUS, old_addr, old_bytes, old_sequence,
	};

	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		ht_put_u64(&c->put, numbers[i]);
	c->n++;
}

static void map(struct calls *c, uint32_t process, uint64_t tick, uint64_t sequence, uint64_t addr,
                uint64_t n_bytes)
{
	add_call(c, process, HT_MAPPING_MAP, tick, sequence, addr, n_bytes, 0, 0, 0);
}

static void unmap(struct calls *c, uint32_t process, uint64_t tick, uint64_t sequence,
                  uint64_t addr, uint64_t n_bytes)
{
	add_call(c, process, HT_MAPPING_UNMAP, tick, sequence, addr, n_bytes, 0, 0, 0);
}

struct loaded {
	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_mapped mapped;
	char *path;
};

/* Processes 1, and 2, its fork, both with nodes; they end as asked. n_bytes: of the body. */
static struct loaded load(const struct calls *c, size_t n_bytes, uint64_t end_tick,
                          uint32_t end_kind, const struct ht_window *window)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();
	struct loaded l;
	struct ht_diag diag;
	size_t n_trace;

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_process(maker, 2, 1, 1000, 100, 1000);
	for (uint32_t i = 0; i < 20; i++)
		ht_trace_maker_node(maker, 1, 16 + i, 0, 0x1000 + i, 0);
	ht_trace_maker_block(maker, HT_BLOCK_MAPPINGS, c->n, c->body, n_bytes, 1000, 1000);
	ht_trace_maker_process_end(maker, 1, end_tick, end_kind, 0);
	ht_trace_maker_finish(maker);

	const uint8_t *bytes = ht_trace_maker_bytes(maker, &n_trace);

	l.path = ht_trace_maker_temp_file(bytes, n_trace);
	ck_assert(ht_trace_file_open(l.path, &l.file, &diag) == HT_OK);
	ck_assert(ht_trace_model_load(&l.model, l.file, &diag) == HT_OK);
	ht_mapped_run(&l.model, window, NULL, &l.mapped);
	ht_trace_maker_free(maker);
	return l;
}

static void loaded_done(struct loaded *l)
{
	ht_mapped_done(&l->mapped);
	ht_trace_model_done(&l->model);
	ht_trace_file_close(l->file);
	unlink(l->path);
	free(l->path);
}

static const struct ht_window whole = { .to_tick = UINT64_MAX };

static size_t body_bytes(const struct calls *c)
{
	return (size_t)(c->put.pos - c->body);
}

/* By sequence numbers, whatever the ticks and the order in the file. */
START_TEST(test_mapped_order_is_by_sequence)
{
	struct calls c;

	calls_init(&c);
	map(&c, 1, 1500, 3, 0x10000, 0x3000); /* over what number 2 gave back */
	unmap(&c, 1, 1501, 2, 0x10000, 0x2000);
	map(&c, 1, 1400, 1, 0x10000, 0x2000);

	struct loaded l = load(&c, body_bytes(&c), 9000, HT_END_EXIT, &whole);

	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 0);
	ck_assert_uint_eq(l.mapped.peak_bytes, 0x3000);
	ck_assert_uint_eq(l.mapped.left_bytes, 0x3000);
	ck_assert_uint_eq(l.mapped.n_maps, 2);
	loaded_done(&l);
}
END_TEST

/* While one moves, another gets the place that was given back: it is not taken away again. */
START_TEST(test_mapped_remap_leaves_what_came_between)
{
	struct calls c;

	calls_init(&c);
	map(&c, 1, 1400, 1, 0x10000, 0x2000);
	map(&c, 1, 1401, 3, 0x10000, 0x1000);
	add_call(&c, 1, HT_MAPPING_REMAP, 1402, 4, 0x80000, 0x5000, 0x10000, 0x2000, 2);

	struct loaded l = load(&c, body_bytes(&c), 9000, HT_END_EXIT, &whole);

	ck_assert_uint_eq(l.mapped.left_bytes, 0x6000);
	ck_assert_uint_eq(l.mapped.n_left, 2);
	loaded_done(&l);
}
END_TEST

START_TEST(test_mapped_shrinking_remap_keeps_owner)
{
	struct calls c;

	calls_init(&c);
	map(&c, 1, 1400, 1, 0x10000, 0x4000);
	unmap(&c, 1, 1401, 2, 0x11000, 0x1000);
	add_call(&c, 1, HT_MAPPING_REMAP, 1402, 4, 0x10000, 0x3000, 0x10000, 0x4000, 3);

	struct loaded l = load(&c, body_bytes(&c), 9000, HT_END_EXIT, &whole);

	ck_assert_uint_eq(l.mapped.left_bytes, 0x2000);
	ck_assert_uint_eq(l.mapped.n_sites, 1);
	loaded_done(&l);
}
END_TEST

/* The child gives back its copy: that is the parent's. The peak is of both at one time. */
START_TEST(test_mapped_forks_and_ends)
{
	struct calls c;
	struct ht_window window = { .is_part = true, .from_tick = 1502, .to_tick = 1600 };

	calls_init(&c);
	map(&c, 1, 1400, 1, 0x10000, 0x4000);
	unmap(&c, 2, 1500, 2, 0x10000, 0x4000);
	map(&c, 2, 1501, 3, 0x12000, 0x1000);
	map(&c, 2, 9001, 4, 0x20000, 0x2000); /* when the parent is gone */

	struct loaded l = load(&c, body_bytes(&c), 9000, HT_END_EXIT, &whole);

	ck_assert_uint_eq(l.mapped.peak_bytes, 0x5000);
	ck_assert_uint_eq(l.mapped.peak_tick, 1501);
	ck_assert_uint_eq(l.mapped.left_bytes, 0x7000);
	loaded_done(&l);

	l = load(&c, body_bytes(&c), 9000, HT_END_EXEC, &whole);
	ck_assert_uint_eq(l.mapped.left_bytes, 0x3000);
	ck_assert_uint_eq(l.mapped.at_exec_bytes, 0x4000);
	loaded_done(&l);

	l = load(&c, body_bytes(&c), 9000, HT_END_EXIT, &window);
	ck_assert_uint_eq(l.mapped.peak_bytes, 0x5000);
	ck_assert_uint_eq(l.mapped.n_maps, 0);
	ck_assert_uint_eq(l.mapped.left_bytes, 0x5000);
	loaded_done(&l);
}
END_TEST

START_TEST(test_mapped_body_cut_anywhere_is_damage)
{
	struct calls c;

	calls_init(&c);
	map(&c, 1, 1400, 1, 0x10000, 0x4000);
	unmap(&c, 1, 1500, 2, 0x10000, 0x1000);
	for (size_t cut = 0; cut < body_bytes(&c); cut++) {
		struct loaded l = load(&c, cut, 9000, HT_END_EXIT, &whole);

		ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 1);
		ck_assert(l.mapped.peak_bytes == 0 || l.mapped.peak_bytes == 0x4000);
		loaded_done(&l);
	}
}
END_TEST

START_TEST(test_mapped_impossible_calls_are_damage)
{
	static const struct {
		uint64_t kind, sequence, addr, n_bytes, old_addr, old_bytes, old_sequence;
	} bad[] = {
		{ 0, 1, 0x1000, 0x1000, 0, 0, 0 },
		{ 5, 1, 0x1000, 0x1000, 0, 0, 0 },
		{ HT_MAPPING_MAP, 1, 0x1000, 0, 0, 0, 0 },
		{ HT_MAPPING_MAP, 1, UINT64_MAX - 5, 10, 0, 0, 0 },
		{ HT_MAPPING_MAP, 1, 0x1000, HT_MAX_ALLOCATION_BYTES, 0, 0, 0 },
		{ HT_MAPPING_MAP, 1, 0x1000, 0x1000, 0, 0x1000, 0 },
		{ HT_MAPPING_REMAP, 1, 0x1000, 0x1000, UINT64_MAX, 0x1000, 0 },
		{ HT_MAPPING_REMAP, 1, 0x1000, 0x1000, 0x1000, 0x1000, 2 },
	};
	struct calls c;

	calls_init(&c);
	add_call(&c, 1, (uint32_t)bad[_i].kind, 1400, bad[_i].sequence, bad[_i].addr,
	         bad[_i].n_bytes, bad[_i].old_addr, bad[_i].old_bytes, bad[_i].old_sequence);

	struct loaded l = load(&c, body_bytes(&c), 9000, HT_END_EXIT, &whole);

	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 1);
	ck_assert_uint_eq(l.mapped.mapped_bytes, 0);
	loaded_done(&l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mapped_memory");
	TCase *core = ht_add_case(suite, "core");
	TCase *limits = ht_add_case(suite, "limits");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_loop_test(core, test_range_tree_random_calls_equal_brute_force, 0, 5);
	tcase_add_test(core, test_mapped_order_is_by_sequence);
	tcase_add_test(core, test_mapped_remap_leaves_what_came_between);
	tcase_add_test(core, test_mapped_shrinking_remap_keeps_owner);
	tcase_add_test(core, test_mapped_forks_and_ends);
	tcase_add_test(limits, test_range_tree_a_million_ranges_are_no_matter);
	tcase_add_test(corrupt, test_mapped_body_cut_anywhere_is_damage);
	tcase_add_loop_test(corrupt, test_mapped_impossible_calls_are_damage, 0, 8);
	return ht_run_suite(suite);
}
