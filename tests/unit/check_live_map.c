/* SPDX-License-Identifier: MIT */
/* Tests of the live map: slots far apart and close together, both planes, watching. */
#include "preload/live_map.h"
#include "run_suite.h"

#include <check.h>
#include <pthread.h>
#include <stdlib.h>

static void *at(uint64_t addr)
{
	return (void *)(uintptr_t)addr;
}

START_TEST(test_take_unknown_address_gives_nothing)
{
	ck_assert_uint_eq(ht_live_map_take(at(0x7f0000001000)), 0);
	ck_assert_uint_eq(ht_live_map_take(at(8)), 0);
	ck_assert_uint_eq(ht_live_map_take(at(UINT64_MAX & ~15ull)), 0);
}
END_TEST

START_TEST(test_put_then_take_gives_each_block_its_own)
{
	static const uint64_t addrs[] = { 0x10, 0x20, 0x555555559010, 0x555555559020, 0x7ffff7a00010,
					  0x7ffff7a00018, 0x7ffff7a00008, 0x7ffffffffff0,
					  0x100000, 0x0ffff0, 0x200000000, 0x1fffffff0 };
	const int n = sizeof(addrs) / sizeof(addrs[0]);
	uint64_t before = 99;

	for (int i = 0; i < n; i++) {
		ck_assert(ht_live_map_put(at(addrs[i]), 1000 + (uint64_t)i, &before));
		ck_assert_uint_eq(before, 0);
	}
	for (int i = 0; i < n; i++)
		ck_assert_uint_eq(ht_live_map_take(at(addrs[i])), 1000 + (uint64_t)i);
	for (int i = 0; i < n; i++)
		ck_assert_uint_eq(ht_live_map_take(at(addrs[i])),
				  (1000 + (uint64_t)i) | HT_LIVE_FREED);
}
END_TEST

START_TEST(test_put_over_live_block_tells_what_was_there)
{
	uint64_t before;

	ck_assert(ht_live_map_put(at(0x555555551230), 7, &before));
	ck_assert(ht_live_map_put(at(0x555555551230), 8, &before));
	ck_assert_uint_eq(before, 7);
	ck_assert_uint_eq(ht_live_map_take(at(0x555555551230)), 8);
}
END_TEST

START_TEST(test_put_outside_the_address_space_fails)
{
	uint64_t before;

	ck_assert(!ht_live_map_put(at(1ull << 47), 7, &before));
	ck_assert(!ht_live_map_put(at(0x555555551234), 7, &before));
}
END_TEST

START_TEST(test_watch_leaves_freed_blocks_alone)
{
	uint64_t before;

	ck_assert(ht_live_map_put(at(0x600000002000), 5, &before));
	ck_assert_uint_eq(ht_live_map_take(at(0x600000002000)), 5);
	ck_assert(!ht_live_map_watch(0x600000002000));
	ck_assert(ht_live_map_put(at(0x600000002000), 6, &before));
	ck_assert_uint_eq(before, 5 | HT_LIVE_FREED);
	ck_assert(!ht_live_map_is_live(before) && !ht_live_map_is_live(0));
	ck_assert(ht_live_map_is_live(1) && ht_live_map_is_live(HT_LIVE_LOST | HT_LIVE_WATCHED));
}
END_TEST

START_TEST(test_watch_marks_only_known_blocks)
{
	uint64_t before;

	ck_assert(ht_live_map_put(at(0x600000001000), 5, &before));
	ht_live_map_watch(0x600000001000);
	ht_live_map_watch(0x600000001010);
	ck_assert_uint_eq(ht_live_map_take(at(0x600000001000)), 5 | HT_LIVE_WATCHED);
	ck_assert_uint_eq(ht_live_map_take(at(0x600000001010)), 0);
}
END_TEST

/* Random puts and takes against a plain array. */
START_TEST(test_random_operations_equal_an_array)
{
	enum { N = 4096 };
	static uint64_t expected[N];
	uint64_t state = 88172645463325252ull;
	int n_wrong = 0; /* a ck_assert for each of them would take longer than the test */

	for (int i = 0; i < 2000000; i++) {
		state ^= state << 13;
		state ^= state >> 7;
		state ^= state << 17;
		uint64_t slot = state % N;
		/* Spread over leaves and over the borders of leaf and mid level. */
		void *p = at(0x1fff00000ull + slot * 1040);
		uint64_t before;

		if (state >> 63) {
			n_wrong += !ht_live_map_put(p, (state >> 8) | 1, &before) ||
				   before != expected[slot];
			expected[slot] = (state >> 8) | 1;
		} else {
			n_wrong += ht_live_map_take(p) != expected[slot];
			/* What is not there yet is made by a put only. */
			if (expected[slot] || ht_live_map_slot((uintptr_t)p))
				expected[slot] |= HT_LIVE_FREED;
		}
	}
	ck_assert_int_eq(n_wrong, 0);
}
END_TEST

/* Threads that install the same leaves at the same time must agree on them. */
static void *put_own_lane(void *arg)
{
	uint64_t lane = (uint64_t)(uintptr_t)arg;
	uint64_t before;

	for (uint64_t i = 0; i < 2000; i++) {
		if (!ht_live_map_put(at(0x300000000000 + (i << 20) + lane * 16), i * 8 + lane + 1, &before) ||
		    before)
			return (void *)1;
	}
	return NULL;
}

START_TEST(test_racing_threads_share_leaves)
{
	pthread_t threads[8];

	for (uintptr_t i = 0; i < 8; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, put_own_lane, (void *)i), 0);
	for (int i = 0; i < 8; i++) {
		void *failed;

		pthread_join(threads[i], &failed);
		ck_assert_ptr_null(failed);
	}
	for (uint64_t i = 0; i < 2000; i++) {
		for (uint64_t lane = 0; lane < 8; lane++)
			ck_assert_uint_eq(ht_live_map_take(at(0x300000000000 + (i << 20) + lane * 16)),
					  i * 8 + lane + 1);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("live_map");
	TCase *core = tcase_create("core");
	TCase *limits = tcase_create("limits");

	tcase_add_test(core, test_take_unknown_address_gives_nothing);
	tcase_add_test(core, test_put_then_take_gives_each_block_its_own);
	tcase_add_test(core, test_put_over_live_block_tells_what_was_there);
	tcase_add_test(core, test_watch_marks_only_known_blocks);
	tcase_add_test(core, test_watch_leaves_freed_blocks_alone);
	tcase_add_test(core, test_random_operations_equal_an_array);
	tcase_add_test(limits, test_put_outside_the_address_space_fails);
	tcase_add_test(limits, test_racing_threads_share_leaves);
	tcase_set_timeout(limits, 60);
	suite_add_tcase(suite, core);
	suite_add_tcase(suite, limits);
	return ht_run_suite(suite);
}
