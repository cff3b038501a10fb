/* SPDX-License-Identifier: MIT */
/* Which stacks free the blocks of which sites. Analyzer. */
#ifndef HT_FREE_PAIRS_H
#define HT_FREE_PAIRS_H

#include "analyzer/base/u64_map.h"

#include <stddef.h>
#include <stdint.h>

/* Blocks that came from one site and were freed by one stack. Reallocations end no life, and are in none. */
struct ht_free_pair {
	uint32_t site;  /* of the allocation: index in the results */
	uint32_t stack; /* of the free */
	uint64_t n_frees;
	uint64_t freed_bytes; /* sizes that the blocks had when they were freed */
};

/* All zero is empty. Grows with the pairs, not with the frees. */
struct ht_free_pairs {
	struct ht_free_pair *pairs;
	size_t n_pairs;
	size_t capacity;
	struct ht_u64_map numbers; /* site << 32 | stack -> index + 1 */
	uint64_t n_frees;          /* in all of them */
	uint64_t freed_bytes;
};

/* Release what they hold; they are empty afterwards. */
void ht_free_pairs_done(struct ht_free_pairs *pairs);

void ht_free_pairs_add(struct ht_free_pairs *pairs, uint32_t site, uint32_t stack, uint64_t bytes);

#endif
