/* SPDX-License-Identifier: MIT */
/* Reads the SYMBOLS blocks of a trace. Analyzer. */
#include "analyzer/cmd/trace_symbols.h"

#include "analyzer/base/diag.h"

struct ht_stored_symbols *ht_trace_symbols_load(struct ht_trace_input *input)
{
	struct ht_stored_symbols *stored = ht_stored_symbols_new();
	struct ht_body body = { 0 };
	size_t n_blocks;
	const struct ht_block *blocks = ht_trace_file_blocks(input->file, &n_blocks);

	for (size_t i = 0; i < n_blocks; i++) {
		const struct ht_block *b = &blocks[i];
		struct ht_diag diag;

		if (b->type != HT_BLOCK_SYMBOLS)
			continue;

		enum ht_err err = ht_trace_file_load(input->file, b, &body, &diag);

		if (!err && !ht_stored_symbols_add(stored, body.bytes, body.n_bytes, b->n_items))
			err = ht_diag_set(&diag, HT_ERR_CORRUPT, b->off_bytes, b->seq,
			                  "names of functions are damaged");
		if (err)
			ht_trace_file_note_damage(input->file, &diag);
	}
	ht_body_done(&body);
	return stored;
}
