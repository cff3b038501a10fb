/* SPDX-License-Identifier: MIT */
/* The sites that matter most for a question. Analyzer. */
#ifndef HT_SITE_RANK_H
#define HT_SITE_RANK_H

#include "analyzer/agg/site_table.h"

#include <stddef.h>
#include <stdint.h>

enum ht_site_order {
	HT_BY_AT_PEAK_BYTES,
	HT_BY_LEAKED_BYTES,
	HT_BY_SHORT_LIVED, /* number; then temporary ones */
	HT_BY_ALLOCATIONS,
	HT_BY_OWN_PEAK_BYTES, /* then calls */
};

/* Sites of a table by falling value; those with nothing to say for the question are left out. */
struct ht_site_rank {
	const struct ht_site **sites;
	size_t n_sites;
};

/* To be released with ht_site_rank_done; valid as long as the table does not change. */
struct ht_site_rank ht_site_rank_new(const struct ht_site_table *table, enum ht_site_order order);
void ht_site_rank_done(struct ht_site_rank *rank);

#endif
