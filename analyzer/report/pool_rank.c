/* SPDX-License-Identifier: MIT */
/* Sorts those who made the objects of pools. Analyzer. */
#include "analyzer/report/pool_rank.h"

#include "analyzer/base/compare.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>

static int compare_sites(const void *va, const void *vb)
{
	const struct ht_pool_site *a = *(const struct ht_pool_site *const *)va;
	const struct ht_pool_site *b = *(const struct ht_pool_site *const *)vb;

	if (a->at_peak_bytes != b->at_peak_bytes)
		return ht_compare_u64(b->at_peak_bytes, a->at_peak_bytes);
	if (a->left_bytes != b->left_bytes)
		return ht_compare_u64(b->left_bytes, a->left_bytes);
	if (a->allocated_bytes != b->allocated_bytes)
		return ht_compare_u64(b->allocated_bytes, a->allocated_bytes);
	return ht_compare_u64(a->stack, b->stack);
}

struct ht_pool_rank ht_pool_rank_new(const struct ht_report *report)
{
	const struct ht_pools *pools = report->pools;
	struct ht_pool_rank rank = {
		.sites = ht_xalloc_zeroed(pools->n_sites, sizeof(*rank.sites)),
	};

	for (size_t i = 0; i < pools->n_sites; i++) {
		const struct ht_pool_site *site = &pools->sites[i];

		if ((site->n_allocations | site->n_at_peak | site->n_left) &&
		    ht_report_shows_stack(report, site->stack))
			rank.sites[rank.n_sites++] = site;
	}
	qsort(rank.sites, rank.n_sites, sizeof(*rank.sites), compare_sites);
	return rank;
}
