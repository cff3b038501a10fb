/* SPDX-License-Identifier: MIT */
/*
 * Tests of chunk writing and stack interning over a region of the test's own: what a recorder would
 * read back, growth past every internal table, threads that intern at once, a full region.
 */
#include "preload/chunk.h"
#include "preload/kept_frames.h"
#include "preload/lifecycle.h"
#include "preload/live_map.h"
#include "preload/stack_source.h"
#include "preload/stack_table.h"
#include "run_suite.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

/* What the shim's lifecycle provides; here the process is attached by setup(). */
struct ht_process ht_process;
static int n_stops;

void ht_lifecycle_stop(void)
{
	n_stops++;
}

void ht_stack_source_bind(struct ht_thread *t)
{
	(void)t;
}

#define N_SMALL 8u
#define N_LARGE 4u

static void setup(void)
{
	uint64_t slots_off = 4096, states_off = slots_off + HT_PROCESS_SLOT_BYTES;
	uint64_t small_off = states_off + 4096, large_off = small_off + N_SMALL * 4096ull;
	uint64_t n_bytes = large_off + N_LARGE * 65536ull;
	struct ht_region_header *h =
		mmap(NULL, n_bytes, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	ck_assert_ptr_ne(h, MAP_FAILED);
	h->magic = HT_REGION_MAGIC;
	h->version = HT_REGION_VERSION;
	h->header_bytes = sizeof(*h);
	h->region_bytes = n_bytes;
	h->process_slots_off_bytes = slots_off;
	h->n_process_slots = 1;
	h->process_slot_bytes = HT_PROCESS_SLOT_BYTES;
	h->chunk_states_off_bytes = states_off;
	h->small_chunks_off_bytes = small_off;
	h->n_small_chunks = N_SMALL;
	h->small_chunk_bytes = 4096;
	h->large_chunks_off_bytes = large_off;
	h->n_large_chunks = N_LARGE;
	h->large_chunk_bytes = 65536;
	h->clock_kind = HT_CLOCK_MONOTONIC;
	h->tick_shift = 10;
	atomic_store(&h->recorder_state, HT_RECORDER_RUNNING);
	ht_process = (struct ht_process){
		.region = h,
		.slot = ht_region_process(h, 0),
		.clock_kind = HT_CLOCK_MONOTONIC,
		.tick_shift = 10,
		.max_frames = 64,
		.is_dropping = true,
	};
	n_stops = 0;
}

static void teardown(void)
{
	munmap(ht_process.region, ht_process.region->region_bytes);
}

static uint32_t n_chunks_in(enum ht_chunk_state state)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < ht_region_n_chunks(ht_process.region); i++)
		n += (uint32_t)*ht_region_chunk_state(ht_process.region, i) == (uint32_t)state;
	return n;
}

/* Empties FULL chunks as the recorder would, counting records by kind and checking node order. */
struct drained {
	uint64_t n_by_kind[HT_N_REC];
	uint32_t n_bad;
	bool *is_described; /* by node id, when not NULL */
	uint32_t n_nodes;
};

static void drain(struct drained *d, bool with_owned)
{
	struct ht_region_header *h = ht_process.region;

	for (uint32_t i = 0; i < ht_region_n_chunks(h); i++) {
		uint32_t state = (uint32_t)*ht_region_chunk_state(h, i);
		struct ht_chunk *c = ht_region_chunk(h, i);
		uint32_t n_words = ht_region_chunk_n_words(h, i);

		if (state != HT_CHUNK_FULL && !(with_owned && state == HT_CHUNK_OWNED))
			continue;
		for (uint32_t at = 0; at < n_words && c->words[at];) {
			uint64_t word = c->words[at];
			uint32_t n = ht_record_n_words(word);

			if (n == 0 || n > n_words - at) {
				d->n_bad++;
				break;
			}
			d->n_by_kind[ht_record_kind(word)]++;
			if (ht_record_kind(word) == HT_REC_NODE && d->is_described) {
				uint32_t node = ht_record_node(word), parent = (uint32_t)c->words[at + 2];

				if (node >= d->n_nodes || parent >= d->n_nodes ||
				    (parent >= HT_FIRST_NODE && !d->is_described[parent]))
					d->n_bad++;
				else
					d->is_described[node] = true;
			}
			at += n;
		}
		memset(c->words, 0, n_words * 8ul);
		if (state == HT_CHUNK_FULL)
			*ht_region_chunk_state(h, i) = 0;
	}
	h->free_seq++; /* as the recorder does after a round */
}

