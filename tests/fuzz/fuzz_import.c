/* SPDX-License-Identifier: MIT */
/* Bytes as a heaptrack trace: imported, and what comes out is a whole trace with the numbers that import told. Tests. */
#include "fuzz_blocks.h"

#include "analyzer/import/heaptrack_import.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/replay/replay.h"
#include "tests/unit/trace_maker.h"

#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

static void must(bool is_true)
{
	if (!is_true)
		abort();
}

static void check_counts(const char *path, const struct ht_heaptrack_counts *counts)
{
	const struct ht_replay_options options = { .short_lived_age = 4, .n_jobs = 1 };
	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_results results;
	struct ht_diag diag;

	must(ht_trace_file_open(path, &file, &diag) == HT_OK);
	must(ht_trace_model_load(&model, file, &diag) == HT_OK);
	must(model.recording.has_end);
	ht_replay_run(file, &model, &options, &results);
	must(results.totals.n_allocations == counts->n_allocations);
	must(results.totals.n_frees == counts->n_frees);
	must(results.totals.n_lost_events == 0 && results.n_damaged_blocks == 0);
	for (unsigned i = 0; i < HT_N_ANOMALIES; i++)
		must(results.anomalies[i].n == 0);
	ht_results_done(&results);
	ht_trace_model_done(&model);
	ht_trace_file_close(file);
}

void fuzz_import(const uint8_t *bytes, size_t n_bytes)
{
	char *path = ht_trace_maker_temp_file(bytes, n_bytes);
	char *trace = ht_trace_maker_temp_file("", 0);
	int fd = open(trace, O_RDWR | O_CLOEXEC);
	struct ht_heaptrack_counts counts;
	struct ht_diag diag;

	must(fd >= 0);
	if (ht_heaptrack_import(path, fd, &counts, &diag) == HT_OK) {
		check_counts(trace, &counts);
		fuzz_trace(trace);
	}
	close(fd);
	unlink(trace);
	unlink(path);
	free(trace);
	free(path);
}
