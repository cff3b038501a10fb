/* SPDX-License-Identifier: MIT */
/* The EVENTS blocks of a trace, decoded ahead by a pool of threads, handed out in file order. Analyzer. */
#ifndef HT_EVENT_POOL_H
#define HT_EVENT_POOL_H

#include "analyzer/read/event_block.h"

struct ht_event_pool;

/*
 * Decode the EVENTS blocks among blocks[0..n_blocks), a part of those of file, with n_jobs threads, of which the
 * caller of take is one; where threads cannot be had, fewer do. 0 is as many as there are processors.
 * Both arrays must outlive the pool. Errors of the file are take's. Release with ht_event_pool_free().
 */
struct ht_event_pool *ht_event_pool_new(const struct ht_trace_file *file,
                                        const struct ht_block *blocks, size_t n_blocks,
                                        unsigned n_jobs);

/* NULL is fine. Waits for what threads are doing. */
void ht_event_pool_free(struct ht_event_pool *pool);

/*
 * Exchange *block, which is to be used again, for the next EVENTS block, which is blocks[*ret_i_block].
 * HT_ERR_END after the last one. When it cannot be decoded: HT_ERR_IO, HT_ERR_TRUNCATED or
 * HT_ERR_CORRUPT, with *ret_i_block and *diag filled; the block after it can be taken next.
 */
enum ht_err ht_event_pool_take(struct ht_event_pool *pool, struct ht_event_block *block,
                               size_t *ret_i_block, struct ht_diag *diag) HT_MUST_CHECK;

#endif
