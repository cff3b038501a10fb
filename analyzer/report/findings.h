/* SPDX-License-Identifier: MIT */
/* What in a report is worth changing: found by rules with stated thresholds, ranked. Analyzer. */
#ifndef HT_FINDINGS_H
#define HT_FINDINGS_H

#include "analyzer/report/report.h"

#include <stddef.h>
#include <stdint.h>

enum ht_finding_kind {
	HT_FINDING_LOOP,        /* blocks of one size, freed before the next allocation */
	HT_FINDING_SMALL_STEPS, /* blocks that realloc makes larger by little, often */
	HT_FINDING_GROWING,     /* live bytes that rise all the time and are hardly ever freed */
	HT_FINDING_TINY_BLOCKS, /* what the allocator needs beside what was asked for */
	HT_FINDING_PASSED_ON,   /* blocks that another thread frees */
	HT_FINDING_SHORT_PEAK,  /* much of the peak, freed right after it */
	HT_N_FINDING_KINDS,
};

/*
 * From where on it is said. Whatever the kind, the share is one in HT_FINDING_MIN_SHARE at least: of allocations
 * (LOOP), of allocations and reallocations, or of bytes allocated when it is more (SMALL_STEPS), of the peak
 * (GROWING, SHORT_PEAK), of the peak and what is beside it (TINY_BLOCKS), of frees (PASSED_ON).
 */
#define HT_FINDING_MIN_SHARE       100u
#define HT_FINDING_MIN_BLOCKS      10000u        /* LOOP, TINY_BLOCKS, PASSED_ON */
#define HT_FINDING_MIN_STEPS       1000u         /* SMALL_STEPS, and ... */
#define HT_FINDING_MIN_CHAIN       32u           /* ... so many of one block */
#define HT_FINDING_MIN_BYTES       (1u << 20)    /* copied, lost or held */
#define HT_FINDING_MIN_LEAKED      100u          /* GROWING, blocks */
#define HT_FINDING_MIN_DURATION_NS 5000000000ull /* GROWING, of the recording: what only loads is done by then */
#define HT_FINDING_PEAK_PART       5u            /* SHORT_PEAK: a fifth of it */

#define HT_FINDING_TEXT_BYTES 256

/* Texts are sentences for people. */
struct ht_finding {
	enum ht_finding_kind kind;
	const struct ht_site *site;
	uint64_t part, whole; /* the share */
	uint64_t n;           /* blocks or calls that it is about */
	uint64_t bytes;       /* likewise */
	char what
	        [HT_FINDING_TEXT_BYTES]; /* the evidence; begins in the middle, after the number n */
	char advice[HT_FINDING_TEXT_BYTES];
};

/* "loop", "small-steps" ... */
const char *ht_finding_name(enum ht_finding_kind kind);

/* By falling share. Valid as long as the results do not change; release findings with free(). */
struct ht_findings {
	struct ht_finding *findings;
	size_t n_findings;
};

/* Of the sites that the filter of the report, if any, shows. */
struct ht_findings ht_findings_new(const struct ht_report *report);

#endif
