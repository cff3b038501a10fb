/* SPDX-License-Identifier: MIT */
/* Tests of pools: random calls against brute force, TOLD blocks cut and impossible ones, pauses added up. */
#include "run_suite.h"
#include "trace_maker.h"

#include "analyzer/replay/pool_objects.h"

#include <heaptide/trace_codec.h>

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const struct ht_window whole = { .to_tick = UINT64_MAX };

/* A TOLD body in the making. */
struct calls {
	uint8_t body[65536];
	struct ht_put p;
	uint64_t n;
	uint64_t tick, sequence, pool, addr; /* of the item before */
};

static void calls_init(struct calls *c)
{
	*c = (struct calls){ 0 };
	c->p = ht_put_init(c->body, sizeof(c->body));
}

static void tell(struct calls *c, uint32_t process, uint32_t kind, uint64_t tick, uint64_t sequence,
                 uint64_t pool, uint64_t addr, uint64_t n_bytes)
{
	ht_put_u64(&c->p, process);
	ht_put_u64(&c->p, 1);
	ht_put_u64(&c->p, kind);
	ht_put_diff(&c->p, tick, c->tick);
	ht_put_diff(&c->p, sequence, c->sequence);
	ht_put_u64(&c->p, 16 + addr % 3);
	ht_put_diff(&c->p, pool, c->pool);
	ht_put_diff(&c->p, addr, c->addr);
	ht_put_u64(&c->p, n_bytes);
	if (kind == HT_TOLD_POOL_NAME)
		ht_put_bytes(&c->p, "name", pool % 5);
	c->tick = tick;
	c->sequence = sequence;
	c->pool = pool;
	c->addr = addr;
	c->n++;
}

static size_t body_bytes(const struct calls *c)
{
	return (size_t)(c->p.pos - c->body);
}

struct loaded {
	char *path;
	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_pools pools;
};

static struct loaded load(const struct calls *c, size_t n_bytes)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();
	struct loaded l = { 0 };
	struct ht_diag diag;

	size_t n_trace;

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	for (uint32_t i = 0; i < 3; i++)
		ht_trace_maker_node(maker, 1, 16 + i, 0, 0x1000 + i, 0);
	ht_trace_maker_block(maker, HT_BLOCK_TOLD, c->n, c->body, n_bytes, 1000, 1000);
	ht_trace_maker_process_end(maker, 1, 900000, HT_END_EXIT, 0);
	ht_trace_maker_finish(maker);

	const uint8_t *bytes = ht_trace_maker_bytes(maker, &n_trace);

	l.path = ht_trace_maker_temp_file(bytes, n_trace);
	ck_assert(ht_trace_file_open(l.path, &l.file, &diag) == HT_OK);
	ck_assert(ht_trace_model_load(&l.model, l.file, &diag) == HT_OK);
	ht_pools_run(&l.model, &whole, NULL, &l.pools);
	ht_trace_maker_free(maker);
	return l;
}

static void loaded_done(struct loaded *l)
{
	ht_pools_done(&l->pools);
	ht_trace_model_done(&l->model);
	ht_trace_file_close(l->file);
	unlink(l->path);
	free(l->path);
}

#define N_POOLS 4u
#define N_ADDRS 6u

/* Sizes of the objects of each pool, 0 for none. */
struct oracle {
	uint64_t sizes[N_POOLS][N_ADDRS];
	uint64_t peak_bytes;
	uint64_t n_allocations, n_frees, n_resizes, n_ended, n_unknown, n_missed;
};

static uint64_t sum_of(const struct oracle *o, uint64_t *ret_n)
{
	uint64_t sum = 0;

	*ret_n = 0;
	for (unsigned i = 0; i < N_POOLS * N_ADDRS; i++) {
		sum += o->sizes[i / N_ADDRS][i % N_ADDRS];
		*ret_n += o->sizes[i / N_ADDRS][i % N_ADDRS] != 0;
	}
	return sum;
}

