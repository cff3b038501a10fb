/* SPDX-License-Identifier: MIT */
/* The few numbers that `record` prints when it is done. Analyzer. */
#ifndef HT_SUMMARY_H
#define HT_SUMMARY_H

#include <heaptide/error.h>

#include <stdint.h>

struct ht_summary {
	uint64_t n_events;
	uint64_t n_allocations;
	uint64_t n_frees;
	uint64_t n_reallocations;
	uint64_t allocated_bytes;
	uint64_t peak_bytes;
	uint64_t peak_time_ns; /* trace time */
	uint64_t leaked_bytes; /* live when the processes ended, not counting ends by exec */
	uint64_t leaked_blocks;
	uint64_t n_lost_events;
	uint64_t n_unknown_frees;
	uint64_t duration_ns;
	uint64_t n_damages; /* places in the file that could not be read; 0 is usual */
	uint32_t n_processes;
	uint32_t n_threads;
};

/*
 * Read the trace at path once and sum it up. Locks on the file are ignored, so its own recorder may
 * ask while it still holds one; the file must be complete (END, INDEX and trailer written), else the
 * numbers are of what is there. Errors: those of opening a trace; *diag (may be NULL) says where.
 * Takes about 10 ns per event; [any thread].
 */
enum ht_err ht_summary_of_trace(const char *path, struct ht_summary *ret_summary,
                                struct ht_diag *diag) HT_MUST_CHECK;

#endif
