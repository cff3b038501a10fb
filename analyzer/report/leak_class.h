/* SPDX-License-Identifier: MIT */
/* Which leaks are the runtime's own, which the user wants to hear nothing of, and which are left. Analyzer, one thread. */
#ifndef HT_LEAK_CLASS_H
#define HT_LEAK_CLASS_H

#include "analyzer/agg/site_table.h"
#include "analyzer/report/frame_rules.h"

#include <stddef.h>
#include <stdint.h>

enum ht_leak_class {
	HT_LEAK_REST = 0,
	HT_LEAK_RUNTIME,    /* what libc, the loader or code before main keeps for the whole run */
	HT_LEAK_SUPPRESSED, /* by a suppression */
	HT_LEAK_GROWING,    /* more and more in each quarter of the time */
	HT_N_LEAK_CLASSES,
};

/* "rest", "runtime", "suppressed", "growing". */
const char *ht_leak_class_name(enum ht_leak_class leak_class);

/* What all leaks of a class are together. */
struct ht_leak_sum {
	uint64_t n_sites;
	uint64_t n_leaked;
	uint64_t leaked_bytes;
};

/* To be released with ht_leak_classes_done. */
struct ht_leak_classes {
	uint8_t *
	        of_site; /* enum ht_leak_class, by index in the table; HT_LEAK_REST where nothing leaked */
	const char **why; /* of the runtime's: "dynamic loader" ..., else NULL; static */
	struct ht_leak_sum sums[HT_N_LEAK_CLASSES];
};

/*
 * Class all sites that leaked. suppressions (NULL: none) mark frames with HT_FRAME_SUPPRESSED; a stack with one
 * is suppressed, whatever else it is.
 */
struct ht_leak_classes ht_leak_classes_new(const struct ht_trace_model *model,
                                           const struct ht_site_table *table,
                                           struct ht_symbolizer *symbolizer,
                                           const struct ht_frame_rules *suppressions);

/* NULL is fine. */
void ht_leak_classes_done(struct ht_leak_classes *classes);

#endif