static void apply(struct oracle *o, uint32_t kind, uint64_t pool, uint64_t addr, uint64_t n_bytes)
{
	uint64_t *size = &o->sizes[pool][addr], n;

	switch (kind) {
	case HT_TOLD_POOL_ALLOC:
		o->n_allocations++;
		o->n_missed += *size != 0;
		*size = n_bytes;
		break;
	case HT_TOLD_POOL_RESIZE:
		o->n_unknown += *size == 0;
		o->n_resizes += *size != 0;
		*size = *size ? n_bytes : 0;
		break;
	case HT_TOLD_POOL_FREE:
		o->n_unknown += *size == 0;
		o->n_frees += *size != 0;
		*size = 0;
		break;
	case HT_TOLD_POOL_CLEAR:
	case HT_TOLD_POOL_DESTROY:
		for (unsigned i = 0; i < N_ADDRS; i++) {
			o->n_ended += o->sizes[pool][i] != 0;
			o->sizes[pool][i] = 0;
		}
		break;
	default: break;
	}
	if (sum_of(o, &n) > o->peak_bytes)
		o->peak_bytes = sum_of(o, &n);
}

/* The order in the file is any: the numbers tell. */
START_TEST(test_pools_random_calls_equal_brute_force)
{
	struct {
		uint32_t kind;
		uint64_t pool, addr, n_bytes;
	} told[400];
	struct oracle o = { 0 };
	struct ht_pool_group sum = { 0 };
	struct calls c;
	uint64_t n_left, left_bytes;

	srand((unsigned)_i);
	calls_init(&c);
	for (unsigned i = 0; i < 400; i++) {
		unsigned dice = (unsigned)rand() % 40;

		told[i].kind = dice < 20   ? HT_TOLD_POOL_ALLOC
		               : dice < 33 ? HT_TOLD_POOL_FREE
		               : dice < 36 ? HT_TOLD_POOL_RESIZE
		                           : HT_TOLD_POOL_NAME + 4 * (dice % 2) + dice / 39;
		if (told[i].kind == HT_TOLD_POOL_NAME + 1)
			told[i].kind = HT_TOLD_POOL_DESTROY;
		told[i].pool = (unsigned)rand() % N_POOLS;
		told[i].addr = told[i].kind == HT_TOLD_POOL_ALLOC ||
		                               told[i].kind == HT_TOLD_POOL_FREE ||
		                               told[i].kind == HT_TOLD_POOL_RESIZE
		                       ? (unsigned)rand() % N_ADDRS
		                       : 0;
		told[i].n_bytes =
		        told[i].kind == HT_TOLD_POOL_ALLOC || told[i].kind == HT_TOLD_POOL_RESIZE
		                ? 1 + (unsigned)rand() % 1000
		                : 0;
		apply(&o, told[i].kind, told[i].pool, told[i].addr, told[i].n_bytes);
	}
	for (unsigned half = 0; half < 2; half++) {
		for (unsigned i = 1 - half; i < 400; i += 2)
			tell(&c, 1, told[i].kind, 2000 + i / 7, i, told[i].pool, told[i].addr,
			     told[i].n_bytes);
	}

	struct loaded l = load(&c, body_bytes(&c));

	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 0);
	ck_assert_uint_eq(l.pools.peak_bytes, o.peak_bytes);
	left_bytes = sum_of(&o, &n_left);
	ck_assert_uint_eq(l.pools.left_bytes, left_bytes);
	ck_assert_uint_eq(l.pools.n_left, n_left);
	ck_assert_uint_eq(l.pools.n_unknown, o.n_unknown);
	ck_assert_uint_eq(l.pools.n_missed, o.n_missed);
	for (size_t i = 0; i < l.pools.n_groups; i++) {
		sum.n_allocations += l.pools.groups[i].n_allocations;
		sum.n_frees += l.pools.groups[i].n_frees;
		sum.n_resizes += l.pools.groups[i].n_resizes;
		sum.n_ended += l.pools.groups[i].n_ended;
		sum.left_bytes += l.pools.groups[i].left_bytes;
	}
	ck_assert_uint_eq(sum.n_allocations, o.n_allocations);
	ck_assert_uint_eq(sum.n_frees, o.n_frees);
	ck_assert_uint_eq(sum.n_resizes, o.n_resizes);
	ck_assert_uint_eq(sum.n_ended, o.n_ended);
	ck_assert_uint_eq(sum.left_bytes, left_bytes);
	left_bytes = 0;
	for (size_t i = 0; i < l.pools.n_sites; i++) {
		left_bytes += l.pools.sites[i].left_bytes;
		o.peak_bytes -= l.pools.sites[i].at_peak_bytes;
	}
	ck_assert_uint_eq(left_bytes, sum.left_bytes);
	ck_assert_uint_eq(o.peak_bytes, 0);
	loaded_done(&l);
}
END_TEST

