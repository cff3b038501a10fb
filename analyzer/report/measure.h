/* SPDX-License-Identifier: MIT */
/* The quantities that runs are judged and compared by. Analyzer. */
#ifndef HT_MEASURE_H
#define HT_MEASURE_H

#include "analyzer/agg/results.h"

#include <stdbool.h>
#include <stdint.h>

enum ht_measure {
	HT_MEASURE_PEAK = 0,    /* bytes live at the peak */
	HT_MEASURE_LEAKED,      /* bytes */
	HT_MEASURE_ALLOCATIONS, /* number */
	HT_MEASURE_TEMPORARY,   /* number of allocations */
	HT_MEASURE_ALLOCATED,   /* bytes requested */
	HT_N_MEASURES,
};

/* "peak", "leaked", "allocations", "temporary", "allocated". */
const char *ht_measure_name(enum ht_measure measure);

/* False when text is no such name. */
bool ht_measure_find(const char *text, enum ht_measure *ret_measure);

/* In bytes; else in allocations. */
bool ht_measure_is_bytes(enum ht_measure measure);

/* Of all that was recorded, and of one site. */
uint64_t ht_measure_of_results(const struct ht_results *results, enum ht_measure measure);
uint64_t ht_measure_of_site(const struct ht_site *site, enum ht_measure measure);

/* part, in thousandths of a percent, of whole; rounded down. */
uint64_t ht_measure_part(uint64_t part, uint64_t whole);

/* "10%", "2.5%" in thousandths of a percent. False, and *ret_part untouched, when text is none. */
bool ht_measure_parse_part(const char *text, uint64_t *ret_part);

/* "12", "512M": with a unit of a power of kilo (1000 or 1024). False, and *ret_value untouched, when text is none. */
bool ht_measure_parse_number(const char *text, uint64_t kilo, uint64_t *ret_value);

#endif
