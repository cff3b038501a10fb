/* SPDX-License-Identifier: MIT */
/* What a report shows besides the results of a replay, as far as the trace has it. Analyzer. */
#include "analyzer/report/report_extras.h"

void ht_report_extras_run(struct ht_trace_file *file, struct ht_trace_model *model,
                          const struct ht_results *results,
                          const struct ht_process_selection *selection,
                          struct ht_symbolizer *symbolizer, unsigned n_jobs,
                          struct ht_report_extras *ret_extras)
{
	struct ht_report_extras extras = {
		.has_mapped = model->recording.has_mappings,
		.has_pools = model->told.n_pool_calls > 0,
	};

	if (extras.has_mapped)
		ht_mapped_run(model, &results->window, selection, &extras.mapped);
	if (extras.has_pools)
		ht_pools_run(model, &results->window, selection, &extras.pools);
	ht_misuses_run(file, model, results, selection, symbolizer, n_jobs, &extras.misuses);
	*ret_extras = extras;
}

void ht_report_extras_apply(const struct ht_report_extras *extras, struct ht_report *report)
{
	report->mapped = extras->has_mapped ? &extras->mapped : NULL;
	report->pools = extras->has_pools ? &extras->pools : NULL;
	report->misuses = &extras->misuses;
}

void ht_report_extras_done(struct ht_report_extras *extras)
{
	if (!extras)
		return;
	ht_mapped_done(&extras->mapped);
	ht_pools_done(&extras->pools);
	ht_misuses_done(&extras->misuses);
}
