/* SPDX-License-Identifier: MIT */
/* What each site allocated, held and gave back. Analyzer. */
#include "analyzer/agg/site_table.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

void ht_site_table_init(struct ht_site_table *table, size_t n_stacks)
{
	*table = (struct ht_site_table){
		.site_of_stack = ht_xalloc_zeroed(n_stacks, sizeof(uint32_t)),
		.n_stacks = n_stacks,
	};
}

void ht_site_table_done(struct ht_site_table *table)
{
	if (!table)
		return;
	free(table->sites);
	free(table->site_of_stack);
	*table = (struct ht_site_table){ 0 };
}

uint32_t ht_site_table_need(struct ht_site_table *table, uint32_t stack)
{
	uint32_t *slot = &table->site_of_stack[stack];

	if (*slot == 0) {
		table->sites = ht_xalloc_grow(table->sites, &table->capacity, table->n_sites + 1,
		                              sizeof(*table->sites));
		table->sites[table->n_sites] = (struct ht_site){ .stack = stack };
		*slot = (uint32_t)++table->n_sites;
	}
	return *slot - 1;
}

void ht_site_table_finish(struct ht_site_table *table)
{
	for (size_t i = 0; i < table->n_sites; i++)
		ht_site_table_touch(table, &table->sites[i]);
}

bool ht_site_is_growing(const struct ht_site *site)
{
	uint64_t least = site->leaked_bytes / 10, before = 0;

	for (int i = 0; i <= HT_N_QUARTERS; i++) {
		uint64_t now = i < HT_N_QUARTERS ? site->at_quarter_bytes[i] : site->leaked_bytes;

		if (now < before || now - before <= least)
			return false;
		before = now;
	}
	return true;
}

void ht_site_table_keep_quarter(struct ht_site_table *table, unsigned quarter)
{
	for (size_t i = 0; i < table->n_sites; i++)
		table->sites[i].at_quarter_bytes[quarter] = table->sites[i].live_bytes;
}
