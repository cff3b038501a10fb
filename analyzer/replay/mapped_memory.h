/* SPDX-License-Identifier: MIT */
/* Who mapped memory, how much there was at its peak, and what was left. Analyzer. */
#ifndef HT_MAPPED_MEMORY_H
#define HT_MAPPED_MEMORY_H

#include "analyzer/agg/results.h"
#include "analyzer/model/process_selection.h"
#include "analyzer/model/trace_model.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Of a distinct stack. A range that is mapped over in part is two. */
struct ht_mapped_site {
	uint32_t stack;
	uint64_t n_calls; /* that mapped */
	uint64_t mapped_bytes;
	uint64_t n_at_peak; /* ranges */
	uint64_t at_peak_bytes;
	uint64_t n_left;
	uint64_t left_bytes;
};

/* Bytes of a peak by what they were mapped as; each is one of these. */
enum ht_mapped_kind {
	HT_MAPPED_ANONYMOUS = 0,
	HT_MAPPED_FILE = 1,     /* or a device */
	HT_MAPPED_RESERVED = 2, /* without access (PROT_NONE); that may have changed later */
	HT_N_MAPPED_KINDS = 3,
};

/*
 * Mapped bytes are those of the calls in the trace alone. As with blocks, a forked child's copy of its parent's is not
 * counted; what it gives back of that neither; and a process that ends has nothing mapped any more.
 */
struct ht_mapped {
	uint64_t n_maps; /* mmap, and the program break going up */
	uint64_t n_unmaps;
	uint64_t n_remaps;
	uint64_t mapped_bytes; /* by all calls together */
	uint64_t peak_bytes;   /* most at one instant */
	uint64_t peak_tick;
	uint64_t n_at_peak;
	uint64_t at_peak_bytes_of[HT_N_MAPPED_KINDS];
	uint64_t
	        left_bytes; /* mapped when its process ended, unless that was by exec, or the trace or window did */
	uint64_t n_left;
	uint64_t at_exec_bytes;
	struct ht_mapped_site *sites;
	size_t n_sites;
};

/*
 * Fill *mapped, to be released with ht_mapped_done(). window is that of the results: what was mapped before it counts in
 * the peak and in what is left. selection may be NULL.
 */
void ht_mapped_run(const struct ht_trace_model *model, const struct ht_window *window,
                   const struct ht_process_selection *selection, struct ht_mapped *ret_mapped);

/* NULL is fine. */
void ht_mapped_done(struct ht_mapped *mapped);

#endif
