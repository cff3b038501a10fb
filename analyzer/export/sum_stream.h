/* SPDX-License-Identifier: MIT */
/* Files with sums of recordings, record by record: no more than one of each file is in memory. Analyzer. */
#ifndef HT_SUM_STREAM_H
#define HT_SUM_STREAM_H

#include "analyzer/base/strbuf.h"

#include <heaptide/error.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

/* Records come in this order, each kind sorted by its bytes; see heaptide-merge(1). */
enum ht_sum_kind {
	HT_SUM_HEAD = 1, /* version, age and unit of short-lived blocks */
	HT_SUM_RUN = 2,
	HT_SUM_SIZES = 3,     /* counts by size */
	HT_SUM_LIFETIMES = 4, /* counts by lifetime */
	HT_SUM_PLACE = 5,
	HT_SUM_END = 6,
};

#define HT_SUM_VERSION 1u

struct ht_sum_reader;
struct ht_sum_writer;

/* Whether it is a regular file that begins like a sum. */
bool ht_sum_is_sum(const char *path);

/* file is taken over, also when this fails; name is for messages and must live as long. */
enum ht_err ht_sum_reader_open(FILE *file, const char *name, struct ht_sum_reader **ret_reader,
                               struct ht_diag *diag) HT_MUST_CHECK;
void ht_sum_reader_close(struct ht_sum_reader *reader);

/* The next record, valid until the next call. HT_ERR_END behind the last, when the file is whole. */
enum ht_err ht_sum_reader_next(struct ht_sum_reader *reader, enum ht_sum_kind *ret_kind,
                               const uint8_t **ret_bytes, size_t *ret_n_bytes,
                               struct ht_diag *diag) HT_MUST_CHECK;

/* That a record is impossible. */
enum ht_err ht_sum_reader_refuse(const struct ht_sum_reader *reader, struct ht_diag *diag);

/* What is written goes to out, which stays the caller's, with its errors. */
struct ht_sum_writer *ht_sum_writer_new(FILE *out);
void ht_sum_writer_put(struct ht_sum_writer *writer, enum ht_sum_kind kind,
                       const struct ht_strbuf *record);
void ht_sum_writer_finish(struct ht_sum_writer *writer);

#endif
