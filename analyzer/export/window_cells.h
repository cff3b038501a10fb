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

/* The threads that allocate most are told apart; with more, the last one stands for all further ones. */
#define HT_MAX_CELL_THREADS 16u

/*
 * One site and thread in one part; where they did nothing is no cell. Live and leaked blocks are those of the
 * thread that allocated or last resized them; so are lifetimes.
 */
struct ht_window_cell {
	uint32_t site;
	uint32_t part;
	uint32_t thread; /* index */
	uint64_t n_allocations;
	uint64_t allocated_bytes; /* reallocations with their new size */
	int64_t live_bytes;       /* change of the live bytes */
	uint64_t leaked_bytes;    /* of blocks allocated (or last resized) here and never freed */
	uint64_t n_temporary;     /* allocated here */
};

/* What a site and thread had at the peak of everything. */
struct ht_peak_cell {
	uint32_t site;
	uint32_t thread;
	uint64_t bytes;
};

struct ht_magnitudes {
	uint64_t n[HT_N_MAGNITUDES];
};

struct ht_window_cells {
	struct ht_window_cell *cells;
	size_t n_cells;
	uint64_t part_ns; /* the length of a part */
	struct ht_peak_cell *peaks;
	size_t n_peaks;
	const struct ht_thread_result *threads
	        [HT_MAX_CELL_THREADS]; /* in the results, by falling number of calls; NULL: further ones */
	uint32_t n_threads;            /* at least 1 */
	/* By thread * HT_N_CELL_PARTS + part. Lifetimes are in ns, in the part of the free. */
	struct ht_magnitudes *of_size;
	struct ht_magnitudes *of_lifetime;
};

/* Goes through all events. To be released with ht_window_cells_done. */
struct ht_window_cells ht_window_cells_new(const struct ht_export *export);
void ht_window_cells_done(struct ht_window_cells *cells);

#endif
