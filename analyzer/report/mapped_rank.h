/* SPDX-License-Identifier: MIT */
/* Who mapped memory, in the order in which reports list it. Analyzer. */
#ifndef HT_MAPPED_RANK_H
#define HT_MAPPED_RANK_H

#include "analyzer/report/report.h"

#include <stddef.h>

/* Sites that have something at the peak or at the end: most bytes at the peak first, then most left. */
struct ht_mapped_rank {
	const struct ht_mapped_site **sites;
	size_t n_sites;
};

/* To be released with free(rank.sites). The sites are those of report->mapped, if its filter shows them. */
struct ht_mapped_rank ht_mapped_rank_new(const struct ht_report *report);

#endif
