/* SPDX-License-Identifier: MIT */
/* The sites that matter most for a question. Analyzer. */
#include "analyzer/report/site_rank.h"

#include "analyzer/base/compare.h"
#include "analyzer/base/xalloc.h"

#include <stdlib.h>

struct ht_site_keys ht_site_order_keys(enum ht_site_order order)
{
	static const struct ht_site_keys keys[] = {
		[HT_BY_AT_PEAK_BYTES] = { HT_VALUE_AT_PEAK_BYTES, HT_VALUE_AT_PEAK_ALLOCATIONS },
		[HT_BY_LEAKED_BYTES] = { HT_VALUE_LEAKED_BYTES, HT_VALUE_LEAKED_ALLOCATIONS },
		[HT_BY_SHORT_LIVED] = { HT_VALUE_SHORT_LIVED_ALLOCATIONS,
		                        HT_VALUE_TEMPORARY_ALLOCATIONS },
		[HT_BY_ALLOCATIONS] = { HT_VALUE_ALLOCATIONS, HT_VALUE_ALLOCATED_BYTES },
		[HT_BY_OWN_PEAK_BYTES] = { HT_VALUE_OWN_PEAK_BYTES, HT_VALUE_ALLOCATED_BYTES },
	};

	return keys[order];
}

static int compare(const void *va, const void *vb, void *vkeys)
{
	const struct ht_site *a = *(const struct ht_site *const *)va;
	const struct ht_site *b = *(const struct ht_site *const *)vb;
	const struct ht_site_keys *keys = vkeys;
	const enum ht_site_value values[] = { keys->first, keys->second };

	for (int i = 0; i < 2; i++) {
		uint64_t of_a = ht_site_value_of(a, values[i]);
		uint64_t of_b = ht_site_value_of(b, values[i]);

		if (of_a != of_b)
			return of_a > of_b ? -1 : 1;
	}
	return a->stack < b->stack ? -1 : a->stack > b->stack;
}

/* What leaked first comes first. */
static int compare_leak_ages(const void *va, const void *vb, void *vkeys)
{
	const struct ht_site *a = *(const struct ht_site *const *)va;
	const struct ht_site *b = *(const struct ht_site *const *)vb;

	if (!a->n_leaked != !b->n_leaked)
		return a->n_leaked ? -1 : 1;
	if (a->n_leaked && a->oldest_leak_tick != b->oldest_leak_tick)
		return ht_compare_u64(a->oldest_leak_tick, b->oldest_leak_tick);
	return compare(va, vb, vkeys);
}

struct ht_site_rank ht_site_rank_new(const struct ht_site_table *table, enum ht_site_order order,
                                     const struct ht_site_choice *choice)
{
	struct ht_site_rank rank = { ht_xalloc_zeroed(table->n_sites, sizeof(*rank.sites)), 0 };
	struct ht_site_keys keys = ht_site_order_keys(order);

	for (size_t i = 0; i < table->n_sites; i++) {
		const struct ht_site *site = &table->sites[i];

		if (choice->is_shown && !choice->is_shown[i])
			continue;
		/* A list of all sites has those of empty blocks, too. */
		if (ht_site_value_of(site, keys.first) || ht_site_value_of(site, keys.second) ||
		    (order == HT_BY_OWN_PEAK_BYTES && site->n_allocations + site->n_reallocations))
			rank.sites[rank.n_sites++] = site;
	}
	if (choice->has_sort)
		keys.first = choice->sort;
	qsort_r(rank.sites, rank.n_sites, sizeof(*rank.sites),
	        choice->is_by_leak_age ? compare_leak_ages : compare, &keys);
	return rank;
}

void ht_site_rank_done(struct ht_site_rank *rank)
{
	free(rank->sites);
	*rank = (struct ht_site_rank){ 0 };
}
