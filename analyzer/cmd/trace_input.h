/* SPDX-License-Identifier: MIT */
/* What all commands that read a trace do first. Analyzer. */
#ifndef HT_TRACE_INPUT_H
#define HT_TRACE_INPUT_H

#include "analyzer/agg/results.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/read/trace_file.h"
#include "analyzer/replay/replay.h"

#include <stdbool.h>

/* A trace that is open. */
struct ht_trace_input {
	struct ht_trace_file *file;
	struct ht_trace_model model;
	bool is_being_recorded; /* a recorder still holds it; what is read is what was there */
};

/*
 * Open the trace and read all but its events, complaining on stderr when that fails. When it is still
 * being recorded, wait for its end, HT_INPUT_WAIT_SECONDS at most.
 */
#define HT_INPUT_WAIT_SECONDS 5
bool ht_trace_input_open(struct ht_trace_input *input, const char *path, bool is_scanning);

/*
 * Replay events of the trace into *ret_results; progress is not options' but told here. When that takes long and stderr is a terminal, a line
 * there says how far it is, and is wiped out at the end.
 */
void ht_trace_input_replay(struct ht_trace_input *input, const struct ht_replay_options *options,
                           struct ht_results *ret_results);

/* NULL and closed ones are fine. */
void ht_trace_input_close(struct ht_trace_input *input);

/* Tell on stderr that something in the file could not be read, if so. */
void ht_trace_input_warn(const struct ht_trace_input *input, const char *path);

#endif
