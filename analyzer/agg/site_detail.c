/* SPDX-License-Identifier: MIT */
/* What only some events add to a site. Analyzer. */
#include "analyzer/agg/site_detail.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

void ht_site_details_done(struct ht_site_details *details)
{
	if (!details)
		return;
	free(details->details);
	*details = (struct ht_site_details){ 0 };
}

struct ht_site_detail *ht_site_details_need(struct ht_site_details *details, uint32_t site)
{
	if (site >= details->n_details) {
		details->details = ht_xalloc_grow(details->details, &details->capacity,
		                                  (size_t)site + 1, sizeof(*details->details));
		memset(details->details + details->n_details, 0,
		       (site + 1 - details->n_details) * sizeof(*details->details));
		details->n_details = (size_t)site + 1;
	}
	return &details->details[site];
}

static uint64_t larger(uint64_t a, uint64_t b)
{
	return a > b ? a : b;
}

void ht_site_details_finish(struct ht_site_details *details)
{
	struct ht_site_detail *t = &details->totals;

	*t = (struct ht_site_detail){ 0 };
	for (size_t i = 0; i < details->n_details; i++) {
		const struct ht_site_detail *d = &details->details[i];

		t->n_moved += d->n_moved;
		t->copied_bytes += d->copied_bytes;
		t->n_grown += d->n_grown;
		t->grown_bytes += d->grown_bytes;
		t->n_small_steps += d->n_small_steps;
		t->n_shrunk += d->n_shrunk;
		t->n_chains += d->n_chains;
		t->longest_chain = larger(t->longest_chain, d->longest_chain);
		t->largest_bytes = larger(t->largest_bytes, d->largest_bytes);
		t->n_freed_by_others += d->n_freed_by_others;
		t->freed_by_others_bytes += d->freed_by_others_bytes;
	}
}

void ht_site_detail_add_realloc(struct ht_site_detail *detail, uint64_t old_bytes,
                                uint64_t new_bytes, uint64_t n_reallocations, bool is_moved)
{
	if (is_moved) {
		detail->n_moved++;
		detail->copied_bytes += old_bytes < new_bytes ? old_bytes : new_bytes;
	}
	if (new_bytes > old_bytes) {
		detail->n_grown++;
		detail->grown_bytes += new_bytes - old_bytes;
		detail->n_small_steps += new_bytes - old_bytes < (old_bytes + 1) / 2;
	}
	detail->n_shrunk += new_bytes < old_bytes;
	detail->n_chains += n_reallocations == 1;
	detail->longest_chain = larger(detail->longest_chain, n_reallocations);
	detail->largest_bytes = larger(detail->largest_bytes, new_bytes);
}
