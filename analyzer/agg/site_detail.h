/* SPDX-License-Identifier: MIT */
/* What only some events add to a site: reallocations, and frees by other threads. Analyzer. */
#ifndef HT_SITE_DETAIL_H
#define HT_SITE_DETAIL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Beside struct ht_site, which every event reads. Reallocations count for the stack of the call, frees by others
 * for that of the block's allocation. Old sizes are known of blocks that were live here, not of inherited ones.
 */
struct ht_site_detail {
	uint64_t n_moved;      /* reallocations that went to another address */
	uint64_t copied_bytes; /* by these: the smaller one of both sizes */
	uint64_t n_grown;
	uint64_t grown_bytes;   /* new sizes less old ones */
	uint64_t n_small_steps; /* of those that grew: by less than half of a size that was not 0 */
	uint64_t n_shrunk;
	uint64_t n_chains;          /* blocks whose first reallocation this was */
	uint64_t longest_chain;     /* most reallocations that a block had had with one here */
	uint64_t largest_bytes;     /* largest new size */
	uint64_t n_freed_by_others; /* by another thread than the one that allocated */
	uint64_t freed_by_others_bytes;
};

/* By index of the site; those from n_details on have none. All zero is empty. */
struct ht_site_details {
	struct ht_site_detail *details;
	size_t n_details;
	size_t capacity;
	struct ht_site_detail totals; /* sums, and the largest of all */
};

void ht_site_details_done(struct ht_site_details *details);

/* Those of a site, to be added to. Valid until the next call. */
struct ht_site_detail *ht_site_details_need(struct ht_site_details *details, uint32_t site);

/* Sum them up: once, after the last event. */
void ht_site_details_finish(struct ht_site_details *details);

/* A reallocation of a block of old_bytes, after which it has had n_reallocations. */
void ht_site_detail_add_realloc(struct ht_site_detail *detail, uint64_t old_bytes,
                                uint64_t new_bytes, uint64_t n_reallocations, bool is_moved);

#endif
