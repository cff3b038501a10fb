/* SPDX-License-Identifier: MIT */
/* The sites that reallocate most, or whose blocks other threads free; the threads that did most. Analyzer. */
#ifndef HT_DETAIL_RANK_H
#define HT_DETAIL_RANK_H

#include "analyzer/agg/results.h"

enum ht_detail_order {
	HT_BY_COPIED_BYTES,    /* then reallocations: all sites that have one */
	HT_BY_FREED_BY_OTHERS, /* number, then bytes: all sites that have such a block */
};

struct ht_detailed_site {
	const struct ht_site *site;
	const struct ht_site_detail *detail;
};

/* Those that is_shown (by index in the table; NULL: all) says, by falling value. Valid as long as the results do not change; release sites with free(). */
struct ht_detail_rank {
	struct ht_detailed_site *sites;
	size_t n_sites;
};

struct ht_detail_rank ht_detail_rank_new(const struct ht_results *results,
                                         enum ht_detail_order order, const bool *is_shown);

/* The threads that did something, by falling number of allocations, then of frees. The same. */
struct ht_thread_rank {
	const struct ht_thread_result **threads;
	size_t n_threads;
};

struct ht_thread_rank ht_thread_rank_new(const struct ht_results *results);

#endif
