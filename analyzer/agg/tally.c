/* SPDX-License-Identifier: MIT */
/* How often each value occurred. Analyzer. */
#include "analyzer/agg/tally.h"

#include "analyzer/base/checked.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>

#define KEPT_BITS 17

void ht_tally_init(struct ht_tally *tally)
{
	*tally = (struct ht_tally){ .direct = ht_xalloc_zeroed(HT_TALLY_N_DIRECT, sizeof(uint64_t)) };
}

void ht_tally_done(struct ht_tally *tally)
{
	if (!tally)
		return;
	free(tally->direct);
	ht_u64_map_done(&tally->large);
	*tally = (struct ht_tally){ 0 };
}

/* value, of at least KEPT_BITS bits, without its low bits. */
static uint64_t round_down(uint64_t value)
{
	int n_low = 64 - __builtin_clzll(value) - KEPT_BITS;

	return n_low > 0 ? value >> n_low << n_low : value;
}

static void round_all(struct ht_tally *tally)
{
	struct ht_u64_map rounded = { 0 };
	size_t cursor = 0;
	uint64_t value, count;

	while (ht_u64_map_next(&tally->large, &cursor, &value, &count))
		*ht_u64_map_put(&rounded, round_down(value)) += count;
	ht_u64_map_done(&tally->large);
	tally->large = rounded;
	tally->is_rounded = true;
}

void ht_tally_add_large(struct ht_tally *tally, uint64_t value)
{
	if (!tally->is_rounded && ht_u64_map_count(&tally->large) >= HT_TALLY_MAX_DISTINCT)
		round_all(tally);
	(*ht_u64_map_put(&tally->large, tally->is_rounded ? round_down(value) : value))++;
}

struct value_count {
	uint64_t value;
	uint64_t count;
};

static int compare_values(const void *va, const void *vb)
{
	const struct value_count *a = va, *b = vb;

	return a->value < b->value ? -1 : a->value > b->value;
}

/* The value that the walk over all counts reaches with its rank-th element, rank from 1. */
struct walk {
	const struct ht_tally *tally;
	struct value_count *large;
	size_t n_large;
	size_t i; /* direct ones first */
	uint64_t n_before;
};

static uint64_t value_at(struct walk *walk, uint64_t rank)
{
	for (;; walk->i++) {
		bool is_direct = walk->i < HT_TALLY_N_DIRECT;
		size_t i_large = walk->i - HT_TALLY_N_DIRECT;

		if (!is_direct && i_large >= walk->n_large)
			return walk->tally->max;
		uint64_t count = is_direct ? walk->tally->direct[walk->i] : walk->large[i_large].count;

		if (walk->n_before + count >= rank)
			return is_direct ? walk->i : walk->large[i_large].value;
		walk->n_before += count;
	}
}

struct ht_percentiles ht_tally_percentiles(const struct ht_tally *tally)
{
	struct walk walk = { .tally = tally, .n_large = ht_u64_map_count(&tally->large) };
	struct ht_percentiles result = { .n = tally->n, .max = tally->max };
	uint64_t *const out[] = { &result.p50, &result.p90, &result.p99, &result.p999 };
	static const uint64_t per_mille[] = { 500, 900, 990, 999 };
	size_t cursor = 0, n = 0;

	result.is_rounded = tally->is_rounded;
	if (tally->n == 0)
		return result;
	walk.large = ht_xalloc_zeroed(walk.n_large, sizeof(*walk.large));
	while (n < walk.n_large && ht_u64_map_next(&tally->large, &cursor, &walk.large[n].value,
						   &walk.large[n].count))
		n++;
	qsort(walk.large, walk.n_large, sizeof(*walk.large), compare_values);
	for (size_t i = 0; i < 4; i++) {
		/* n * p / 1000, rounded up. */
		uint64_t rank = tally->n - ht_mul_div_u64(tally->n, 1000 - per_mille[i], 1000);

		*out[i] = value_at(&walk, rank);
	}
	free(walk.large);
	return result;
}
