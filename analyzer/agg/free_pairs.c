/* SPDX-License-Identifier: MIT */
/* Which stacks free the blocks of which sites. Analyzer. */
#include "analyzer/agg/free_pairs.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

void ht_free_pairs_done(struct ht_free_pairs *pairs)
{
	free(pairs->pairs);
	ht_u64_map_done(&pairs->numbers);
	*pairs = (struct ht_free_pairs){ 0 };
}

void ht_free_pairs_add(struct ht_free_pairs *pairs, uint32_t site, uint32_t stack, uint64_t bytes)
{
	uint64_t *number = ht_u64_map_put(&pairs->numbers, (uint64_t)site << 32 | stack);

	if (*number == 0) {
		pairs->pairs = ht_xalloc_grow(pairs->pairs, &pairs->capacity, pairs->n_pairs + 1,
		                              sizeof(*pairs->pairs));
		pairs->pairs[pairs->n_pairs] =
		        (struct ht_free_pair){ .site = site, .stack = stack };
		*number = ++pairs->n_pairs;
	}
	struct ht_free_pair *pair = &pairs->pairs[*number - 1];

	pair->n_frees++;
	pair->freed_bytes += bytes;
	pairs->n_frees++;
	pairs->freed_bytes += bytes;
}
