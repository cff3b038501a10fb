/* SPDX-License-Identifier: MIT */
/* The pairs of places that allocate and free most. Analyzer. */
#include "analyzer/report/free_rank.h"

#include "analyzer/base/compare.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>

static int compare_pairs(const void *va, const void *vb)
{
	const struct ht_free_pair *a = *(const struct ht_free_pair *const *)va;
	const struct ht_free_pair *b = *(const struct ht_free_pair *const *)vb;

	if (a->n_frees != b->n_frees)
		return ht_compare_u64(b->n_frees, a->n_frees);
	if (a->freed_bytes != b->freed_bytes)
		return ht_compare_u64(b->freed_bytes, a->freed_bytes);
	if (a->site != b->site)
		return ht_compare_u64(a->site, b->site);
	return ht_compare_u64(a->stack, b->stack);
}

struct ht_free_rank ht_free_rank_new(const struct ht_report *report)
{
	const struct ht_free_pairs *frees = &report->results->frees;
	struct ht_free_rank rank = {
		.pairs = ht_xalloc_zeroed(frees->n_pairs, sizeof(*rank.pairs)),
	};

	for (size_t i = 0; i < frees->n_pairs; i++) {
		const struct ht_free_pair *pair = &frees->pairs[i];

		if (!report->choice.is_shown || report->choice.is_shown[pair->site])
			rank.pairs[rank.n_pairs++] = pair;
	}
	qsort(rank.pairs, rank.n_pairs, sizeof(const struct ht_free_pair *), compare_pairs);
	return rank;
}
