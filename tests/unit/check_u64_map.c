/* SPDX-License-Identifier: MIT */
/* The hash map of numbers against an array. Tests. */
#include "run_suite.h"

#include "analyzer/base/u64_map.h"

#include <stdlib.h>

#define N_KEYS 3000u

START_TEST(test_u64_map_random_operations_agree_with_array)
{
	struct ht_u64_map map = { 0 };
	static uint64_t values[N_KEYS];
	static bool has[N_KEYS];
	size_t n = 0;

	srand(1);
	for (int i = 0; i < 100000; i++) {
		uint64_t k = (uint64_t)rand() % N_KEYS;
		uint64_t key = k * (_i ? 0x100000001ull : 1); /* 0 is a key as well */
		uint64_t value = 0;

		switch (rand() % 3) {
		case 0:
			n += !has[k];
			values[k] = has[k] ? values[k] + 1 : (uint64_t)i;
			if (has[k])
				++*ht_u64_map_put(&map, key);
			else
				*ht_u64_map_put(&map, key) += (uint64_t)i; /* new: 0 */
			has[k] = true;
			break;
		case 1:
			if (ht_u64_map_remove(&map, key, &value) != has[k] ||
			    (has[k] && value != values[k]))
				ck_abort_msg("step %d: remove", i);
			n -= has[k];
			has[k] = false;
			break;
		default:
			if ((ht_u64_map_get(&map, key) != NULL) != has[k] ||
			    (has[k] && *ht_u64_map_get(&map, key) != values[k]))
				ck_abort_msg("step %d: get", i);
		}
		if (ht_u64_map_count(&map) != n)
			ck_abort_msg("step %d: count", i);
	}

	size_t cursor = 0, n_seen = 0;
	uint64_t key, value;

	while (ht_u64_map_next(&map, &cursor, &key, &value)) {
		uint64_t k = key / (_i ? 0x100000001ull : 1);

		ck_assert(has[k] && values[k] == value);
		n_seen++;
	}
	ck_assert_uint_eq(n_seen, n);
	ht_u64_map_done(&map);
}
END_TEST

START_TEST(test_u64_map_empty_has_nothing)
{
	struct ht_u64_map map = { 0 };
	size_t cursor = 0;
	uint64_t key, value;

	ck_assert_ptr_null(ht_u64_map_get(&map, 0));
	ck_assert_ptr_null(ht_u64_map_get(&map, 1));
	ck_assert(!ht_u64_map_remove(&map, 5, NULL));
	ck_assert(!ht_u64_map_next(&map, &cursor, &key, &value));
	*ht_u64_map_put(&map, UINT64_MAX) = 7;
	ck_assert_uint_eq(*ht_u64_map_get(&map, UINT64_MAX), 7);
	ht_u64_map_done(&map);
	ck_assert_ptr_null(ht_u64_map_get(&map, UINT64_MAX));
	ht_u64_map_done(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("u64_map");
	TCase *core = ht_add_case(suite, "core");
	TCase *limits = ht_add_case(suite, "limits");

	tcase_add_loop_test(core, test_u64_map_random_operations_agree_with_array, 0, 2);
	tcase_add_test(limits, test_u64_map_empty_has_nothing);
	return ht_run_suite(suite);
}
