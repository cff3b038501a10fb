/* SPDX-License-Identifier: MIT */
/* What each site did in each part of the recording, and how often each size and lifetime occurred. Analyzer. */
#ifndef HT_WINDOW_CELLS_H
#define HT_WINDOW_CELLS_H

#include "analyzer/export/export.h"

#include <stddef.h>
#include <stdint.h>

/* The recording is cut into so many parts of equal length. */
#define HT_N_CELL_PARTS 100u

/* Sizes and lifetimes are counted by their number of bits. */
#define HT_N_MAGNITUDES 65u

/* One site in one part; parts in which a site did nothing have no cell. */
struct ht_window_cell {
	uint32_t site;
	uint32_t part;
	uint64_t n_allocations;
	uint64_t allocated_bytes; /* reallocations with their new size */
	int64_t live_bytes;       /* change of the live bytes */
	uint64_t leaked_bytes;    /* of blocks allocated (or last resized) here and never freed */
	uint64_t n_temporary;     /* freed here */
};

struct ht_window_cells {
	struct ht_window_cell *cells;
	size_t n_cells;
	uint64_t part_ns; /* the length of a part */
	uint64_t n_of_size[HT_N_MAGNITUDES];
	uint64_t n_of_lifetime[HT_N_MAGNITUDES]; /* in ns */
};

/* Goes through all events. To be released with ht_window_cells_done. */
struct ht_window_cells ht_window_cells_new(const struct ht_export *export);
void ht_window_cells_done(struct ht_window_cells *cells);

#endif
