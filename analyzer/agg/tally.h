/* SPDX-License-Identifier: MIT */
/* How often each value occurred, and the percentiles of that. Analyzer. */
#ifndef HT_TALLY_H
#define HT_TALLY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Values below this have a counter of their own; the others are sorted now and then. */
#define HT_TALLY_N_DIRECT 65536u

/* Distinct large values that are kept exactly. Beyond, large values lose all but their first 17 bits. */
#define HT_TALLY_MAX_DISTINCT (1u << 22)

struct ht_value_count {
	uint64_t value;
	uint64_t count;
};

/*
 * Large values are first put down as they come; when there are many, they are sorted and merged into
 * counts. That takes a fraction of what a hash map of millions of values would.
 */
struct ht_tally {
	uint64_t *direct;
	struct ht_value_count *large; /* by rising value */
	size_t n_large;
	size_t large_capacity;
	struct ht_value_count
	        *spare_large; /* for the next merge; memory that is used again is quick */
	size_t spare_large_capacity;
	uint64_t *fresh; /* not in large yet; room for HT_TALLY_N_FRESH, or NULL */
	size_t n_fresh;
	uint64_t *sort_space; /* as large as fresh */
	uint64_t n_of_large;
	uint64_t max_large; /* always exact; 0: none yet */
	bool is_rounded; /* percentiles from HT_TALLY_N_DIRECT on may be up to 1/65536 (0.0016 %) too small */
};
#define HT_TALLY_N_FRESH (1u << 20)

void ht_tally_init(struct ht_tally *tally);

/* NULL and all zero are fine. */
void ht_tally_done(struct ht_tally *tally);

/* The rare part of ht_tally_add: make room in fresh. */
void ht_tally_settle(struct ht_tally *tally);

static inline void ht_tally_add(struct ht_tally *tally, uint64_t value)
{
	if (__builtin_expect(value < HT_TALLY_N_DIRECT, 1)) {
		tally->direct[value]++;
		return;
	}
	tally->n_of_large++;
	if (value > tally->max_large)
		tally->max_large = value;
	if (__builtin_expect(!tally->fresh || tally->n_fresh == HT_TALLY_N_FRESH, 0))
		ht_tally_settle(tally);
	tally->fresh[tally->n_fresh++] = value;
}

/* Percentiles by nearest rank: the smallest value that at least this part of all values do not exceed. */
struct ht_percentiles {
	uint64_t n; /* values there were; when 0 the rest means nothing */
	uint64_t p50;
	uint64_t p90;
	uint64_t p99;
	uint64_t p999;
	uint64_t max;
	bool is_rounded;
};

struct ht_percentiles ht_tally_percentiles(struct ht_tally *tally);

struct ht_log_counts;
struct ht_tick_clock;

/* Add all values to counts; those are ticks, and become ns, unless clock is NULL. */
void ht_tally_count_logs(struct ht_tally *tally, const struct ht_tick_clock *clock,
                         struct ht_log_counts *counts);

#endif
