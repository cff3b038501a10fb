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
		size_t slot;
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
			block = ht_live_blocks_find(&live, id_of(_i, k), &slot);
			if ((block ? block->size : 0) != sizes[k])
				ck_abort_msg("step %llu: find", (unsigned long long)i);
			if (block) {
				ht_live_blocks_remove_slot(&live, slot);
				sizes[k] = 0;
				n--;
			}
		}
	}
	ck_assert_uint_eq(live.n_used, n);

	size_t cursor = 0, n_seen = 0;

	for (const struct ht_live_block *b; (b = ht_live_blocks_next(&live, &cursor)); n_seen++)
		ck_assert_uint_ne(b->size, 0);
	ck_assert_uint_eq(n_seen, n);
	for (size_t k = 0; k < N_IDS; k++) {
		size_t slot;
		const struct ht_live_block *b = ht_live_blocks_find(&live, id_of(_i, k), &slot);

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
	size_t slot;

	for (uint64_t id = 1; id < 300000; id++) {
		if (!ht_live_blocks_add(&live, id))
			ck_abort_msg("id %llu is there already", (unsigned long long)id);
		if (id <= 50)
			continue;
		if (!ht_live_blocks_find(&live, id - 50, &slot))
			ck_abort_msg("id %llu is not there", (unsigned long long)id - 50);
		ht_live_blocks_remove_slot(&live, slot);
	}
	ck_assert_uint_le(live.n_slots, 512);
	ck_assert_uint_le(live.records_capacity, 128);
	ht_live_blocks_done(&live);
	ht_live_blocks_done(NULL);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("live_blocks");
	TCase *core = ht_add_case(suite, "core");
	TCase *limits = ht_add_case(suite, "limits");

	tcase_add_loop_test(core, test_live_blocks_random_operations_agree_with_array, 0, 4);
	tcase_add_test(limits, test_live_blocks_churn_does_not_grow);
	return ht_run_suite(suite);
}
