/* SPDX-License-Identifier: MIT */
/* Arithmetic on numbers from files that must not wrap in silence. Analyzer, any thread. */
#ifndef HT_CHECKED_H
#define HT_CHECKED_H

#include <stdbool.h>
#include <stdint.h>

/* True, and *ret_sum set, when a + b fits. [no alloc] */
static inline bool ht_add_u64(uint64_t a, uint64_t b, uint64_t *ret_sum)
{
	uint64_t sum;

	if (__builtin_add_overflow(a, b, &sum))
		return false;
	*ret_sum = sum;
	return true;
}

/* True, and *ret_product set, when a * b fits. [no alloc] */
static inline bool ht_mul_u64(uint64_t a, uint64_t b, uint64_t *ret_product)
{
	uint64_t product;

	if (__builtin_mul_overflow(a, b, &product))
		return false;
	*ret_product = product;
	return true;
}

/* a + b, or UINT64_MAX when that is too much: for totals that a hostile file may overflow. */
static inline uint64_t ht_add_u64_saturating(uint64_t a, uint64_t b)
{
	uint64_t sum;

	return __builtin_add_overflow(a, b, &sum) ? UINT64_MAX : sum;
}

/* a * b / c rounded down, or UINT64_MAX when that is too much. c must not be 0. */
static inline uint64_t ht_mul_div_u64(uint64_t a, uint64_t b, uint64_t c)
{
	unsigned __int128 q = (unsigned __int128)a * b / c;

	return q > UINT64_MAX ? UINT64_MAX : (uint64_t)q;
}

#endif
