/* SPDX-License-Identifier: MIT */
/* Putting a trace with some blocks exchanged in the place of another, or of itself. Analyzer. */
#ifndef HT_TRACE_REPLACE_H
#define HT_TRACE_REPLACE_H

#include "analyzer/record/trace_rewrite.h"

#include <stdbool.h>

/*
 * The path of the file to be replaced, to be released: output, or the trace itself when that is NULL; behind a
 * symbolic link it is the one that the link names. NULL, after telling why, when that must not be.
 */
char *ht_trace_replace_path(const char *trace_path, const char *output, bool is_forced);

/*
 * Write the trace, as ht_trace_rewrite() does, beside path, with the rights that the file at trace_path
 * has; then put it there. False, after telling why, when that failed: nothing was changed then.
 */
bool ht_trace_replace(const char *trace_path, const struct ht_trace_file *file, const char *path,
                      enum ht_block_type type, ht_trace_rewrite_fn *add, void *context);

/* Written anew, a trace with gaps would look as if it were whole. A cut end stays cut, though. */
bool ht_trace_replace_is_lossy(const struct ht_trace_file *file);

#endif