static bool put_event(struct ht_thread *t)
{
	if (!ht_chunk_has_room(t, 6) && !ht_chunk_make_room(t, 6)) {
		ht_chunk_lose(t);
		return false;
	}
	uint32_t tick = ht_chunk_tick(t, ht_clock_tick());

	ht_chunk_next_id(t);
	ht_chunk_put2(t, ht_record_word(HT_REC_ALLOC, tick, 16), 1);
	return true;
}

START_TEST(test_thread_starts_small_and_goes_on_large)
{
	struct ht_thread *t = ht_thread_self();
	struct drained d = { 0 };

	ck_assert_ptr_nonnull(t);
	ck_assert(put_event(t));
	ck_assert_uint_eq(n_chunks_in(HT_CHUNK_OWNED), 1);
	ck_assert_uint_eq((uint32_t)*ht_region_chunk_state(ht_process.region, 0), HT_CHUNK_OWNED);
	for (int i = 0; i < 300; i++)
		ck_assert(put_event(t));
	ck_assert_uint_eq((uint32_t)*ht_region_chunk_state(ht_process.region, 0), HT_CHUNK_FULL);
	ck_assert_uint_eq((uint32_t)*ht_region_chunk_state(ht_process.region, N_SMALL), HT_CHUNK_OWNED);
	drain(&d, true);
	ck_assert_uint_eq(d.n_by_kind[HT_REC_ALLOC], 301);
	ck_assert_uint_eq(d.n_bad, 0);
}
END_TEST

START_TEST(test_full_region_drops_counts_and_says_so)
{
	struct ht_thread *t = ht_thread_self();
	struct drained d = { 0 };
	uint64_t n_put = 0, n_lost = 0;

	for (int i = 0; i < 40000; i++)
		put_event(t) ? n_put++ : n_lost++;
	ck_assert_uint_gt(n_lost, 0);
	ck_assert_uint_eq(ht_process.slot->n_lost_events, n_lost);
	drain(&d, false);
	ck_assert(put_event(t));
	n_put++;
	drain(&d, true);
	ck_assert_uint_eq(d.n_by_kind[HT_REC_ALLOC], n_put);
	ck_assert_uint_eq(d.n_by_kind[HT_REC_LOST], 1);
	ck_assert_uint_eq(d.n_bad, 0);
}
END_TEST

/* Programs that wait for the recorder do not wait for what it cannot do: all chunks are those of idle threads. */
START_TEST(test_chunks_of_idle_threads_are_not_waited_for)
{
	struct ht_region_header *h = ht_process.region;
	struct ht_thread *t = ht_thread_self();
	struct timespec before, after;

	ht_process.is_dropping = false;
	for (uint32_t i = 0; i < ht_region_n_chunks(h); i++)
		*ht_region_chunk_state(h, i) = ht_chunk_word(HT_CHUNK_OWNED, 0);
	clock_gettime(CLOCK_MONOTONIC, &before);
	for (int i = 0; i < 5000; i++)
		ck_assert(!put_event(t));
	clock_gettime(CLOCK_MONOTONIC, &after);
	ck_assert_int_lt(after.tv_sec - before.tv_sec, 30);
	ck_assert_uint_eq(ht_process.slot->n_lost_events, 5000);
	ck_assert_uint_eq(ht_process.slot->n_waits, 1);
	*ht_region_chunk_state(h, 7) = 0;
	h->free_seq++;
	ck_assert(put_event(t));
	ck_assert_uint_eq(n_chunks_in(HT_CHUNK_FREE), 0);
}
END_TEST

START_TEST(test_dead_recorder_stops_the_process)
{
	struct ht_thread *t = ht_thread_self();

	ck_assert(put_event(t));
	atomic_store(&ht_process.region->recorder_lock[0], HT_RECORDER_LOCK_OWNER_DIED | 1234);
	for (int i = 0; i < 300; i++)
		put_event(t);
	ck_assert_int_gt(n_stops, 0);
}
END_TEST

