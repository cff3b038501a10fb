/* SPDX-License-Identifier: MIT */
/* Numbers of the processes of a report, put together by program. Analyzer. */
#ifndef HT_PROGRAM_SUMS_H
#define HT_PROGRAM_SUMS_H

#include "analyzer/report/report.h"

struct ht_program_sum {
	const char *name;
	size_t n_processes;
	uint64_t max_peak_bytes; /* the largest of one process */
	uint64_t leaked_bytes;
	uint64_t n_leaked;
	uint64_t n_allocations;
	uint64_t allocated_bytes;
};

/* By falling peak; to be released with free(3). Names are the model's. */
struct ht_program_sum *ht_program_sums_new(const struct ht_report *report, size_t *ret_n);

#endif
