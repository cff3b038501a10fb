/* SPDX-License-Identifier: MIT */
/* Lines of a text file that may be gzip or zstd. Analyzer, one thread at a time. */
#ifndef HT_PACKED_LINES_H
#define HT_PACKED_LINES_H

#include <heaptide/error.h>

#include <stddef.h>
#include <stdint.h>

struct ht_packed_lines;

/* A longer line is an error: nobody writes one. */
#define HT_PACKED_LINE_MAX_BYTES (16u << 20)

/* Errors: HT_ERR_IO, with *diag filled. */
enum ht_err ht_packed_lines_open(const char *path, struct ht_packed_lines **ret_lines,
                                 struct ht_diag *diag) HT_MUST_CHECK;

/* NULL is fine. */
void ht_packed_lines_close(struct ht_packed_lines *lines);

/*
 * The next line without its end, NUL-terminated (it may have NULs inside), valid until the next call. A last
 * line without an end counts. HT_ERR_END after the last one; HT_ERR_IO, HT_ERR_CORRUPT (not what gzip or
 * zstd writes, or cut off), HT_ERR_LIMIT (a line too long), with *diag filled.
 */
enum ht_err ht_packed_lines_next(struct ht_packed_lines *lines, char **ret_line,
                                 size_t *ret_n_bytes, struct ht_diag *diag) HT_MUST_CHECK;

/* How many lines there were by now. */
uint64_t ht_packed_lines_count(const struct ht_packed_lines *lines);

#endif
