/* SPDX-License-Identifier: MIT */
/* Percentiles against sorting, and the rate windows against counting. Tests. */
#include "run_suite.h"

#include "analyzer/agg/rate_windows.h"
#include "analyzer/agg/tally.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>

static int compare_u64(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static uint64_t by_the_book(const uint64_t *sorted, uint64_t n, uint64_t per_mille)
{
	return sorted[(n * per_mille + 999) / 1000 - 1];
}

static uint64_t random_u64(void)
{
	return (uint64_t)rand() << 40 ^ (uint64_t)rand() << 20 ^ (uint64_t)rand();
}

static void check_values(uint64_t *values, size_t n)
{
	struct ht_tally tally;

	ht_tally_init(&tally);
	for (size_t i = 0; i < n; i++)
		ht_tally_add(&tally, values[i]);
	struct ht_percentiles p = ht_tally_percentiles(&tally);

	qsort(values, n, sizeof(*values), compare_u64);
	ck_assert_uint_eq(p.n, n);
	ck_assert_uint_eq(p.p50, by_the_book(values, n, 500));
	ck_assert_uint_eq(p.p90, by_the_book(values, n, 900));
	ck_assert_uint_eq(p.p99, by_the_book(values, n, 990));
	ck_assert_uint_eq(p.p999, by_the_book(values, n, 999));
	ck_assert_uint_eq(p.max, values[n - 1]);
	ck_assert(!p.is_rounded);
	ht_tally_done(&tally);
}

START_TEST(test_tally_percentiles_are_exact)
{
	static const size_t counts[] = { 1, 2, 3, 9, 10, 11, 99, 100, 101, 999, 1000, 1001, 30000 };
	uint64_t *values = ht_xalloc(30000 * sizeof(*values));

	srand((unsigned)_i);
	for (size_t c = 0; c < sizeof(counts) / sizeof(counts[0]); c++) {
		for (size_t i = 0; i < counts[c]; i++)
			values[i] = random_u64() >> (rand() % 64);
		check_values(values, counts[c]);
	}
	free(values);
}
END_TEST

START_TEST(test_tally_many_large_values_are_exact)
{
	size_t n = 2 * HT_TALLY_N_FRESH + 12345;
	uint64_t *values = ht_xalloc(n * sizeof(*values));

	srand(7);
	for (size_t i = 0; i < n; i++)
		values[i] = rand() % 4 ? 65530 + (uint64_t)rand() % 1000
		                       : random_u64() >> (rand() % 45);
	check_values(values, n);
	free(values);
}
END_TEST

START_TEST(test_tally_too_many_distinct_values_are_rounded_and_say_so)
{
	struct ht_tally tally;
	const uint64_t n = HT_TALLY_MAX_DISTINCT + 3 * HT_TALLY_N_FRESH;

	ht_tally_init(&tally);
	for (uint64_t i = 0; i < n; i++)
		ht_tally_add(&tally, (1ull << 30) + i * 64);
	struct ht_percentiles p = ht_tally_percentiles(&tally);
	double exact = (double)((1ull << 30) + n / 2 * 64);

	ck_assert(p.is_rounded);
	ck_assert_uint_le(tally.n_large, HT_TALLY_MAX_DISTINCT);
	ck_assert((double)p.p50 <= exact && (double)p.p50 > exact * (1 - 0.000016));
	ck_assert_uint_eq(p.max, (1ull << 30) + (n - 1) * 64);
	ht_tally_done(&tally);
}
END_TEST

/* The median is nearly as far above what it is rounded to as it can be: of its first 17 bits the last is set. */
START_TEST(test_tally_rounded_percentiles_are_at_most_a_65536th_too_small)
{
	struct ht_tally tally;
	const uint64_t n = HT_TALLY_MAX_DISTINCT + 3 * HT_TALLY_N_FRESH;
	const uint64_t rounded = (1ull << 30) + (1u << 14), exact = rounded + (1u << 14) - 1;

	ht_tally_init(&tally);
	for (uint64_t i = 1; i <= n; i++)
		ht_tally_add(&tally, exact - n / 2 + i);
	struct ht_percentiles p = ht_tally_percentiles(&tally);

	ck_assert(p.is_rounded);
	ck_assert_uint_eq(p.p50, rounded);
	ck_assert_uint_lt((exact - p.p50) * 65536, exact);
	ck_assert_uint_gt((exact - p.p50) * 65543, exact);
	ht_tally_done(&tally);
}
END_TEST

START_TEST(test_tally_without_values_has_no_percentiles)
{
	struct ht_tally tally;

	ht_tally_init(&tally);
	ck_assert_uint_eq(ht_tally_percentiles(&tally).n, 0);
	ht_tally_done(&tally);
	ht_tally_done(NULL);
}
END_TEST

/* 1 us a tick. */
static const struct ht_tick_clock clock_us = { 1000, 1000, 1 };

START_TEST(test_rate_windows_busiest_is_found)
{
	struct ht_rate_windows rate;

	/* 2 s: windows of 20 ms in steps of 2 ms. */
	ht_rate_windows_init(&rate, &clock_us, 1000 + 2000000);
	ck_assert_uint_eq(rate.step_ticks, 2000);
	for (uint64_t tick = 1000; tick < 2001000; tick += 100)
		ht_rate_windows_step(&rate, tick, 5)->n_allocations++;
	struct ht_rate_step *busy = ht_rate_windows_seek(&rate, 1001000, 5);

	busy->n_allocations += 1000;
	busy->n_bytes += 77;
	struct ht_busiest_window w = ht_rate_windows_busiest(&rate, 2001000);

	ck_assert_uint_eq(w.n_allocations, 1000 + 200);
	ck_assert_uint_eq(w.n_bytes, 77);
	ck_assert_uint_le(w.from_tick, 1001000);
	ck_assert_uint_gt(w.to_tick, 1001000);
	ck_assert_uint_eq(w.to_tick - w.from_tick, 20000);
	ht_rate_windows_done(&rate);
}
END_TEST

START_TEST(test_rate_windows_rates_are_percentiles_of_all_whole_windows)
{
	struct ht_rate_windows rate;

	/* 1 s: 1000 steps of 1 ms; 991 windows of ten of them. */
	ht_rate_windows_init(&rate, &clock_us, 1000 + 999999);
	ck_assert_uint_eq(rate.step_ticks, 1000);
	for (uint64_t step = 0; step < 1000; step++) {
		/* As many as the step is old, so no two windows are alike. */
		ht_rate_windows_seek(&rate, 1000 + step * 1000, 0)->n_allocations += step;
		rate.now->n_bytes += 3 * step;
	}

	struct ht_window_rates rates = ht_rate_windows_rates(&rate, 1000 + 999999);

	/* The window that begins at step i has 10 i + 45. */
	ck_assert_uint_eq(rates.window_ticks, 10000);
	ck_assert_uint_eq(rates.allocations.n, 991);
	ck_assert_uint_eq(rates.allocations.p50, 10 * 495 + 45);
	ck_assert_uint_eq(rates.allocations.p90, 10 * 891 + 45);
	ck_assert_uint_eq(rates.allocations.p99, 10 * 981 + 45);
	ck_assert_uint_eq(rates.allocations.p999, 10 * 990 + 45);
	ck_assert_uint_eq(rates.allocations.max, 10 * 990 + 45);
	ck_assert_uint_eq(rates.bytes.p50, 3 * rates.allocations.p50);
	ck_assert_uint_eq(rates.bytes.max, 3 * rates.allocations.max);
	ck_assert_uint_eq(rates.allocations.max,
	                  ht_rate_windows_busiest(&rate, 1000 + 999999).n_allocations);

	/* Ended after two windows, or within the first one. */
	rates = ht_rate_windows_rates(&rate, 1000 + 10500);
	ck_assert_uint_eq(rates.allocations.n, 2);
	ck_assert_uint_eq(rates.allocations.p50, 45);
	ck_assert_uint_eq(rates.allocations.max, 55);
	rates = ht_rate_windows_rates(&rate, 1000 + 2500);
	ck_assert_uint_eq(rates.allocations.n, 1);
	ck_assert_uint_eq(rates.allocations.max, 0 + 1 + 2);
	ht_rate_windows_done(&rate);
}
END_TEST

START_TEST(test_rate_windows_steps_begin_with_what_is_live)
{
	struct ht_rate_windows rate;

	ht_rate_windows_init(&rate, &clock_us, 1000 + 2000000);
	ht_rate_windows_step(&rate, 1000, 0)->max_live_bytes = 50;
	ht_rate_windows_step(&rate, 1000 + 10 * 2000, 40);
	ht_rate_windows_step(&rate, 1000 + 12 * 2000, 7);
	ck_assert_uint_eq(rate.steps[0].max_live_bytes, 50);
	for (int i = 1; i <= 10; i++)
		ck_assert_uint_eq(rate.steps[i].max_live_bytes, 40);
	ck_assert_uint_eq(rate.steps[11].max_live_bytes, 7);
	ck_assert_uint_eq(rate.steps[12].max_live_bytes, 7);
	/* Going back changes nothing. */
	ht_rate_windows_step(&rate, 1000, 999);
	ht_rate_windows_step(&rate, 1000 + 12 * 2000, 3);
	ck_assert_uint_eq(rate.steps[11].max_live_bytes, 7);
	ht_rate_windows_done(&rate);
}
END_TEST

START_TEST(test_rate_windows_ticks_outside_count_at_the_ends)
{
	struct ht_rate_windows rate;

	ht_rate_windows_init(&rate, &clock_us, 1000);
	ht_rate_windows_step(&rate, 0, 0)->n_allocations++;
	ht_rate_windows_step(&rate, UINT64_MAX, 0)->n_allocations++;
	ck_assert_uint_eq(ht_rate_windows_busiest(&rate, 1000).n_allocations, 2);
	ht_rate_windows_done(&rate);

	/* A hostile header may claim any time. */
	ht_rate_windows_init(&rate, &clock_us, UINT64_MAX);
	ck_assert_uint_le(rate.n_steps, (1u << 20) + 1);
	ht_rate_windows_step(&rate, UINT64_MAX, 0)->n_allocations++;
	ht_rate_windows_done(&rate);
	ht_rate_windows_done(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tally");
	TCase *core = ht_add_case(suite, "core");
	TCase *limits = ht_add_case(suite, "limits");

	tcase_add_loop_test(core, test_tally_percentiles_are_exact, 0, 5);
	tcase_add_test(core, test_tally_many_large_values_are_exact);
	tcase_add_test(core, test_rate_windows_busiest_is_found);
	tcase_add_test(core, test_rate_windows_rates_are_percentiles_of_all_whole_windows);
	tcase_add_test(core, test_rate_windows_steps_begin_with_what_is_live);
	tcase_add_test(limits, test_tally_too_many_distinct_values_are_rounded_and_say_so);
	tcase_add_test(limits, test_tally_rounded_percentiles_are_at_most_a_65536th_too_small);
	tcase_add_test(limits, test_tally_without_values_has_no_percentiles);
	tcase_add_test(limits, test_rate_windows_ticks_outside_count_at_the_ends);
	return ht_run_suite(suite);
}
