/* SPDX-License-Identifier: MIT */
/* The sites that matter most for a question. Analyzer. */
#ifndef HT_SITE_RANK_H
#define HT_SITE_RANK_H

#include "analyzer/agg/site_table.h"
#include "analyzer/report/site_value.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum ht_site_order {
	HT_BY_AT_PEAK_BYTES,
	HT_BY_LEAKED_BYTES,
	HT_BY_SHORT_LIVED, /* number; then temporary ones */
	HT_BY_ALLOCATIONS,
	HT_BY_OWN_PEAK_BYTES, /* then bytes allocated */
};

/* What a section counts: most important first, the other where that is equal. */
struct ht_site_keys {
	enum ht_site_value first;
	enum ht_site_value second;
};

struct ht_site_keys ht_site_order_keys(enum ht_site_order order);

/* Which sites are ranked, and how, when users say so. All zero is: all of them, by what the section counts. */
struct ht_site_choice {
	const bool *is_shown; /* by index in the table; NULL: all */
	bool has_sort;
	enum ht_site_value sort; /* instead of the first key */
	bool is_by_leak_age;     /* before all keys */
};

/* Sites of a table by falling value; those with nothing to say for the question are left out. */
struct ht_site_rank {
	const struct ht_site **sites;
	size_t n_sites;
};

/* To be released with ht_site_rank_done; valid as long as the table does not change. */
struct ht_site_rank ht_site_rank_new(const struct ht_site_table *table, enum ht_site_order order,
                                     const struct ht_site_choice *choice);
void ht_site_rank_done(struct ht_site_rank *rank);

#endif
