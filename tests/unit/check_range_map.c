/* SPDX-License-Identifier: MIT */
/* Tests of range_map: random ranges against the rule of its header, applied one by one. Host. */
#include "analyzer/symbols/range_map.h"
#include "run_suite.h"

#include <check.h>
#include <stdlib.h>

#define SPACE 200u
#define N_RANGES_MAX 40u

/* The rule as the header says it. True when something covers addr. */
static bool find_by_rule(const struct ht_range *ranges, size_t n, uint64_t addr, uint32_t *ret_value)
{
	const struct ht_range *best = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct ht_range *r = &ranges[i];

		if (addr < r->lo || addr >= r->hi)
			continue;
		if (!best || r->lo > best->lo ||
		    (r->lo == best->lo &&
		     (r->priority > best->priority ||
		      (r->priority == best->priority && r->hi < best->hi))))
			best = r;
	}
	if (best)
		*ret_value = best->value;
	return best != NULL;
}

/* inside != NULL: choose within it, as scopes nest; ranges that cross are a separate test. */
static struct ht_range random_range(const struct ht_range *inside, uint32_t i)
{
	uint64_t lo = inside ? inside->lo : 1, hi = inside ? inside->hi : SPACE;
	uint64_t a = lo + (uint64_t)rand() % (hi - lo), b = lo + (uint64_t)rand() % (hi - lo);

	return (struct ht_range){
		.lo = a < b ? a : b,
		.hi = (a < b ? b : a) + 1,
		.priority = inside ? inside->priority + 1 : 0,
		.value = i,
	};
}

START_TEST(test_find_nested_ranges_innermost)
{
	srand((unsigned)_i);

	struct ht_range ranges[N_RANGES_MAX];
	struct ht_range_map map = {0};
	size_t n = 1 + (size_t)rand() % N_RANGES_MAX;

	ranges[0] = (struct ht_range){.lo = 1, .hi = SPACE, .value = 0};
	for (uint32_t i = 1; i < n; i++)
		ranges[i] = random_range(&ranges[(uint32_t)rand() % i], i);
	for (size_t i = 0; i < n; i++)
		ht_range_map_add(&map, ranges[i].lo, ranges[i].hi, ranges[i].priority,
				 ranges[i].value);
	ht_range_map_flatten(&map);
	for (uint64_t addr = 0; addr < SPACE + 2; addr++) {
		uint32_t found = UINT32_MAX, wanted = UINT32_MAX;
		bool is_found = ht_range_map_find(&map, addr, &found);

		ck_assert(is_found == find_by_rule(ranges, n, addr, &wanted));
		if (!is_found)
			continue;
		/* Siblings may overlap here; then only the rule's first criterion is fixed. */
		ck_assert_uint_eq(ranges[found].lo, ranges[wanted].lo);
	}
	ht_range_map_done(&map);
}
END_TEST

START_TEST(test_find_disjoint_and_gap)
{
	struct ht_range_map map = {0};
	uint32_t value = 99;

	ht_range_map_add(&map, 30, 40, 0, 3);
	ht_range_map_add(&map, 10, 20, 0, 1);
	ht_range_map_add(&map, 20, 25, 0, 2);
	ht_range_map_flatten(&map);
	ck_assert(!ht_range_map_find(&map, 9, &value));
	ck_assert_uint_eq(value, 99);
	ck_assert(ht_range_map_find(&map, 10, &value));
	ck_assert_uint_eq(value, 1);
	ck_assert(ht_range_map_find(&map, 19, &value));
	ck_assert_uint_eq(value, 1);
	ck_assert(ht_range_map_find(&map, 20, &value));
	ck_assert_uint_eq(value, 2);
	ck_assert(!ht_range_map_find(&map, 25, &value));
	ck_assert(ht_range_map_find(&map, 39, &value));
	ck_assert_uint_eq(value, 3);
	ck_assert(!ht_range_map_find(&map, 40, &value));
	ht_range_map_done(&map);
}
END_TEST

START_TEST(test_find_outer_again_after_inner)
{
	struct ht_range_map map = {0};
	uint32_t value = 99;

	ht_range_map_add(&map, 10, 50, 0, 1);
	ht_range_map_add(&map, 20, 30, 1, 2);
	ht_range_map_add(&map, 25, 30, 2, 3);
	ht_range_map_flatten(&map);
	for (uint64_t addr = 10; addr < 50; addr++) {
		ck_assert(ht_range_map_find(&map, addr, &value));
		ck_assert_uint_eq(value, addr < 20 || addr >= 30 ? 1 : addr < 25 ? 2 : 3);
	}
	ht_range_map_done(&map);
}
END_TEST

START_TEST(test_flatten_empty_finds_nothing)
{
	struct ht_range_map map = {0};
	uint32_t value;

	ht_range_map_add(&map, 10, 10, 0, 1);
	ht_range_map_add(&map, 11, 10, 0, 1);
	ht_range_map_flatten(&map);
	ck_assert(!ht_range_map_find(&map, 10, &value));
	ht_range_map_done(&map);
	ht_range_map_done(NULL);
}
END_TEST

START_TEST(test_find_last_address)
{
	struct ht_range_map map = {0};
	uint32_t value = 0;

	ht_range_map_add(&map, 0, UINT64_MAX, 0, 7);
	ht_range_map_flatten(&map);
	ck_assert(ht_range_map_find(&map, UINT64_MAX - 1, &value));
	ck_assert_uint_eq(value, 7);
	ck_assert(!ht_range_map_find(&map, UINT64_MAX, &value));
	ht_range_map_done(&map);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("range_map");
	TCase *core = tcase_create("core"), *limits = tcase_create("limits");

	tcase_add_test(core, test_find_disjoint_and_gap);
	tcase_add_test(core, test_find_outer_again_after_inner);
	tcase_add_loop_test(core, test_find_nested_ranges_innermost, 0, 200);
	tcase_add_test(limits, test_flatten_empty_finds_nothing);
	tcase_add_test(limits, test_find_last_address);
	suite_add_tcase(s, core);
	suite_add_tcase(s, limits);
	return ht_run_suite(s);
}
