/* SPDX-License-Identifier: MIT */
/* Checks of the stack walk: every stack equals libunwind's, whatever the frames. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include "preload/stack_walk.h"
#include "walk_oracle.h"
#include "walk_shapes.h"

static void run_plan(uint64_t seed, uint32_t max_depth, uint32_t n, uint32_t shapes_mask)
{
	struct walk_plan plan = { .random = seed,
				  .max_depth = max_depth,
				  .n_left = n,
				  .shapes_mask = shapes_mask,
				  .judgement = WALK_ORACLE_EQUAL };

	while (plan.n_left > 0)
		walk_plan_go_on(&plan);
}

START_TEST(test_capture_each_shape_equals_libunwind)
{
	walk_oracle_reset(1024);
	run_plan(1 + (uint64_t)_i, 6, 200, 1u << _i);
	if (walk_oracle_n_wrong() != 0)
		fprintf(stderr, "shape %s\n", walk_shapes[_i].name);
	ck_assert_uint_gt(walk_oracle_n_looks(), 200);
	ck_assert_uint_eq(walk_oracle_n_wrong(), 0);
}
END_TEST

START_TEST(test_capture_random_calls_equal_libunwind)
{
	walk_oracle_reset(1024);
	run_plan(1000 + (uint64_t)_i, 5 + 10 * (uint32_t)_i, 5000, 0);
	ck_assert_uint_gt(walk_oracle_n_looks(), 5000);
	ck_assert_uint_eq(walk_oracle_n_wrong(), 0);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stack_walk");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 120);
	tcase_add_loop_test(core, test_capture_each_shape_equals_libunwind, 0, (int)n_walk_shapes);
	tcase_add_loop_test(core, test_capture_random_calls_equal_libunwind, 0, 4);
	suite_add_tcase(suite, core);

	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);

	int n_failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return n_failed;
}
