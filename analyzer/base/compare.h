/* SPDX-License-Identifier: MIT */
/* For the comparisons of qsort. Analyzer, any thread. */
#ifndef HT_COMPARE_H
#define HT_COMPARE_H

#include <stdint.h>

/* Below 0, 0 or above: a is smaller, the same, larger. */
static inline int ht_compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

#endif
