/* SPDX-License-Identifier: MIT */
/* The objects of the pools that programs told of: who made them, how much there was at the peak, what was left. Analyzer. */
#ifndef HT_POOL_OBJECTS_H
#define HT_POOL_OBJECTS_H

#include "analyzer/agg/results.h"
#include "analyzer/model/process_selection.h"
#include "analyzer/model/trace_model.h"

#include <stddef.h>
#include <stdint.h>

/* Of a distinct stack. */
struct ht_pool_site {
	uint32_t stack;
	uint64_t n_allocations;
	uint64_t allocated_bytes;
	uint64_t n_at_peak; /* of all pools together */
	uint64_t at_peak_bytes;
	uint64_t n_left;
	uint64_t left_bytes;
};

/* Of the pools with one name. */
struct ht_pool_group {
	const char *name; /* "" for those without one; the model has it */
	uint64_t n_pools;
	uint64_t n_allocations;
	uint64_t allocated_bytes; /* a resize adds its new size */
	uint64_t n_frees;
	uint64_t n_resizes;
	uint64_t n_ended;    /* objects that ended with all others of their pool */
	uint64_t live_bytes; /* while counting */
	uint64_t peak_bytes; /* of this group alone */
	uint64_t peak_tick;
	uint64_t n_left;
	uint64_t left_bytes;
};

/*
 * As with blocks, what a forked child frees of its parent's is not counted, and a process that ends has no objects any more.
 */
struct ht_pools {
	uint64_t peak_bytes; /* most at one instant, of all */
	uint64_t peak_tick;
	uint64_t n_at_peak;
	uint64_t
	        n_left; /* when its process ended, unless that was by exec, or the trace or window did */
	uint64_t left_bytes;
	uint64_t n_unknown;   /* frees and resizes of what was no object */
	uint64_t n_inherited; /* those by forks, perhaps of their parents' objects */
	uint64_t n_missed;    /* objects that ended unseen: another one came to their address */
	struct ht_pool_site *sites;
	size_t n_sites;
	struct ht_pool_group *groups; /* those that have anything, by name */
	size_t n_groups;
};

/* Fill *pools, to be released with ht_pools_done(), with what was told in the window. selection may be NULL. */
void ht_pools_run(const struct ht_trace_model *model, const struct ht_window *window,
                  const struct ht_process_selection *selection, struct ht_pools *ret_pools);

/* NULL is fine. */
void ht_pools_done(struct ht_pools *pools);

#endif
