/* SPDX-License-Identifier: MIT */
/* The few numbers that `record` prints when it is done. Analyzer. */
#include "analyzer/replay/summary.h"

#include "analyzer/replay/replay.h"

enum ht_err ht_summary_of_trace(const char *path, struct ht_summary *ret_summary,
                                struct ht_diag *diag)
{
	const struct ht_replay_options options = { .short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT };
	struct ht_trace_file *file = NULL;
	struct ht_trace_model model;
	struct ht_results results;
	enum ht_err err = ht_trace_file_open(path, &file, diag);

	if (err)
		return err;
	err = ht_trace_model_load(&model, file, diag);
	if (err) {
		ht_trace_file_close(file);
		return err;
	}
	ht_replay_run(file, &model, &options, &results);
	*ret_summary = (struct ht_summary){
		.n_events = results.totals.n_events,
		.n_allocations = results.totals.n_allocations,
		.n_frees = results.totals.n_frees,
		.n_reallocations = results.totals.n_reallocations,
		.allocated_bytes = results.totals.allocated_bytes,
		.peak_bytes = results.sites.peak_bytes,
		.peak_time_ns = ht_tick_clock_ns(&model.clock, results.sites.peak_tick),
		.leaked_bytes = results.totals.leaked_bytes,
		.leaked_blocks = results.totals.n_leaked,
		.n_lost_events = results.totals.n_lost_events,
		.n_unknown_frees = results.totals.n_unknown_frees,
		.duration_ns = ht_tick_clock_ns(&model.clock, results.end_tick),
		.n_damages = ht_trace_file_n_damages(file),
		.n_processes = (uint32_t)model.processes.n_processes,
		.n_threads = (uint32_t)results.totals.n_threads,
	};
	ht_results_done(&results);
	ht_trace_model_done(&model);
	ht_trace_file_close(file);
	return HT_OK;
}
