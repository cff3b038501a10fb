/* SPDX-License-Identifier: MIT */
/* The lines that `record` ends with. Analyzer. */
#ifndef HT_RECORD_SUMMARY_H
#define HT_RECORD_SUMMARY_H

#include "analyzer/record/recorder.h"

#include <stdbool.h>

struct ht_record_summary {
	const char *program; /* as the user named it */
	int wait_status;     /* of the program */
	const char *trace_path;
	bool is_readable; /* trace_path is a file that can be read again */
	bool was_interrupted; /* the user ended the recording before the last process */
	const struct ht_recorder_result *result;
};

/* On stderr: how the program ended, events, peak, leaks, the file, what to type next. */
void ht_record_summary_print(const struct ht_record_summary *summary);

/*
 * On stderr: that nothing was recorded and what the reason may be. path is the executed file, n_unwanted
 * how many programs were left out because the user wanted it.
 */
void ht_record_summary_print_nothing(const char *program, const char *path, int wait_status,
				     uint32_t n_unwanted);

/* On stderr, one line: why the trace is not complete. */
void ht_record_summary_print_failure(const struct ht_recorder_result *result,
				     const char *trace_path);

#endif
