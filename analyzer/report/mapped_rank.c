/* SPDX-License-Identifier: MIT */
/* Sorts those who mapped memory. Analyzer. */
#include "analyzer/report/mapped_rank.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

static int compare_sites(const void *va, const void *vb)
{
	const struct ht_mapped_site *a = *(const struct ht_mapped_site *const *)va;
	const struct ht_mapped_site *b = *(const struct ht_mapped_site *const *)vb;

	if (a->at_peak_bytes != b->at_peak_bytes)
		return a->at_peak_bytes > b->at_peak_bytes ? -1 : 1;
	if (a->left_bytes != b->left_bytes)
		return a->left_bytes > b->left_bytes ? -1 : 1;
	return a->stack < b->stack ? -1 : a->stack > b->stack;
}

struct ht_mapped_rank ht_mapped_rank_new(const struct ht_report *report)
{
	const struct ht_mapped *mapped = report->mapped;
	struct ht_mapped_rank rank = {
		.sites = ht_xalloc_zeroed(mapped->n_sites, sizeof(*rank.sites)),
	};

	for (size_t i = 0; i < mapped->n_sites; i++) {
		if ((mapped->sites[i].at_peak_bytes || mapped->sites[i].left_bytes) &&
		    ht_report_shows_stack(report, mapped->sites[i].stack))
			rank.sites[rank.n_sites++] = &mapped->sites[i];
	}
	qsort(rank.sites, rank.n_sites, sizeof(*rank.sites), compare_sites);
	return rank;
}
