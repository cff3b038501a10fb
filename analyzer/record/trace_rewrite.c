/* SPDX-License-Identifier: MIT */
/* Copies a trace block by block, exchanging those of one type. Analyzer. */
#include "analyzer/record/trace_rewrite.h"

#include "analyzer/base/diag.h"
#include "analyzer/read/block_prefix.h"

/* For the new blocks; the others stay compressed as they are. Small and read often. */
#define LEVEL 3

static enum ht_err copy_block(const struct ht_trace_file *file, const struct ht_block *block,
			      struct ht_body *body, struct ht_block_writer *blocks,
			      struct ht_diag *diag)
{
	struct ht_block_header header;
	/* Decompresses it too, which checks it. */
	enum ht_err err = ht_trace_file_load(file, block, body, diag);

	if (err != HT_OK)
		return err;
	if (!ht_block_prefix_parse(body->frame, &header))
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
				   "the header of a block is damaged");
	return ht_block_writer_copy(blocks, &header, body->frame, diag);
}

enum ht_err ht_trace_rewrite(const struct ht_trace_file *file, int fd, enum ht_block_type type,
			     ht_trace_rewrite_fn *add, void *context, struct ht_diag *diag)
{
	struct ht_clock_pair last = ht_trace_file_last_clock(file);
	size_t n_blocks;
	const struct ht_block *list = ht_trace_file_blocks(file, &n_blocks);
	struct ht_block_writer *blocks = NULL;
	struct ht_body body = { 0 };
	bool is_added = false;
	enum ht_err err = ht_block_writer_new(fd, NULL, LEVEL, &blocks);

	if (err != HT_OK)
		return ht_diag_set(diag, err, UINT64_MAX, UINT64_MAX, "out of memory");
	ht_block_writer_set_time(blocks, (struct ht_clock_reading){ last.tick, last.ns });
	for (size_t i = 0; i < n_blocks && err == HT_OK; i++) {
		if (list[i].type == type)
			continue;
		if (list[i].type == HT_BLOCK_END && !is_added) {
			is_added = true;
			err = add(context, blocks, diag);
		}
		if (err == HT_OK)
			err = copy_block(file, &list[i], &body, blocks, diag);
	}
	if (err == HT_OK && !is_added)
		err = add(context, blocks, diag);
	if (err == HT_OK && ht_trace_file_end(file) == HT_FILE_END_GOOD)
		err = ht_block_writer_finish(blocks, diag);
	ht_body_done(&body);
	ht_block_writer_free(blocks);
	return err;
}
