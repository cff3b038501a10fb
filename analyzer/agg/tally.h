/* SPDX-License-Identifier: MIT */
/* How often each value occurred, and the percentiles of that. Analyzer. */
#ifndef HT_TALLY_H
#define HT_TALLY_H

#include "analyzer/base/u64_map.h"

#include <stdbool.h>
#include <stdint.h>

/* Values below this have a counter of their own; the others share a map. */
#define HT_TALLY_N_DIRECT 65536u

/* Distinct large values that are kept exactly. Beyond, large values lose all but their first 17 bits. */
#define HT_TALLY_MAX_DISTINCT (1u << 22)

struct ht_tally {
	uint64_t *direct;
	struct ht_u64_map large;
	uint64_t n;
	uint64_t max; /* always exact */
	bool is_rounded; /* percentiles above HT_TALLY_N_DIRECT may be up to 0.0008 % too small */
};

void ht_tally_init(struct ht_tally *tally);

/* NULL and all zero are fine. */
void ht_tally_done(struct ht_tally *tally);

/* The rare part of ht_tally_add. */
void ht_tally_add_large(struct ht_tally *tally, uint64_t value);

static inline void ht_tally_add(struct ht_tally *tally, uint64_t value)
{
	tally->n++;
	if (value > tally->max)
		tally->max = value;
	if (__builtin_expect(value < HT_TALLY_N_DIRECT, 1))
		tally->direct[value]++;
	else
		ht_tally_add_large(tally, value);
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

struct ht_percentiles ht_tally_percentiles(const struct ht_tally *tally);

#endif
