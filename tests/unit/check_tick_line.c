/* SPDX-License-Identifier: MIT */
/* Ticks as lines: never further off than said, exact when nothing may be off. Tests. */
#include "run_suite.h"

#include <heaptide/tick_line.h>

#include <stdlib.h>

#define N_EVENTS 5000u

static uint8_t bytes[N_EVENTS * HT_TICK_LINE_MAX_BYTES];
static uint64_t ticks[N_EVENTS];

/* Encodes all ticks; returns how many bytes they took. */
static size_t put_all(uint64_t first_tick, uint32_t tolerance)
{
	struct ht_put put = ht_put_init(bytes, sizeof bytes);
	struct ht_tick_line line = ht_tick_line_init(first_tick);

	for (uint32_t i = 0; i < N_EVENTS; i++)
		ht_tick_line_put(&line, &put, ticks[i], tolerance);
	ht_tick_line_end(&line, &put);
	ck_assert(!put.is_full);
	return (size_t)(put.pos - bytes);
}

static void check_all(uint64_t first_tick, uint32_t tolerance)
{
	size_t n_bytes = put_all(first_tick, tolerance);
	struct ht_get get = ht_get_init(bytes, n_bytes);
	struct ht_tick_steps steps = { .tick = first_tick };

	for (uint32_t i = 0; i < N_EVENTS; i++) {
		if (steps.n_left == 0) {
			uint64_t n_more = ht_get_u64(&get);

			ck_assert(
			        ht_tick_steps_begin(&steps, n_more, ht_unzigzag(ht_get_u64(&get))));
		}

		uint64_t tick = ht_tick_steps_next(&steps);

		ck_assert_uint_le(tick - ticks[i] + tolerance, 2 * (uint64_t)tolerance);
		if (i == 0 || steps.n_left == 0)
			ck_assert_uint_eq(tick, ticks[i]);
	}
	ck_assert(!get.is_bad);
	ck_assert_uint_eq(ht_get_left(&get), 0);
	ck_assert_uint_eq(steps.n_left, 0);
}

/* A step of one of several programs: bursts and pauses, jitter, a clock that jumps, anything. */
static uint64_t random_step(int shape)
{
	unsigned r = (unsigned)rand();

	switch (shape % 6) {
	case 0: return r % 3;
	case 1: return r % 100 == 0 ? 5000 + r % 100000 : r % 2;
	case 2: return 7 + r % 20;
	case 3: return r % 50 == 0 ? (uint64_t) - (int64_t)(r % 9) : r % 4;
	case 4: return r % 500 == 0 ? (uint64_t)r << 33 : 1;
	default: return (uint64_t)r << 32 ^ (uint64_t)rand();
	}
}

START_TEST(test_lines_are_never_further_off_than_said)
{
	static const uint32_t tolerances[] = { 0, 1, 4, 16, 100, HT_MAX_TOLERANCE_TICKS };
	uint64_t first = _i % 2 ? UINT64_MAX - 700 : 1000;
	uint64_t tick = first;

	srand((unsigned)_i);
	for (uint32_t i = 0; i < N_EVENTS; i++)
		ticks[i] = tick += random_step(_i);
	for (size_t i = 0; i < sizeof tolerances / sizeof tolerances[0]; i++)
		check_all(first, tolerances[i]);
}
END_TEST

/* What lines are for: noise around a steady pace takes next to nothing. */
START_TEST(test_steady_pace_is_one_line)
{
	srand(1);
	for (uint32_t i = 0; i < N_EVENTS; i++)
		ticks[i] = 1000 + 3 * i + (unsigned)rand() % 5;
	check_all(1000, 16);
	ck_assert_uint_le(put_all(1000, 16), 12);
	ck_assert_uint_gt(put_all(1000, 0), N_EVENTS / 2);
}
END_TEST

START_TEST(test_begin_refuses_impossible_lines)
{
	struct ht_tick_steps steps = { .tick = 5 };

	ck_assert(!ht_tick_steps_begin(&steps, HT_TICK_LINE_MAX_EVENTS, 1));
	ck_assert(!ht_tick_steps_begin(&steps, UINT64_MAX, 1));
	ck_assert(!ht_tick_steps_begin(&steps, 1, HT_TICK_LINE_MAX_TICKS));
	ck_assert(!ht_tick_steps_begin(&steps, 1, (uint64_t)-1));
	ck_assert(ht_tick_steps_begin(&steps, 0, (uint64_t)-1));
	ck_assert_uint_eq(ht_tick_steps_next(&steps), 4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("tick_line");
	TCase *core = ht_add_case(suite, "core");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_loop_test(core, test_lines_are_never_further_off_than_said, 0, 24);
	tcase_add_test(core, test_steady_pace_is_one_line);
	tcase_add_test(corrupt, test_begin_refuses_impossible_lines);
	return ht_run_suite(suite);
}
