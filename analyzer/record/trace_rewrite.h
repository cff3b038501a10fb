/* SPDX-License-Identifier: MIT */
/* A trace once more, with blocks of one type exchanged. Analyzer. */
#ifndef HT_TRACE_REWRITE_H
#define HT_TRACE_REWRITE_H

#include "analyzer/read/trace_file.h"
#include "analyzer/record/block_writer.h"

/* Puts new blocks into the trace being written. Errors: HT_ERR_IO, HT_ERR_NOMEM, with *diag filled. */
typedef enum ht_err ht_trace_rewrite_fn(void *context, struct ht_block_writer *blocks,
					struct ht_diag *diag);

/*
 * Write file to fd (an empty file, stays the caller's) without its blocks of this type, and call add
 * where new ones belong, before END. Time in the trace stays as it was. A trace without end gets none.
 * A block that cannot be read ends it: what is lost must not look as if it had never been there.
 * Errors: HT_ERR_IO, HT_ERR_NOMEM, HT_ERR_CORRUPT, HT_ERR_TRUNCATED.
 */
enum ht_err ht_trace_rewrite(const struct ht_trace_file *file, int fd, enum ht_block_type type,
			     ht_trace_rewrite_fn *add, void *context, struct ht_diag *diag)
	HT_MUST_CHECK;

#endif