/* A thread's own, nested by mistake, one without an end: to the end of the process. */
START_TEST(test_pauses_add_up)
{
	struct calls c;

	calls_init(&c);
	tell(&c, 1, HT_TOLD_RESUME, 1500, 1, 0, 0, 0);
	tell(&c, 1, HT_TOLD_PAUSE, 2000, 2, 0, 0, 0);
	tell(&c, 1, HT_TOLD_PAUSE, 2100, 3, 0, 0, 0);
	tell(&c, 1, HT_TOLD_RESUME, 2300, 4, 0, 0, 0);
	tell(&c, 1, HT_TOLD_PAUSE, 800000, 5, 0, 0, 0);

	struct loaded l = load(&c, body_bytes(&c));
	struct ht_pauses pauses =
	        ht_told_list_pauses(&l.model.told, &l.model.processes, NULL, 950000);

	ck_assert_uint_eq(pauses.n, 2);
	ck_assert_uint_eq(pauses.n_threads, 1);
	ck_assert_uint_eq(pauses.n_open, 1);
	ck_assert(pauses.is_counted);
	ck_assert_uint_eq(pauses.ticks, 300 + 100000);
	ck_assert_uint_eq(l.model.told.n_pool_calls, 0);
	loaded_done(&l);
}
END_TEST

START_TEST(test_told_body_cut_anywhere_keeps_whole_items)
{
	struct calls c;
	size_t ends[3];

	calls_init(&c);
	tell(&c, 1, HT_TOLD_POOL_NAME, 2000, 1, 3, 0, 0);
	ends[0] = body_bytes(&c);
	tell(&c, 1, HT_TOLD_POOL_ALLOC, 2001, 2, 3, 1ull << 46, 1000);
	ends[1] = body_bytes(&c);
	tell(&c, 1, HT_TOLD_POOL_FREE, 2002, 3, 3, 1ull << 46, 0);
	ends[2] = body_bytes(&c);
	for (size_t cut = 1; cut <= ends[2]; cut++) {
		struct loaded l = load(&c, cut);

		ck_assert_uint_eq(ht_trace_file_n_damages(l.file), cut != ends[2]);
		ck_assert_uint_eq(l.model.told.n_told,
		                  (cut >= ends[0]) + (cut >= ends[1]) + (cut >= ends[2]));
		ck_assert_uint_eq(l.pools.peak_bytes, cut >= ends[1] ? 1000 : 0);
		if (cut >= ends[1])
			ck_assert_str_eq(l.pools.groups[0].name, "nam");
		loaded_done(&l);
	}
}
END_TEST

START_TEST(test_told_impossible_items_are_damage)
{
	static const struct {
		uint32_t kind;
		uint64_t pool, addr, n_bytes;
	} bad[] = {
		{ 0, 0, 0, 0 },
		{ HT_N_TOLD_KINDS, 0, 0, 0 },
		{ HT_TOLD_PAUSE, 1, 0, 0 },
		{ HT_TOLD_RESUME, 0, 1, 0 },
		{ HT_TOLD_PAUSE, 0, 0, 1 },
		{ HT_TOLD_POOL_NAME, 1, 1, 0 },
		{ HT_TOLD_POOL_ALLOC, 1, 1, HT_MAX_ALLOCATION_BYTES + 1 },
		{ HT_TOLD_POOL_FREE, 1, 1, 1 },
		{ HT_TOLD_POOL_CLEAR, 1, 1, 0 },
		{ HT_TOLD_POOL_DESTROY, 1, 0, 1 },
	};
	struct calls c;

	calls_init(&c);
	tell(&c, 1, bad[_i].kind, 2000, 1, bad[_i].pool, bad[_i].addr, bad[_i].n_bytes);

	struct loaded l = load(&c, body_bytes(&c));

	ck_assert_uint_eq(ht_trace_file_n_damages(l.file), 1);
	ck_assert_uint_eq(l.model.told.n_told, 0);
	loaded_done(&l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("pool_objects");
	TCase *core = ht_add_case(suite, "core");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_loop_test(core, test_pools_random_calls_equal_brute_force, 0, 20);
	tcase_add_test(core, test_pauses_add_up);
	tcase_add_test(corrupt, test_told_body_cut_anywhere_keeps_whole_items);
	tcase_add_loop_test(corrupt, test_told_impossible_items_are_damage, 0, 10);
	return ht_run_suite(suite);
}
