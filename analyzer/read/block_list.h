/* SPDX-License-Identifier: MIT */
/* Finding the blocks of a trace: by its index, or by walking through the file. Analyzer. */
#ifndef HT_BLOCK_LIST_H
#define HT_BLOCK_LIST_H

#include "analyzer/read/file_bytes.h"
#include "analyzer/read/trace_file.h"

#include <stdbool.h>

/* Blocks in file order. All zero is an empty list. */
struct ht_block_list {
	struct ht_block *blocks; /* without INDEX blocks */
	size_t n_blocks;
	size_t capacity;
	struct ht_clock_pair
	        first_clock; /* of the first and of the last whole block, INDEX included */
	struct ht_clock_pair last_clock;
	bool has_clock;
	bool has_trailer;
	uint64_t
	        index_off_bytes; /* where an INDEX block was found while walking; UINT64_MAX: none */
};

/* Told about each damage that was found. */
typedef void ht_block_damage_fn(void *context, const struct ht_diag *diag);

void ht_block_list_done(struct ht_block_list *list);

/* Add one block; the INDEX is remembered, not listed. */
void ht_block_list_add(struct ht_block_list *list, const struct ht_block_header *header,
                       uint64_t off_bytes);

/*
 * Walk through the whole file from byte 0 and list every block whose prefix is valid and whose frame
 * is whole. Bytes that are no block are reported, and the walk goes on at the next valid prefix.
 * Reads headers only, unless it must search.
 */
void ht_block_list_scan(struct ht_block_list *list, const struct ht_file_bytes *file,
                        ht_block_damage_fn *damage, void *context);

/*
 * List what the body of the INDEX block at index_off_bytes says. False, with the list empty and *diag
 * filled, when the entries cannot be true: they must lie one after another from byte 0 and end where the
 * INDEX begins. Clock pairs are left alone.
 */
bool ht_block_list_from_index(struct ht_block_list *list, const uint8_t *body, size_t n_bytes,
                              uint64_t n_entries, uint64_t index_off_bytes, uint64_t zero_tick,
                              struct ht_diag *diag);

#endif
