/* SPDX-License-Identifier: MIT */
/* The pairs of places that allocate and free most. Analyzer. */
#ifndef HT_FREE_RANK_H
#define HT_FREE_RANK_H

#include "analyzer/report/report.h"

/* By falling number of frees, then of bytes. Valid as long as the results do not change; release pairs with free(). */
struct ht_free_rank {
	const struct ht_free_pair **pairs;
	size_t n_pairs;
};

/* Those whose allocation's stack the filter of the report, if any, shows. */
struct ht_free_rank ht_free_rank_new(const struct ht_report *report);

#endif
