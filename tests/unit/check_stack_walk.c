/* SPDX-License-Identifier: MIT */
/* Checks of the stack walk: every stack equals libunwind's, whatever the frames. */
#include <check.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>

#include "preload/stack_same.h"
#include "run_suite.h"
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
	run_plan(1000 + (uint64_t)_i, 5 + 10 * (uint32_t)_i, 3000, 0);
	ck_assert_uint_gt(walk_oracle_n_looks(), 3000);
	ck_assert_uint_eq(walk_oracle_n_wrong(), 0);
}
END_TEST

/* Signal handlers belong to the process, so the shapes that set one are not for many threads. */
static uint32_t shapes_for_threads(void)
{
	uint32_t mask = 0;

	for (uint32_t i = 0; i < n_walk_shapes; i++)
		if (strstr(walk_shapes[i].name, "signal") == NULL &&
		    strcmp(walk_shapes[i].name, "fault") != 0)
			mask |= 1u << i;
	return mask;
}

static void *run_thread(void *seed)
{
	struct walk_plan plan = { .random = (uint64_t)seed,
		                  .max_depth = 12,
		                  .n_left = 1000,
		                  .shapes_mask = shapes_for_threads(),
		                  .judgement = WALK_ORACLE_EQUAL };

	while (plan.n_left > 0)
		walk_plan_go_on(&plan);
	return NULL;
}

START_TEST(test_capture_in_many_threads_equals_libunwind)
{
	pthread_t threads[6];

	walk_oracle_reset(1024);
	for (uint64_t i = 0; i < 6; i++)
		ck_assert_int_eq(pthread_create(&threads[i], NULL, run_thread, (void *)(i + 7)), 0);
	for (uint32_t i = 0; i < 6; i++)
		pthread_join(threads[i], NULL);
	ck_assert_uint_gt(walk_oracle_n_looks(), 6000);
	ck_assert_uint_eq(walk_oracle_n_wrong(), 0);
}
END_TEST

static void __attribute__((noinline)) recurse(uint32_t depth, uint32_t max_depth)
{
	walk_oracle_look(WALK_ORACLE_PREFIX);

	const struct walk_oracle_stack *stack = walk_oracle_last();

	if (stack->truncation == HT_TRUNC_DEPTH)
		ck_assert(stack->n >= 32 && stack->n <= 64);
	else
		ck_assert(stack->truncation == HT_TRUNC_NONE && stack->n <= 64);
	/* From one of two places, so that stacks of different depth have different frames. */
	if (depth < max_depth && (depth * 0x9e3779b1u >> 16 & 1) != 0) {
		recurse(depth + 1, max_depth);
		__asm__ volatile("nop");
	} else if (depth < max_depth) {
		recurse(depth + 1, max_depth);
	}
	walk_oracle_look(WALK_ORACLE_PREFIX);
}

START_TEST(test_capture_deeper_than_max_keeps_innermost_and_describes_few)
{
	uint32_t n_nodes[2];

	walk_oracle_reset(64);
	for (volatile int i = 0; i < 2; i++) { /* volatile: not unrolled, one place calls */
		recurse(0, 2000);
		ck_assert_uint_eq(walk_oracle_last()->truncation, HT_TRUNC_NONE);
		n_nodes[i] = walk_oracle_n_nodes();
	}
	/* A cut that moved with the stack would take 64 nodes for each of 2000 stacks. */
	ck_assert_uint_gt(n_nodes[0], 4000);
	ck_assert_uint_lt(n_nodes[0], 16000);
	ck_assert_uint_eq(n_nodes[1], n_nodes[0]);
	ck_assert_uint_eq(walk_oracle_n_wrong(), 0);
}
END_TEST

START_TEST(test_capture_random_calls_cut_at_every_depth)
{
	walk_oracle_reset(2 + (uint32_t)_i * 7);

	struct walk_plan plan = { .random = (uint64_t)_i,
		                  .max_depth = 20,
		                  .n_left = 600,
		                  .judgement = WALK_ORACLE_PREFIX };

	while (plan.n_left > 0)
		walk_plan_go_on(&plan);
	ck_assert_uint_eq(walk_oracle_n_wrong(), 0);
}
END_TEST

/* Between frames with unwind data, one without. */
static void __attribute__((noinline)) run_without_cfi(walk_shape *shape, uint32_t n)
{
	struct walk_plan plan = {
		.random = n, .max_depth = 4, .n_left = n, .judgement = WALK_ORACLE_PREFIX
	};

	shape(&plan);
	ck_assert_uint_eq(walk_oracle_n_wrong(), 0);
}

START_TEST(test_capture_code_without_cfi_follows_frame_pointer)
{
	walk_oracle_reset(1024);
	for (uint32_t n = 0; n < 50; n++) {
		run_without_cfi(walk_shape_no_cfi_with_rbp, n);
		ck_assert_uint_eq(walk_oracle_last()->truncation, HT_TRUNC_NONE);
	}
}
END_TEST

START_TEST(test_capture_code_without_cfi_and_frame_pointer_is_cut)
{
	walk_oracle_reset(1024);
	for (uint32_t n = 0; n < 50; n++) {
		run_without_cfi(walk_shape_no_cfi_garbage_rbp, n);
		ck_assert_uint_eq(walk_oracle_last()->truncation, HT_TRUNC_NO_CFI);
	}
}
END_TEST

static uint32_t intern_nothing(void *ctx, uint64_t path, uint32_t parent, uint64_t address,
                               uint32_t generation)
{
	(void)ctx;
	(void)path;
	(void)address;
	(void)generation;
	return parent < HT_FIRST_NODE ? HT_FIRST_NODE + parent : parent;
}

