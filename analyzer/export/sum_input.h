/* SPDX-License-Identifier: MIT */
/* One summary that is read: every record is checked, and that they are in order. Analyzer. */
#ifndef HT_SUM_INPUT_H
#define HT_SUM_INPUT_H

#include "analyzer/agg/log_counts.h"
#include "analyzer/export/sum_record.h"
#include "analyzer/export/sum_stream.h"

/* The record it is at; strings and bytes are valid until the next one. */
struct ht_sum_input {
	struct ht_sum_reader *reader;
	enum ht_sum_kind kind; /* 0 at first */
	const uint8_t *bytes;
	size_t n_bytes;
	union {
		struct ht_sum_run run;
		struct ht_sum_place place;
		struct {
			uint64_t age;
			uint64_t unit;
		} head;
	};
	uint64_t n_runs; /* by now */
	uint64_t n_places;
	struct ht_strbuf last; /* what the one before was sorted by */
};

/* Takes file over; at its head afterwards. */
enum ht_err ht_sum_input_open(struct ht_sum_input *input, FILE *file, const char *name,
                              struct ht_diag *diag) HT_MUST_CHECK;
void ht_sum_input_close(struct ht_sum_input *input);

/* HT_ERR_END behind the last record. */
enum ht_err ht_sum_input_next(struct ht_sum_input *input, struct ht_diag *diag) HT_MUST_CHECK;

/* What records are sorted by, within a kind. */
const uint8_t *ht_sum_input_key(const struct ht_sum_input *input, size_t *ret_n_bytes);

/* Counts by size or lifetime, as a record; false when it is none. */
void ht_sum_counts_put(const struct ht_log_counts *counts, struct ht_strbuf *record);
bool ht_sum_counts_add(const uint8_t *record, size_t n_bytes,
                       struct ht_log_counts *counts) HT_MUST_CHECK;

#endif
