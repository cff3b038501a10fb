/* SPDX-License-Identifier: MIT */
/* The numbers of a site by name, as every export writes them. Analyzer. */
#include "analyzer/report/site_value.h"

#include <stddef.h>
#include <string.h>

static const struct {
	const char *name;
	bool is_bytes;
	size_t offset;
} values[] = {
	[HT_VALUE_ALLOCATIONS] = { "allocations", false, offsetof(struct ht_site, n_allocations) },
	[HT_VALUE_REALLOCATIONS] = { "reallocations", false,
	                             offsetof(struct ht_site, n_reallocations) },
	[HT_VALUE_ALLOCATED_BYTES] = { "allocated_bytes", true,
	                               offsetof(struct ht_site, allocated_bytes) },
	[HT_VALUE_AT_PEAK_BYTES] = { "at_peak_bytes", true,
	                             offsetof(struct ht_site, at_peak_bytes) },
	[HT_VALUE_AT_PEAK_ALLOCATIONS] = { "at_peak_allocations", false,
	                                   offsetof(struct ht_site, n_at_peak) },
	[HT_VALUE_OWN_PEAK_BYTES] = { "own_peak_bytes", true,
	                              offsetof(struct ht_site, own_peak_bytes) },
	[HT_VALUE_LEAKED_ALLOCATIONS] = { "leaked_allocations", false,
	                                  offsetof(struct ht_site, n_leaked) },
	[HT_VALUE_LEAKED_BYTES] = { "leaked_bytes", true, offsetof(struct ht_site, leaked_bytes) },
	[HT_VALUE_TEMPORARY_ALLOCATIONS] = { "temporary_allocations", false,
	                                     offsetof(struct ht_site, n_temporary) },
	[HT_VALUE_TEMPORARY_BYTES] = { "temporary_bytes", true,
	                               offsetof(struct ht_site, temporary_bytes) },
	[HT_VALUE_SHORT_LIVED_ALLOCATIONS] = { "short_lived_allocations", false,
	                                       offsetof(struct ht_site, n_short_lived) },
	[HT_VALUE_SHORT_LIVED_BYTES] = { "short_lived_bytes", true,
	                                 offsetof(struct ht_site, short_lived_bytes) },
};

const char *ht_site_value_name(enum ht_site_value value)
{
	return values[value].name;
}

bool ht_site_value_is_bytes(enum ht_site_value value)
{
	return values[value].is_bytes;
}

uint64_t ht_site_value_of(const struct ht_site *site, enum ht_site_value value)
{
	uint64_t v;

	memcpy(&v, (const char *)site + values[value].offset, sizeof(v));
	return v;
}

void ht_site_value_set(struct ht_site *site, enum ht_site_value value, uint64_t number)
{
	memcpy((char *)site + values[value].offset, &number, sizeof(number));
}

const struct ht_metric ht_metrics[] = {
	{ "peak", HT_VALUE_AT_PEAK_BYTES },
	{ "leaked", HT_VALUE_LEAKED_BYTES },
	{ "allocated", HT_VALUE_ALLOCATED_BYTES },
	{ "temporary", HT_VALUE_TEMPORARY_ALLOCATIONS },
	{ "count", HT_VALUE_ALLOCATIONS },
	{ "own-peak", HT_VALUE_OWN_PEAK_BYTES },
	{ NULL, HT_N_SITE_VALUES },
};

const struct ht_metric *ht_metric_find(const char *name)
{
	for (const struct ht_metric *metric = ht_metrics; metric->name; metric++) {
		if (strcmp(metric->name, name) == 0)
			return metric;
	}
	return NULL;
}
