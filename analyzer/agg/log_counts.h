/* SPDX-License-Identifier: MIT */
/* How many values there were of about each size: counts that add up over recordings. Analyzer. */
#ifndef HT_LOG_COUNTS_H
#define HT_LOG_COUNTS_H

#include <heaptide/error.h>

#include <stddef.h>
#include <stdint.h>

/* Each power of two is cut into 16 steps: a value is told to a sixteenth. Below 16 it is told exactly. */
#define HT_LOG_COUNT_STEPS 16u
#define HT_N_LOG_COUNTS    976u

struct ht_log_counts {
	uint64_t n[HT_N_LOG_COUNTS];
	uint64_t max; /* exact */
};

static inline size_t ht_log_count_of(uint64_t value)
{
	if (value < HT_LOG_COUNT_STEPS)
		return (size_t)value;

	unsigned log2 = 63 - (unsigned)__builtin_clzll(value);

	return (log2 - 3) * HT_LOG_COUNT_STEPS + ((value >> (log2 - 4)) & 15);
}

/* The least value that is counted there. */
static inline uint64_t ht_log_count_least(size_t i)
{
	if (i < HT_LOG_COUNT_STEPS)
		return i;
	return (uint64_t)(HT_LOG_COUNT_STEPS + i % HT_LOG_COUNT_STEPS)
	       << (i / HT_LOG_COUNT_STEPS - 1);
}

#endif
