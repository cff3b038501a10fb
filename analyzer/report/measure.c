/* SPDX-License-Identifier: MIT */
/* The quantities that runs are judged and compared by. Analyzer. */
#include "analyzer/report/measure.h"

#include <string.h>

#define HUNDRED_PCT 100000u /* thousandths of a percent */

const char *ht_measure_name(enum ht_measure measure)
{
	static const char *const names[HT_N_MEASURES] = { "peak", "leaked", "allocations",
		                                          "temporary", "allocated" };

	return names[measure];
}

bool ht_measure_find(const char *text, enum ht_measure *ret_measure)
{
	for (unsigned m = 0; m < HT_N_MEASURES; m++) {
		if (strcmp(text, ht_measure_name((enum ht_measure)m)) == 0) {
			*ret_measure = (enum ht_measure)m;
			return true;
		}
	}
	return false;
}

bool ht_measure_is_bytes(enum ht_measure measure)
{
	return measure != HT_MEASURE_ALLOCATIONS && measure != HT_MEASURE_TEMPORARY;
}

uint64_t ht_measure_of_results(const struct ht_results *results, enum ht_measure measure)
{
	switch (measure) {
	case HT_MEASURE_PEAK: return results->sites.peak_bytes;
	case HT_MEASURE_LEAKED: return results->totals.leaked_bytes;
	case HT_MEASURE_ALLOCATIONS: return results->totals.n_allocations;
	case HT_MEASURE_TEMPORARY: return results->n_temporary;
	default: return results->totals.allocated_bytes;
	}
}

uint64_t ht_measure_of_site(const struct ht_site *site, enum ht_measure measure)
{
	switch (measure) {
	case HT_MEASURE_PEAK: return site->at_peak_bytes;
	case HT_MEASURE_LEAKED: return site->leaked_bytes;
	case HT_MEASURE_ALLOCATIONS: return site->n_allocations;
	case HT_MEASURE_TEMPORARY: return site->n_temporary;
	default: return site->allocated_bytes;
	}
}

uint64_t ht_measure_part(uint64_t part, uint64_t whole)
{
	unsigned __int128 product = (unsigned __int128)part * whole / HUNDRED_PCT;

	return product > UINT64_MAX ? UINT64_MAX : (uint64_t)product;
}

bool ht_measure_parse_part(const char *text, uint64_t *ret_part)
{
	uint64_t value = 0, unit = 1000;
	bool is_fraction = false;

	if (*text < '0' || *text > '9')
		return false;
	for (; (*text >= '0' && *text <= '9') || (*text == '.' && !is_fraction); text++) {
		if (*text == '.') {
			is_fraction = true;
			continue;
		}
		if (is_fraction && unit == 1)
			return false;
		if (is_fraction)
			unit /= 10;
		if (value > 1000000000)
			return false;
		value = value * 10 + (uint64_t)(*text - '0');
	}
	if (strcmp(text, "%") != 0)
		return false;
	*ret_part = value * unit;
	return true;
}

bool ht_measure_parse_number(const char *text, uint64_t kilo, uint64_t *ret_value)
{
	static const char units[] = "KMGT";
	uint64_t value = 0;

	if (*text < '0' || *text > '9')
		return false;
	for (; *text >= '0' && *text <= '9'; text++) {
		if (__builtin_mul_overflow(value, 10u, &value) ||
		    __builtin_add_overflow(value, (uint64_t)(*text - '0'), &value))
			return false;
	}
	if (*text) {
		const char *unit = strchr(units, *text == 'k' ? 'K' : *text);

		if (!unit || text[1])
			return false;
		for (const char *u = units; u <= unit; u++) {
			if (__builtin_mul_overflow(value, kilo, &value))
				return false;
		}
	}
	*ret_value = value;
	return true;
}
