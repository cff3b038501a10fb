/* SPDX-License-Identifier: MIT */
/* Several traces, replayed and with names, for commands that compare them. Analyzer. */
#include "analyzer/cmd/trace_runs.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/cmd/trace_symbols.h"
#include "analyzer/export/sum.h"
#include "analyzer/replay/replay.h"
#include "analyzer/report/leak_class.h"

#include <stdlib.h>
#include <sys/stat.h>

struct ht_trace_run {
	struct ht_trace_input input;
	struct ht_results results;
	struct ht_stored_symbols *stored;
	struct ht_symbolizer *symbolizer;
	struct ht_leak_classes leaks;
	struct ht_sum *sum; /* instead of the others; NULL: a trace */
};

/* False, with a complaint, when the trace does not say all that happened. */
static bool is_complete(const struct ht_trace_run *run, const char *path)
{
	uint64_t n_lost = run->results.totals.n_lost_events;

	ht_trace_input_warn(&run->input, path);
	if (n_lost > 0)
		ht_cmd_complain("%s: %llu events were lost", path, (unsigned long long)n_lost);
	return n_lost == 0 && !run->input.is_being_recorded && run->results.n_damaged_blocks == 0 &&
	       ht_trace_file_end(run->input.file) == HT_FILE_END_GOOD &&
	       ht_trace_file_n_damages(run->input.file) == 0;
}

const char *ht_trace_runs_load(struct ht_trace_runs *runs, const char *const *paths, size_t n_paths,
                               bool is_strict, bool are_sums)
{
	const struct ht_replay_options options = { .short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT };

	runs->runs = ht_xalloc_zeroed(n_paths, sizeof(*runs->runs));
	runs->named = ht_xalloc_zeroed(n_paths, sizeof(*runs->named));
	for (size_t i = 0; i < n_paths; i++) {
		struct ht_trace_run *run = &runs->runs[i];

		if (are_sums && ht_sum_is_sum(paths[i])) {
			struct ht_diag diag;

			if (ht_sum_load(paths[i], &run->sum, &diag)) {
				ht_cmd_complain("%s", diag.msg);
				return paths[i];
			}
			runs->n_runs++;
			runs->named[i] = (struct ht_named_run){ paths[i], &run->sum->model,
				                                &run->sum->results, NULL, NULL };
			continue;
		}
		if (!ht_trace_input_open(&run->input, paths[i], false))
			return paths[i];
		runs->n_runs++;
		ht_trace_input_replay(&run->input, &options, &run->results);
		run->stored = ht_trace_symbols_load(&run->input);
		run->symbolizer = ht_symbolizer_new();
		ht_symbolizer_set_stored(run->symbolizer, run->stored, false);
		runs->named[i] = (struct ht_named_run){ paths[i], &run->input.model, &run->results,
			                                run->symbolizer, NULL };
		if (!is_complete(run, paths[i]) && is_strict)
			return paths[i];
	}
	return NULL;
}

void ht_trace_runs_class_leaks(struct ht_trace_runs *runs,
                               const struct ht_frame_rules *suppressions)
{
	for (size_t i = 0; i < runs->n_runs; i++) {
		struct ht_trace_run *run = &runs->runs[i];

		run->leaks = ht_leak_classes_new(&run->input.model, &run->results.sites,
		                                 run->symbolizer, suppressions);
		runs->named[i].leaks = &run->leaks;
	}
}

const char *ht_trace_runs_find(const char *path, const struct ht_named_run *runs, size_t n_runs)
{
	struct stat out, in;

	if (stat(path, &out) < 0)
		return NULL;
	for (size_t i = 0; i < n_runs; i++) {
		if (stat(runs[i].path, &in) == 0 && in.st_dev == out.st_dev &&
		    in.st_ino == out.st_ino)
			return runs[i].path;
	}
	return NULL;
}

uint64_t ht_trace_runs_n_summed(const struct ht_trace_runs *runs, size_t i)
{
	return runs->runs[i].sum ? runs->runs[i].sum->n_runs : 1;
}

void ht_trace_runs_done(struct ht_trace_runs *runs)
{
	for (size_t i = 0; i < runs->n_runs; i++) {
		struct ht_trace_run *run = &runs->runs[i];

		if (run->sum) {
			ht_sum_free(run->sum);
			continue;
		}
		ht_leak_classes_done(&run->leaks);
		ht_symbolizer_free(run->symbolizer);
		ht_stored_symbols_free(run->stored);
		ht_results_done(&run->results);
		ht_trace_input_close(&run->input);
	}
	free(runs->named);
	free(runs->runs);
	*runs = (struct ht_trace_runs){ 0 };
}
