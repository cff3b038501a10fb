/* SPDX-License-Identifier: MIT */
/* What a sum of recordings says of a run and of a place, and how two places become one. Analyzer. */
#ifndef HT_SUM_RECORD_H
#define HT_SUM_RECORD_H

#include "analyzer/base/strbuf.h"
#include "analyzer/report/site_value.h"

#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* In the order they are written. */
enum ht_sum_value {
	HT_SUM_DURATION_NS,
	HT_SUM_PROCESSES,
	HT_SUM_THREADS,
	HT_SUM_ALLOCATIONS,
	HT_SUM_FREES,
	HT_SUM_REALLOCATIONS,
	HT_SUM_ALLOCATED_BYTES,
	HT_SUM_PEAK_BYTES,
	HT_SUM_PEAK_ALLOCATIONS,
	HT_SUM_LEAKED_BYTES,
	HT_SUM_LEAKED_ALLOCATIONS,
	HT_SUM_TEMPORARY_ALLOCATIONS,
	HT_SUM_TEMPORARY_BYTES,
	HT_SUM_SHORT_LIVED_ALLOCATIONS,
	HT_SUM_SHORT_LIVED_BYTES,
	HT_SUM_CENSORED,
	HT_SUM_LOST_EVENTS,
	HT_SUM_INCOMPLETE, /* 1 for a recording without an end, or damaged */
	HT_N_SUM_VALUES,
};

/* Its name in JSON. */
const char *ht_sum_value_name(enum ht_sum_value value);

/* One recording. Strings are not ended by NUL, and are the record's. */
struct ht_sum_run {
	uint64_t realtime_ns; /* of its beginning, since 1970; 0: not known */
	const char *host;
	size_t n_host;
	const char *program;
	size_t n_program;
	uint64_t values[HT_N_SUM_VALUES];
};

void ht_sum_run_put(const struct ht_sum_run *run, struct ht_strbuf *record);
bool ht_sum_run_get(const void *record, size_t n_bytes, struct ht_sum_run *ret_run) HT_MUST_CHECK;

/* One frame. Parts that are not known have 0 bytes. */
struct ht_sum_frame {
	bool is_addr; /* has no name but module and addr */
	uint64_t addr;
	const char *function;
	size_t n_function;
	const char *module; /* without its directory */
	size_t n_module;
	const char *file;
	size_t n_file;
	uint32_t line;
	bool is_inlined;
};

/*
 * A place. key is what makes places one, in all runs: the functions and modules of the stack, innermost first;
 * where says the files and lines, of the first in order where they differ.
 */
struct ht_sum_place {
	const uint8_t *key;
	size_t n_key;
	const uint8_t *where;
	size_t n_where;
	uint64_t values[HT_N_SITE_VALUES];
	uint64_t own_peak_max_bytes; /* the most in one run; the value is the sum over runs */
	uint64_t n_runs;             /* that have it */
	uint64_t first_ns;           /* the earliest beginning of those */
	uint64_t last_ns;            /* and the latest */
};

void ht_sum_frame_put(const struct ht_sum_frame *frame, struct ht_strbuf *key,
                      struct ht_strbuf *where);
void ht_sum_place_put(const struct ht_sum_place *place, struct ht_strbuf *record);

/* Everything is checked, and lies in record. */
bool ht_sum_place_get(const void *record, size_t n_bytes,
                      struct ht_sum_place *ret_place) HT_MUST_CHECK;

/* The frames of a place, one by one: false behind the last. Both start as ht_get_init of key and where. */
bool ht_sum_frame_get(struct ht_get *key, struct ht_get *where, struct ht_sum_frame *ret_frame);

/*
 * Add a place with the same key to sum. Where they say different lines, the new ones go to *where, which must
 * live as long as sum. Numbers that do not fit stay at the largest one.
 */
void ht_sum_place_add(struct ht_sum_place *sum, const struct ht_sum_place *place, bool is_same_run,
                      struct ht_strbuf *where);

/* By bytes, the shorter one first: the order of a file. */
int ht_sum_compare(const void *a, size_t n_a, const void *b, size_t n_b);

/* Numbers and strings behind a record. */
void ht_sum_put_u64(struct ht_strbuf *record, uint64_t value);

#endif
