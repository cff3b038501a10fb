/* SPDX-License-Identifier: MIT */
/* Makes the bodies of SYMBOLS blocks. Analyzer, one thread at a time. */
#ifndef HT_SYMBOL_BLOCK_H
#define HT_SYMBOL_BLOCK_H

#include "analyzer/symbols/symbolizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_symbol_block;

/* Takes a finished body, which is valid during the call. False: no more are wanted. */
typedef bool ht_symbol_block_fn(void *context, const uint8_t *body, size_t n_bytes,
				uint64_t n_items);

/* When a block is full. Tests make it small. */
struct ht_symbol_block_limits {
	size_t max_addresses;
	size_t max_bytes; /* a block may become larger by one address */
};
extern const struct ht_symbol_block_limits ht_symbol_block_default_limits;

/* limits may be NULL. Never NULL; release with ht_symbol_block_free(), which writes nothing. */
struct ht_symbol_block *ht_symbol_block_new(const struct ht_symbol_block_limits *limits,
					    ht_symbol_block_fn *sink, void *context);
void ht_symbol_block_free(struct ht_symbol_block *block);

/*
 * The addresses from here on are of this module; the strings need to live until the next call or
 * flush. problem is "" or why there are no names. A module may come once.
 */
void ht_symbol_block_module(struct ht_symbol_block *block, const char *path,
			    const uint8_t *build_id, size_t build_id_bytes, const char *problem);

/*
 * An address of the module, larger than the one before, and its frames, innermost first, with names as
 * linkers write them. The module fields are not looked at.
 */
void ht_symbol_block_address(struct ht_symbol_block *block, uint64_t addr,
			     const struct ht_frame_name *frames, size_t n_frames);

/* Give what is left to the sink. False when the sink wanted no more, now or before. */
bool ht_symbol_block_flush(struct ht_symbol_block *block);

#endif
