/* SPDX-License-Identifier: MIT */
/* Tables as Apache Parquet: plain values in columns, zstd, rows in groups. Analyzer, one thread at a time. */
#ifndef HT_PARQUET_FILE_H
#define HT_PARQUET_FILE_H

#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

enum ht_parquet_kind {
	HT_PARQUET_TEXT = 0,
	HT_PARQUET_NUMBER, /* below 2^63 */
	HT_PARQUET_TIME,   /* microseconds since 1970, UTC */
};

struct ht_parquet_column {
	const char *name;
	enum ht_parquet_kind kind;
};

struct ht_parquet_file;

/*
 * columns and out must outlive the file; errors of out are left in out. Rows are held until a group of them is
 * written, which is at most some 10 MB. Never NULL.
 */
struct ht_parquet_file *ht_parquet_file_new(const struct ht_parquet_column *columns,
                                            size_t n_columns, FILE *out);

/* The next value of a row, in the order of the columns, of a TEXT or of the others. NULL text is NULL in the table. */
void ht_parquet_file_put_text(struct ht_parquet_file *file, const char *text);
void ht_parquet_file_put_number(struct ht_parquet_file *file, uint64_t number);
void ht_parquet_file_put_null(struct ht_parquet_file *file);

/* Write what is left and what readers begin with, and release the file. */
void ht_parquet_file_finish(struct ht_parquet_file *file);

#endif
