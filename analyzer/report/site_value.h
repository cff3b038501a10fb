/* SPDX-License-Identifier: MIT */
/* The numbers of a site by name, as every export writes them. Analyzer. */
#ifndef HT_SITE_VALUE_H
#define HT_SITE_VALUE_H

#include "analyzer/agg/results.h"

#include <stdbool.h>
#include <stdint.h>

/* In the order of a SITE of `report --json`, whose keys are their names. */
enum ht_site_value {
	HT_VALUE_ALLOCATIONS,
	HT_VALUE_REALLOCATIONS,
	HT_VALUE_ALLOCATED_BYTES,
	HT_VALUE_AT_PEAK_BYTES,
	HT_VALUE_AT_PEAK_ALLOCATIONS,
	HT_VALUE_OWN_PEAK_BYTES,
	HT_VALUE_LEAKED_ALLOCATIONS,
	HT_VALUE_LEAKED_BYTES,
	HT_VALUE_TEMPORARY_ALLOCATIONS,
	HT_VALUE_TEMPORARY_BYTES,
	HT_VALUE_SHORT_LIVED_ALLOCATIONS,
	HT_VALUE_SHORT_LIVED_BYTES,
	HT_N_SITE_VALUES,
};

const char *ht_site_value_name(enum ht_site_value value);
bool ht_site_value_is_bytes(enum ht_site_value value);
uint64_t ht_site_value_of(const struct ht_site *site, enum ht_site_value value);
void ht_site_value_set(struct ht_site *site, enum ht_site_value value, uint64_t number);

/* What users choose with --metric: one of the above under a short name. */
struct ht_metric {
	const char *name;
	enum ht_site_value value;
};

/* The default first, ended by a NULL name. */
extern const struct ht_metric ht_metrics[];

/* NULL when there is none of that name. */
const struct ht_metric *ht_metric_find(const char *name);

#endif
