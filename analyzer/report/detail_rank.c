/* SPDX-License-Identifier: MIT */
/* Sorts sites by what only some events add to them, and threads. Analyzer. */
#include "analyzer/report/detail_rank.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

static int by_falling(uint64_t a, uint64_t b)
{
	return a > b ? -1 : a < b;
}

static int compare_copied(const void *va, const void *vb)
{
	const struct ht_detailed_site *a = va, *b = vb;

	if (a->detail->copied_bytes != b->detail->copied_bytes)
		return by_falling(a->detail->copied_bytes, b->detail->copied_bytes);
	if (a->site->n_reallocations != b->site->n_reallocations)
		return by_falling(a->site->n_reallocations, b->site->n_reallocations);
	return by_falling(b->site->stack, a->site->stack);
}

static int compare_freed_by_others(const void *va, const void *vb)
{
	const struct ht_detailed_site *a = va, *b = vb;

	if (a->detail->n_freed_by_others != b->detail->n_freed_by_others)
		return by_falling(a->detail->n_freed_by_others, b->detail->n_freed_by_others);
	if (a->detail->freed_by_others_bytes != b->detail->freed_by_others_bytes)
		return by_falling(a->detail->freed_by_others_bytes,
		                  b->detail->freed_by_others_bytes);
	return by_falling(b->site->stack, a->site->stack);
}

struct ht_detail_rank ht_detail_rank_new(const struct ht_results *results,
                                         enum ht_detail_order order, const bool *is_shown)
{
	const struct ht_site_details *details = &results->details;
	struct ht_detail_rank rank = {
		.sites = ht_xalloc_zeroed(details->n_details, sizeof(*rank.sites)),
	};

	for (size_t i = 0; i < details->n_details; i++) {
		const struct ht_site *site = &results->sites.sites[i];
		const struct ht_site_detail *detail = &details->details[i];

		if (is_shown && !is_shown[i])
			continue;
		if (order == HT_BY_COPIED_BYTES ? site->n_reallocations : detail->n_freed_by_others)
			rank.sites[rank.n_sites++] = (struct ht_detailed_site){ site, detail };
	}
	qsort(rank.sites, rank.n_sites, sizeof(*rank.sites),
	      order == HT_BY_COPIED_BYTES ? compare_copied : compare_freed_by_others);
	return rank;
}

static int compare_threads(const void *va, const void *vb)
{
	const struct ht_thread_result *a = *(const struct ht_thread_result *const *)va;
	const struct ht_thread_result *b = *(const struct ht_thread_result *const *)vb;

	if (a->n_allocations != b->n_allocations)
		return by_falling(a->n_allocations, b->n_allocations);
	if (a->n_frees != b->n_frees)
		return by_falling(a->n_frees, b->n_frees);
	if (a->process != b->process)
		return by_falling(b->process, a->process);
	return by_falling(b->serial, a->serial);
}

struct ht_thread_rank ht_thread_rank_new(const struct ht_results *results)
{
	struct ht_thread_rank rank = {
		.threads = ht_xalloc_zeroed(results->n_threads, sizeof(*rank.threads)),
	};

	for (size_t i = 0; i < results->n_threads; i++) {
		if (results->threads[i].is_active)
			rank.threads[rank.n_threads++] = &results->threads[i];
	}
	qsort(rank.threads, rank.n_threads, sizeof(*rank.threads), compare_threads);
	return rank;
}
