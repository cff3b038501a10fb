/* SPDX-License-Identifier: MIT */
/* What a report shows besides the results of a replay, as far as the trace has it. Analyzer. */
#ifndef HT_REPORT_EXTRAS_H
#define HT_REPORT_EXTRAS_H

#include "analyzer/report/report.h"

#include <stdbool.h>

struct ht_report_extras {
	struct ht_mapped mapped;
	struct ht_pools pools;
	struct ht_misuses misuses;
	bool has_mapped;
	bool has_pools;
};

/*
 * Find out, for the window and processes that results are of. n_jobs as in ht_event_merge_new. To be released with
 * ht_report_extras_done.
 */
void ht_report_extras_run(struct ht_trace_file *file, struct ht_trace_model *model,
                          const struct ht_results *results,
                          const struct ht_process_selection *selection,
                          struct ht_symbolizer *symbolizer, unsigned n_jobs,
                          struct ht_report_extras *ret_extras);

/* Put them into a report; extras must outlive it. */
void ht_report_extras_apply(const struct ht_report_extras *extras, struct ht_report *report);

/* NULL is fine. */
void ht_report_extras_done(struct ht_report_extras *extras);

#endif