START_TEST(test_module_record_keeps_long_paths_within_a_small_chunk)
{
	struct ht_thread *t = ht_thread_self();
	struct ht_module_record m = { .map_start_addr = 1, .map_end_addr = 2, .path_bytes = 5000 };
	char path[5000];
	struct ht_region_header *h = ht_process.region;

	memset(path, 'x', sizeof(path));
	ck_assert(ht_chunk_put_module(t, 7, &m, path));
	struct ht_chunk *c = ht_region_chunk(h, 0);
	uint64_t word = c->words[0];
	const struct ht_module_record *back = (const struct ht_module_record *)&c->words[1];

	ck_assert_uint_eq(ht_record_kind(word), HT_REC_MODULE);
	ck_assert_uint_eq(ht_record_node(word), 7);
	ck_assert_uint_le(ht_record_n_words(word), ht_region_chunk_n_words(h, 0));
	ck_assert_uint_gt(back->path_bytes, 3500);
	ck_assert_uint_le((1 + sizeof(*back) / 8) * 8 + back->path_bytes, ht_record_n_words(word) * 8ul);
	ck_assert_mem_eq(back + 1, path, back->path_bytes);
}
END_TEST

START_TEST(test_far_tick_gets_a_tick_record)
{
	struct ht_thread *t = ht_thread_self();
	struct drained d = { 0 };

	ck_assert(put_event(t));
	t->base_tick -= 1ull << 29;
	ck_assert(put_event(t));
	ck_assert(put_event(t));
	drain(&d, true);
	ck_assert_uint_eq(d.n_by_kind[HT_REC_TICK], 1);
	ck_assert_uint_eq(d.n_by_kind[HT_REC_ALLOC], 3);
}
END_TEST

/* A path that is told by its parent node and its key; *ret_found is what find says of it afterwards. */
static uint32_t intern_and_find(struct ht_thread *t, uint32_t parent, uint64_t address,
                                uint32_t generation, uint32_t *ret_found)
{
	uint64_t key = ht_stack_key(address, generation);
	uint64_t path = ht_path_extend(ht_path_root(parent), address, generation);
	uint32_t node = ht_stack_table_intern(t, path, parent, key);

	ht_stack_table_prefetch(path);
	*ret_found = ht_stack_table_find(path, key);
	ck_assert_uint_eq(ht_stack_table_intern(t, path, parent, key), node);
	return node;
}

static uint32_t intern(struct ht_thread *t, uint32_t parent, uint64_t address, uint32_t generation)
{
	uint32_t found;
	uint32_t node = intern_and_find(t, parent, address, generation, &found);

	ck_assert_uint_eq(found, node);
	return node;
}

START_TEST(test_intern_same_node_gives_same_id_and_one_record)
{
	struct ht_thread *t = ht_thread_self();
	struct drained d = { 0 };
	uint32_t a = intern(t, 0, 0x1000, 0);
	uint32_t b = intern(t, a, 0x1000, 0);
	uint32_t c = intern(t, a, 0x1000, 1);
	uint32_t e = intern(t, a, 0x1000 | HT_NODE_EXACT, 0);

	ck_assert_uint_ge(a, HT_FIRST_NODE);
	ck_assert(a != b && b != c && c != e && b != e);
	ck_assert_uint_eq(intern(t, 0, 0x1000, 0), a);
	ck_assert_uint_eq(intern(t, a, 0x1000, 0), b);
	ck_assert_uint_eq(intern(t, a, 0x1000, 1), c);
	ck_assert_uint_eq(intern(t, a, 0x1000 | HT_NODE_EXACT, 0), e);
	drain(&d, true);
	ck_assert_uint_eq(d.n_by_kind[HT_REC_NODE], 4);
}
END_TEST

/* Should two paths ever have one hash, they are still told apart by their innermost addresses. */
START_TEST(test_intern_equal_hashes_of_different_addresses)
{
	struct ht_thread *t = ht_thread_self();
	struct drained d = { 0 };
	uint64_t one = ht_stack_key(0x1000, 0), other = ht_stack_key(0x2000, 0);

	ck_assert_uint_eq(ht_stack_table_find(77, one), 0);

	uint32_t a = ht_stack_table_intern(t, 77, 0, one);

	ck_assert_uint_eq(ht_stack_table_find(77, other), 0);

	uint32_t b = ht_stack_table_intern(t, 77, 0, other);

	ck_assert_uint_ne(a, b);
	ck_assert_uint_eq(ht_stack_table_find(77, one), a);
	ck_assert_uint_eq(ht_stack_table_find(77, other), b);
	drain(&d, true);
	ck_assert_uint_eq(d.n_by_kind[HT_REC_NODE], 2);
}
END_TEST

