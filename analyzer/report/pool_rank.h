/* SPDX-License-Identifier: MIT */
/* Who made the objects of pools, in the order in which reports list it. Analyzer. */
#ifndef HT_POOL_RANK_H
#define HT_POOL_RANK_H

#include "analyzer/report/report.h"

#include <stddef.h>

/* Sites that allocated, or have something at the peak: most bytes at the peak first, then most left, then most allocated. */
struct ht_pool_rank {
	const struct ht_pool_site **sites;
	size_t n_sites;
};

/* To be released with free(rank.sites). The sites are those of report->pools, if its filter shows them. */
struct ht_pool_rank ht_pool_rank_new(const struct ht_report *report);

#endif
