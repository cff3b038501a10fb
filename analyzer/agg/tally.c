/* SPDX-License-Identifier: MIT */
/* How often each value occurred. Analyzer. */
#include "analyzer/agg/tally.h"

#include "analyzer/agg/log_counts.h"
#include "analyzer/base/checked.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/read/tick_clock.h"

#include <stdlib.h>
#include <string.h>

#define KEPT_BITS  17
#define DIGIT_BITS 11u
#define N_DIGITS   (1u << DIGIT_BITS)

void ht_tally_init(struct ht_tally *tally)
{
	*tally = (struct ht_tally){ .direct =
		                            ht_xalloc_zeroed(HT_TALLY_N_DIRECT, sizeof(uint64_t)) };
}

void ht_tally_done(struct ht_tally *tally)
{
	if (!tally)
		return;
	free(tally->direct);
	free(tally->large);
	free(tally->spare_large);
	free(tally->fresh);
	free(tally->sort_space);
	*tally = (struct ht_tally){ 0 };
}

/* value, of at least KEPT_BITS bits, without its low bits. Keeps order. */
static uint64_t round_down(uint64_t value)
{
	int n_low = 64 - __builtin_clzll(value) - KEPT_BITS;

	return n_low > 0 ? value >> n_low << n_low : value;
}

/* Sort the fresh values, lowest digits first, leaving out digits that are all zero. */
static void sort_fresh(struct ht_tally *tally)
{
	size_t n = tally->n_fresh;

	for (unsigned shift = 0; shift < 64 && tally->max_large >> shift; shift += DIGIT_BITS) {
		uint64_t *from = tally->fresh, *to = tally->sort_space;
		uint32_t starts[N_DIGITS] = { 0 };
		uint32_t sum = 0;

		for (size_t i = 0; i < n; i++)
			starts[from[i] >> shift & (N_DIGITS - 1)]++;
		for (size_t d = 0; d < N_DIGITS; d++) {
			uint32_t count = starts[d];

			starts[d] = sum;
			sum += count;
		}
		for (size_t i = 0; i < n; i++)
			to[starts[from[i] >> shift & (N_DIGITS - 1)]++] = from[i];
		tally->fresh = to;
		tally->sort_space = from;
	}
}

/* Add count of value to the end of a list that rises. */
static void append(struct ht_value_count *list, size_t *n, uint64_t value, uint64_t count)
{
	if (*n > 0 && list[*n - 1].value == value)
		list[*n - 1].count += count;
	else
		list[(*n)++] = (struct ht_value_count){ value, count };
}

static void merge_fresh(struct ht_tally *tally)
{
	struct ht_value_count *merged =
	        ht_xalloc_grow(tally->spare_large, &tally->spare_large_capacity,
	                       tally->n_large + tally->n_fresh, sizeof(*merged));
	size_t n = 0, i_large = 0;
	size_t capacity = tally->spare_large_capacity;

	sort_fresh(tally);
	for (size_t i = 0; i < tally->n_fresh; i++) {
		uint64_t value = tally->is_rounded ? round_down(tally->fresh[i]) : tally->fresh[i];

		for (; i_large < tally->n_large && tally->large[i_large].value <= value; i_large++)
			append(merged, &n, tally->large[i_large].value,
			       tally->large[i_large].count);
		append(merged, &n, value, 1);
	}
	for (; i_large < tally->n_large; i_large++)
		append(merged, &n, tally->large[i_large].value, tally->large[i_large].count);
	tally->spare_large = tally->large;
	tally->spare_large_capacity = tally->large_capacity;
	tally->large = merged;
	tally->large_capacity = capacity;
	tally->n_large = n;
	tally->n_fresh = 0;
}

static void round_large(struct ht_tally *tally)
{
	size_t n = 0;

	for (size_t i = 0; i < tally->n_large; i++)
		append(tally->large, &n, round_down(tally->large[i].value), tally->large[i].count);
	tally->n_large = n;
	tally->is_rounded = true;
}

void ht_tally_settle(struct ht_tally *tally)
{
	if (!tally->fresh) {
		tally->fresh = ht_xalloc(HT_TALLY_N_FRESH * sizeof(*tally->fresh));
		tally->sort_space = ht_xalloc(HT_TALLY_N_FRESH * sizeof(*tally->fresh));
	}
	if (tally->n_fresh > 0)
		merge_fresh(tally);
	if (!tally->is_rounded && tally->n_large > HT_TALLY_MAX_DISTINCT)
		round_large(tally);
}

/* A walk through the counts by rising value. */
struct walk {
	const struct ht_tally *tally;
	size_t i; /* direct ones first */
	uint64_t n_before;
};

/* The value with this rank, from 1; ranks must not fall from call to call. */
static uint64_t value_at(struct walk *walk, uint64_t rank)
{
	for (;; walk->i++) {
		bool is_direct = walk->i < HT_TALLY_N_DIRECT;
		size_t i_large = walk->i - HT_TALLY_N_DIRECT;

		if (!is_direct && i_large >= walk->tally->n_large)
			return walk->tally->max_large;
		uint64_t count = is_direct ? walk->tally->direct[walk->i]
		                           : walk->tally->large[i_large].count;

		if (walk->n_before + count >= rank)
			return is_direct ? walk->i : walk->tally->large[i_large].value;
		walk->n_before += count;
	}
}

struct ht_percentiles ht_tally_percentiles(struct ht_tally *tally)
{
	struct walk walk = { .tally = tally };
	struct ht_percentiles result = { .n = tally->n_of_large, .max = tally->max_large };
	uint64_t *const out[] = { &result.p50, &result.p90, &result.p99, &result.p999 };
	static const uint64_t per_mille[] = { 500, 900, 990, 999 };

	for (size_t value = 0; value < HT_TALLY_N_DIRECT; value++) {
		result.n += tally->direct[value];
		if (tally->direct[value] && value > result.max)
			result.max = value;
	}
	if (result.n == 0)
		return result;
	ht_tally_settle(tally);
	result.is_rounded = tally->is_rounded;
	for (size_t i = 0; i < 4; i++) {
		/* n * p / 1000, rounded up. */
		uint64_t rank = result.n - ht_mul_div_u64(result.n, 1000 - per_mille[i], 1000);

		*out[i] = value_at(&walk, rank);
	}
	return result;
}

static void count_log(struct ht_log_counts *counts, const struct ht_tick_clock *clock,
                      uint64_t value, uint64_t count)
{
	if (clock)
		value = ht_tick_clock_span_ns(clock, value);
	counts->n[ht_log_count_of(value)] += count;
	if (value > counts->max)
		counts->max = value;
}

void ht_tally_count_logs(struct ht_tally *tally, const struct ht_tick_clock *clock,
                         struct ht_log_counts *counts)
{
	for (size_t value = 0; value < HT_TALLY_N_DIRECT; value++) {
		if (tally->direct[value])
			count_log(counts, clock, value, tally->direct[value]);
	}
	ht_tally_settle(tally);
	for (size_t i = 0; i < tally->n_large; i++)
		count_log(counts, clock, tally->large[i].value, tally->large[i].count);
	if (tally->n_of_large > 0)
		count_log(counts, clock, tally->max_large, 0);
}