START_TEST(test_intern_grows_past_its_tables)
{
	enum { N = 300000 };
	struct ht_thread *t = ht_thread_self();
	static uint32_t nodes[N];
	bool *is_described = calloc(N * 2, 1);
	struct drained d = { .is_described = is_described, .n_nodes = N * 2 };

	for (uint32_t i = 0; i < N; i++) {
		nodes[i] = intern(t, i < 2 ? 0 : nodes[i / 2], 0x400000 + i % 7, i & 1);
		ck_assert_uint_ge(nodes[i], HT_FIRST_NODE);
		if (i % 1000 == 0)
			drain(&d, false);
	}
	for (uint32_t i = 0; i < N; i++)
		ck_assert_uint_eq(intern(t, i < 2 ? 0 : nodes[i / 2], 0x400000 + i % 7, i & 1),
				  nodes[i]);
	drain(&d, true);
	ck_assert_uint_eq(d.n_bad, 0);
	for (uint32_t i = 0; i < N; i++)
		ck_assert(is_described[nodes[i]]);
	free(is_described);
}
END_TEST

/* Enough for the table to grow meanwhile, and few enough for the region. */
enum { N_RACED = 2800 };

static void *intern_all(void *arg)
{
	uint32_t *nodes = arg;
	struct ht_thread *t = ht_thread_self();

	for (uint32_t i = 0; i < N_RACED; i++) {
		uint32_t found;

		nodes[i] = intern_and_find(t, i ? nodes[i / 2] : 0, 0x500000 + i, 0, &found);
		/* Another thread may just be moving it to a larger table. */
		ck_assert(found == nodes[i] || found == 0);
	}
	return NULL;
}

START_TEST(test_racing_threads_agree_on_nodes)
{
	static uint32_t nodes[4][N_RACED];
	pthread_t threads[4];

	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, intern_all, nodes[i]), 0);
	for (int i = 0; i < 4; i++)
		pthread_join(threads[i], NULL);
	for (int i = 1; i < 4; i++)
		ck_assert_mem_eq(nodes[i], nodes[0], sizeof(nodes[0]));
}
END_TEST

static void *touch(void *arg)
{
	*(struct ht_thread **)arg = ht_thread_self();
	return NULL;
}

START_TEST(test_dead_threads_state_is_taken_over)
{
	struct ht_thread *states[100];
	int n_distinct = 0;

	for (int i = 0; i < 100; i++) {
		pthread_t thread;

		pthread_create(&thread, NULL, touch, &states[i]);
		pthread_join(thread, NULL);
		bool is_new = true;

		for (int j = 0; j < i; j++)
			is_new &= states[j] != states[i];
		n_distinct += is_new;
	}
	ck_assert_int_le(n_distinct, 8);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("chunk");
	TCase *core = tcase_create("core");
	TCase *limits = tcase_create("limits");

	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_checked_fixture(limits, setup, teardown);
	tcase_add_test(core, test_thread_starts_small_and_goes_on_large);
	tcase_add_test(core, test_intern_same_node_gives_same_id_and_one_record);
	tcase_add_test(core, test_intern_equal_hashes_of_different_addresses);
	tcase_add_test(core, test_racing_threads_agree_on_nodes);
	tcase_add_test(core, test_dead_threads_state_is_taken_over);
	tcase_add_test(limits, test_full_region_drops_counts_and_says_so);
	tcase_add_test(limits, test_chunks_of_idle_threads_are_not_waited_for);
	tcase_add_test(limits, test_dead_recorder_stops_the_process);
	tcase_add_test(limits, test_module_record_keeps_long_paths_within_a_small_chunk);
	tcase_add_test(limits, test_far_tick_gets_a_tick_record);
	tcase_add_test(limits, test_intern_grows_past_its_tables);
	tcase_set_timeout(core, 60);
	tcase_set_timeout(limits, 60);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, limits);
	return ht_run_suite(suite);
}
