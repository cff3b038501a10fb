/* SPDX-License-Identifier: MIT */
/* The sites that matter most for a question. Analyzer. */
#include "analyzer/report/site_rank.h"

#include "analyzer/base/xalloc.h"

#include <stdbool.h>
#include <stdlib.h>

/* What decides, most important first. */
struct keys {
	uint64_t first;
	uint64_t second;
};

static struct keys keys_of(const struct ht_site *site, enum ht_site_order order)
{
	switch (order) {
	case HT_BY_AT_PEAK_BYTES: return (struct keys){ site->at_peak_bytes, site->n_at_peak };
	case HT_BY_LEAKED_BYTES: return (struct keys){ site->leaked_bytes, site->n_leaked };
	case HT_BY_SHORT_LIVED: return (struct keys){ site->n_short_lived, site->n_temporary };
	case HT_BY_OWN_PEAK_BYTES:
		return (struct keys){ site->own_peak_bytes,
			              site->n_allocations + site->n_reallocations };
	case HT_BY_ALLOCATIONS: break;
	}
	return (struct keys){ site->n_allocations, site->allocated_bytes };
}

static int compare(const void *va, const void *vb, void *vorder)
{
	const struct ht_site *a = *(const struct ht_site *const *)va;
	const struct ht_site *b = *(const struct ht_site *const *)vb;
	struct keys keys_a = keys_of(a, *(const enum ht_site_order *)vorder);
	struct keys keys_b = keys_of(b, *(const enum ht_site_order *)vorder);

	if (keys_a.first != keys_b.first)
		return keys_a.first > keys_b.first ? -1 : 1;
	if (keys_a.second != keys_b.second)
		return keys_a.second > keys_b.second ? -1 : 1;
	return a->stack < b->stack ? -1 : a->stack > b->stack;
}

struct ht_site_rank ht_site_rank_new(const struct ht_site_table *table, enum ht_site_order order)
{
	struct ht_site_rank rank = { ht_xalloc_zeroed(table->n_sites, sizeof(*rank.sites)), 0 };

	for (size_t i = 0; i < table->n_sites; i++) {
		struct keys keys = keys_of(&table->sites[i], order);

		if (keys.first || keys.second)
			rank.sites[rank.n_sites++] = &table->sites[i];
	}
	qsort_r(rank.sites, rank.n_sites, sizeof(*rank.sites), compare, &order);
	return rank;
}

void ht_site_rank_done(struct ht_site_rank *rank)
{
	free(rank->sites);
	*rank = (struct ht_site_rank){ 0 };
}
