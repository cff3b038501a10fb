/* SPDX-License-Identifier: MIT */
/* The map of live blocks against an array. Tests. */
#include "run_suite.h"

#include "analyzer/replay/live_blocks.h"

#include <stdlib.h>

#define N_IDS 20000u

/* How ids look: dense; in ranges of threads; far apart; alike in their low 32 bits. */
static uint64_t id_of(int pattern, uint64_t k)
{
	switch (pattern) {
	case 0: return k;
	case 1: return (k % 7) * 1000000 + k / 7;
	case 2: return k * 0x9e3779b97f4a7c15ull;
	default: return (k % 100) | (k / 100) << 32;
	}
}

START_TEST(test_live_blocks_random_operations_agree_with_array)
{
	struct ht_live_blocks live = { 0 };
	static uint64_t sizes[N_IDS]; /* + 1; 0: not live */
	size_t n = 0;

	for (size_t k = 0; k < N_IDS; k++)
		sizes[k] = 0;
	srand(3);
	for (uint64_t i = 0; i < 40000; i++) {
		/* Like a program: new ids rise, mostly young ones end. */
		uint64_t newest = i / 10;
		uint64_t back = (uint64_t)rand() % (rand() % 2 ? 20 : newest + 1);
		uint64_t k = newest - (back > newest ? newest : back);
		struct ht_live_block *block;

		if (rand() % 2) {
			block = ht_live_blocks_add(&live, id_of(_i, k));
			if ((block == NULL) != (sizes[k] != 0))
				ck_abort_msg("step %llu: add", (unsigned long long)i);
			if (block) {
				block->size = i + 1;
				sizes[k] = i + 1;
				n++;
			}
		} else {
			block = ht_live_blocks_find(&live, id_of(_i, k));
			if ((block ? block->size : 0) != sizes[k])
				ck_abort_msg("step %llu: find", (unsigned long long)i);
			if (block) {
				ht_live_blocks_remove(&live, block->id);
				sizes[k] = 0;
				n--;
			}
		}
	}
	ck_assert_uint_eq(ht_live_blocks_count(&live), n);

	size_t cursor = 0, n_seen = 0;

	for (const struct ht_live_block *b; (b = ht_live_blocks_next(&live, &cursor)); n_seen++)
		ck_assert_uint_ne(b->size, 0);
	ck_assert_uint_eq(n_seen, n);
	for (size_t k = 0; k < N_IDS; k++) {
		const struct ht_live_block *b = ht_live_blocks_find(&live, id_of(_i, k));

		if ((b ? b->size : 0) != sizes[k])
			ck_abort_msg("id %llu", (unsigned long long)k);
	}
	ht_live_blocks_done(&live);
}
END_TEST

/* Memory is for what is live, not for what ever was. */
START_TEST(test_live_blocks_churn_does_not_grow)
{
	struct ht_live_blocks live = { 0 };

	for (uint64_t id = 1; id < 300000; id++) {
		if (!ht_live_blocks_add(&live, id))
			ck_abort_msg("id %llu is there already", (unsigned long long)id);
		if (id <= 50)
			continue;
		struct ht_live_block *block = ht_live_blocks_find(&live, id - 50);

		if (!block)
			ck_abort_msg("id %llu is not there", (unsigned long long)id - 50);
		ht_live_blocks_remove(&live, block->id);
	}
	ck_assert_uint_le(live.n_slabs, 1);
	ck_assert_uint_le(live.n_segments, 4096);
	ck_assert_uint_eq(live.strays.n_slots, 0);
	ht_live_blocks_done(&live);
	ht_live_blocks_done(NULL);
}
END_TEST

/* One block in a thousand stays: none may keep the memory of its neighbours. */
START_TEST(test_live_blocks_few_that_stay_take_little_memory)
{
	struct ht_live_blocks live = { 0 };
	const uint64_t n_ids = 5000000;

	for (uint64_t id = 1; id < n_ids; id++) {
		struct ht_live_block *block = ht_live_blocks_add(&live, id);

		block->size = id;
		if (id % 1000 != 0)
			ht_live_blocks_remove(&live, block->id);
	}
	ck_assert_uint_eq(ht_live_blocks_count(&live), n_ids / 1000 - 1);
	ck_assert_uint_le(live.n_slabs, 64); /* 6 MB; 5,000 arrays would be 15 MB */
	ck_assert_uint_le(live.n_segments, 65536);
	for (uint64_t id = 1000; id < n_ids; id += 1000) {
		const struct ht_live_block *block = ht_live_blocks_find(&live, id);

		if (!block || block->size != id)
			ck_abort_msg("id %llu is lost", (unsigned long long)id);
	}
	ht_live_blocks_done(&live);
}
END_TEST

/* Ids that no recorder gives away must not make tables for all that is between them. */
START_TEST(test_live_blocks_ids_far_apart_take_little_memory)
{
	struct ht_live_blocks live = { 0 };

	for (uint64_t i = 0; i < 10000; i++) {
		ck_assert_ptr_nonnull(ht_live_blocks_add(&live, i * 70000));
		ck_assert_ptr_nonnull(ht_live_blocks_add(&live, i << 40 | 1));
	}
	ck_assert_uint_eq(ht_live_blocks_count(&live), 20000);
	ck_assert_uint_le(live.n_slabs, 150); /* of 98,304 bytes */
	ck_assert_uint_le(live.n_segments, 65536);
	ht_live_blocks_done(&live);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("live_blocks");
	TCase *core = ht_add_case(suite, "core");
	TCase *limits = ht_add_case(suite, "limits");

	tcase_add_loop_test(core, test_live_blocks_random_operations_agree_with_array, 0, 4);
	tcase_add_test(limits, test_live_blocks_churn_does_not_grow);
	tcase_add_test(limits, test_live_blocks_few_that_stay_take_little_memory);
	tcase_add_test(limits, test_live_blocks_ids_far_apart_take_little_memory);
	return ht_run_suite(suite);
}
