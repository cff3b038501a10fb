/* SPDX-License-Identifier: MIT */
/* The names that a trace brings along in its SYMBOLS blocks. Analyzer, one thread at a time. */
#ifndef HT_STORED_SYMBOLS_H
#define HT_STORED_SYMBOLS_H

#include "analyzer/symbols/symbolizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_stored_symbols;

#define HT_NO_STORED_MODULE SIZE_MAX

/* An empty collection. Never NULL. */
struct ht_stored_symbols *ht_stored_symbols_new(void);

/* Release it and every name it gave. NULL is fine. */
void ht_stored_symbols_free(struct ht_stored_symbols *stored);

/* Take the body of a SYMBOLS block. False when it is damaged; nothing of it is taken then. */
bool ht_stored_symbols_add(struct ht_stored_symbols *stored, const uint8_t *body, size_t n_bytes,
			   uint64_t n_items);

/* How many addresses there are. */
uint64_t ht_stored_symbols_count(const struct ht_stored_symbols *stored);

/* The number of a module that has stored names, or HT_NO_STORED_MODULE. */
size_t ht_stored_symbols_module(const struct ht_stored_symbols *stored, const char *path,
				const uint8_t *build_id, size_t build_id_bytes);

/* Why there are no names for a module, "" when there are. Owned by stored. */
const char *ht_stored_symbols_problem(const struct ht_stored_symbols *stored, size_t module);

/*
 * The frames of an address of a module, innermost first, at most max, with names as linkers write
 * them; module fields are left alone. False when the trace says nothing about this address; true with
 * *ret_n_frames 0 when it says that nothing is known.
 */
bool ht_stored_symbols_find(const struct ht_stored_symbols *stored, size_t module, uint64_t addr,
			    struct ht_frame_name *frames, size_t max, size_t *ret_n_frames);

#endif
