/* SPDX-License-Identifier: MIT */
/* What allocators need for a block beside what was asked for. Analyzer. */
#ifndef HT_BLOCK_OVERHEAD_H
#define HT_BLOCK_OVERHEAD_H

#include "analyzer/model/process_selection.h"
#include "analyzer/model/trace_model.h"

#include <stdbool.h>
#include <stdint.h>

enum ht_block_layout {
	HT_LAYOUT_UNKNOWN,
	HT_LAYOUT_GLIBC, /* a word beside each block, multiples of 16 bytes, 32 at least (glibc's malloc.c, 64 bits) */
	HT_LAYOUT_JEMALLOC, /* nothing beside it, size classes (jemalloc(3), IMPLEMENTATION NOTES) */
};

/* That of all processes of the selection (NULL: all), or UNKNOWN when they differ. */
enum ht_block_layout ht_block_layout_of(const struct ht_trace_model *model,
                                        const struct ht_process_selection *selection);

/* "glibc's malloc", "jemalloc" */
const char *ht_block_layout_name(enum ht_block_layout layout);

/* Bytes beside those asked for, of blocks below a page: of one of these bytes, or is_mean: the least that blocks of this mean can have. */
uint64_t ht_block_overhead(enum ht_block_layout layout, uint64_t bytes, bool is_mean);

#endif
