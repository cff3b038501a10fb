/* SPDX-License-Identifier: MIT */
/* What a replay of a trace found. Analyzer. */
#include "analyzer/agg/results.h"

#include <stdlib.h>

void ht_results_done(struct ht_results *results)
{
	if (!results)
		return;
	free(results->processes);
	free(results->threads);
	free(results->size_counts);
	free(results->lifetime_counts);
	ht_site_details_done(&results->details);
	ht_free_pairs_done(&results->frees);
	ht_phase_list_done(&results->phases);
	ht_site_table_done(&results->sites);
	ht_rate_windows_done(&results->rate);
	*results = (struct ht_results){ 0 };
}