static bool ignore_module(void *ctx, const struct ht_module_record *record, const char *path)
{
	(void)ctx;
	(void)record;
	(void)path;
	return true;
}

static void ignore_block(void *ctx, uint64_t addr)
{
	(void)ctx;
	(void)addr;
}

/* Made-up states: the program counter is one in this program, everything else is wrong. */
static uint32_t capture_made_up(uint64_t pc, uint64_t sp, uint64_t fp)
{
	static const struct ht_walk_sink sink = { .intern = intern_nothing,
		                                  .module = ignore_module,
		                                  .watch = ignore_block };
	struct ht_stack_walk walk;

	ht_stack_walk_init(&walk, 100);
	ht_stack_walk_capture(&walk, &sink, pc, sp, fp);

	uint32_t truncation = walk.last_truncation;

	ht_stack_walk_done(&walk);
	return truncation;
}

START_TEST(test_capture_wrong_registers_neither_faults_nor_loops)
{
	char *pages =
	        mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	uint64_t pc = (uint64_t)&walk_plan_go_on + 32;
	uint64_t interesting[] = { 0,
		                   1,
		                   8,
		                   4096,
		                   1ull << 47,
		                   1ull << 63,
		                   UINT64_MAX - 7,
		                   UINT64_MAX,
		                   (uint64_t)pages,
		                   (uint64_t)pages + 4096 - 8,
		                   (uint64_t)pages + 4096,
		                   (uint64_t)pages + 2 * 4096,
		                   (uint64_t)pages + 3 * 4096 - 8,
		                   (uint64_t)pages + 3 * 4096 };
	uint32_t n = sizeof interesting / sizeof interesting[0];

	ck_assert(pages != MAP_FAILED);
	mprotect(pages + 4096, 4096, PROT_NONE);
	/* Words that lead back to themselves. */
	for (uint32_t i = 0; i < 4096 / 8; i++)
		((uint64_t *)pages)[i] = i % 2 == 0 ? pc : (uint64_t)pages + 8 * i;
	for (uint32_t i = 0; i < n; i++)
		for (uint32_t j = 0; j < n; j++)
			for (uint32_t k = 0; k < n + 40; k++)
				capture_made_up(k < n ? interesting[k] : pc - 32 + k - n,
				                interesting[i], interesting[j]);
	ck_assert_uint_eq(capture_made_up(pc, 0, 0), HT_TRUNC_UNREADABLE);
	ck_assert_uint_eq(capture_made_up((uint64_t)pages, (uint64_t)pages, 1), HT_TRUNC_NO_CFI);
	munmap(pages, 3 * 4096);
}
END_TEST

static uint32_t intern_lost(void *ctx, uint64_t path, uint32_t parent, uint64_t address,
                            uint32_t generation)
{
	bool *is_lost = ctx;

	(void)path;
	(void)address;
	(void)generation;
	return *is_lost ? HT_TRUNC_LOST : parent < HT_FIRST_NODE ? HT_FIRST_NODE : parent + 1;
}

START_TEST(test_capture_node_that_could_not_be_described_is_asked_for_again)
{
	bool is_lost = true;
	const struct ht_walk_sink sink = { .ctx = &is_lost,
		                           .intern = intern_lost,
		                           .module = ignore_module,
		                           .watch = ignore_block };
	uint64_t *frame = __builtin_frame_address(0);
	uint64_t pc = (uint64_t)__builtin_return_address(0);
	uint64_t sp = (uint64_t)(frame + 2);
	struct ht_stack_walk walk;

	ht_stack_walk_init(&walk, 100);
	ck_assert_uint_eq(ht_stack_walk_capture(&walk, &sink, pc, sp, frame[0]), HT_TRUNC_LOST);
	ck_assert_uint_eq(ht_stack_walk_capture(&walk, &sink, pc, sp, frame[0]), HT_TRUNC_LOST);
	is_lost = false;

	uint32_t node = ht_stack_walk_capture(&walk, &sink, pc, sp, frame[0]);

	ck_assert_uint_eq(node, HT_FIRST_NODE + walk.n_frames - 1);
	is_lost = true;
	ck_assert_uint_eq(ht_stack_walk_capture(&walk, &sink, pc, sp, frame[0]), node);
	ht_stack_walk_done(&walk);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("stack_walk");
	TCase *core = tcase_create("core");

	tcase_set_timeout(core, 120);
	tcase_add_loop_test(core, test_capture_each_shape_equals_libunwind, 0, (int)n_walk_shapes);
	tcase_add_loop_test(core, test_capture_random_calls_equal_libunwind, 0, 3);
	tcase_add_test(core, test_capture_in_many_threads_equals_libunwind);
	suite_add_tcase(suite, core);

	TCase *limits = tcase_create("limits");

	tcase_set_timeout(limits, 120);
	tcase_add_test(limits, test_capture_deeper_than_max_keeps_innermost_and_describes_few);
	tcase_add_loop_test(limits, test_capture_random_calls_cut_at_every_depth, 0, 6);
	tcase_add_test(limits, test_capture_code_without_cfi_follows_frame_pointer);
	tcase_add_test(limits, test_capture_code_without_cfi_and_frame_pointer_is_cut);
	tcase_add_test(limits, test_capture_node_that_could_not_be_described_is_asked_for_again);
	suite_add_tcase(suite, limits);

	TCase *corrupt = tcase_create("corrupt");

	tcase_add_test(corrupt, test_capture_wrong_registers_neither_faults_nor_loops);
	suite_add_tcase(suite, corrupt);
	return ht_run_suite(suite);
}
