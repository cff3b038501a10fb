/* SPDX-License-Identifier: MIT */
/* What each site (each distinct stack) allocated, held and gave back; exact owners of the peak. Analyzer. */
#ifndef HT_SITE_TABLE_H
#define HT_SITE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HT_N_QUARTERS 3

/*
 * Live bytes, the peak and leaks count for the site that owns a block now: the one of its newest
 * realloc, or of its allocation. Lifetimes count for the site of the allocation, with the size that the
 * block had in the end: a realloc continues a life.
 */
struct ht_site {
	uint32_t stack;
	uint32_t reserved0;
	uint64_t n_allocations;
	uint64_t n_reallocations;
	uint64_t allocated_bytes; /* reallocations with their new size */
	/* Not in pairs: written one by one, they must not be read again as one vector (that stalls). */
	uint64_t n_live;
	uint64_t n_at_peak; /* right after ht_site_table_finish */
	uint64_t live_bytes;
	uint64_t at_peak_bytes;  /* likewise */
	uint64_t own_peak_bytes; /* the most it ever had, */
	uint64_t own_peak_tick;  /* first at this time */
	uint64_t peak_epoch;
	uint64_t n_leaked;
	uint64_t leaked_bytes;
	uint64_t oldest_leak_tick; /* when what leaked was allocated, if anything did: first */
	uint64_t newest_leak_tick; /* and last */
	uint64_t n_temporary;
	uint64_t temporary_bytes;
	uint64_t n_short_lived;
	uint64_t short_lived_bytes;
	uint64_t first_bytes;   /* size of its first allocation, */
	uint64_t n_other_sizes; /* allocations of another size */
	uint64_t empty_tick;    /* when it last had no live block any more */
	uint64_t at_quarter_bytes[HT_N_QUARTERS]; /* live after one, two and three quarters of the time */
};

/*
 * All zero is an empty table. The peak is kept exactly, and cheaply: each new maximum begins an epoch;
 * a site saves its live bytes as those at the peak when it is first changed in an epoch.
 */
struct ht_site_table {
	struct ht_site *sites;
	size_t n_sites;
	size_t capacity;
	uint32_t *site_of_stack; /* index + 1 */
	size_t n_stacks;

	uint64_t n_live;
	uint64_t live_bytes;
	uint64_t peak_bytes;
	uint64_t n_at_peak;
	uint64_t peak_tick;
	uint64_t peak_epoch;
};

/* For stacks below n_stacks. */
void ht_site_table_init(struct ht_site_table *table, size_t n_stacks);
void ht_site_table_done(struct ht_site_table *table);

/* Index of the site of a stack. Sites may move. */
uint32_t ht_site_table_need(struct ht_site_table *table, uint32_t stack);

/*
 * Whether its live bytes rose in each quarter of the time, by a tenth of what it had in the end at least; what it had
 * in the end are its leaked ones. Not when nothing is known of quarters.
 */
bool ht_site_is_growing(const struct ht_site *site);

/* Keep what each site has live after this quarter, from 0. */
void ht_site_table_keep_quarter(struct ht_site_table *table, unsigned quarter);

/* Called before the live bytes of a site change. */
static inline void ht_site_table_touch(struct ht_site_table *table, struct ht_site *site)
{
	if (site->peak_epoch != table->peak_epoch) {
		site->n_at_peak = site->n_live;
		site->at_peak_bytes = site->live_bytes;
		site->peak_epoch = table->peak_epoch;
	}
}

/* After the live bytes of a site have grown. */
static inline void ht_site_check_own_peak(struct ht_site *site, uint64_t tick)
{
	if (site->live_bytes > site->own_peak_bytes) {
		site->own_peak_bytes = site->live_bytes;
		site->own_peak_tick = tick;
	}
}

static inline void ht_site_table_add_live(struct ht_site_table *table, struct ht_site *site,
                                          uint64_t size, uint64_t tick)
{
	ht_site_table_touch(table, site);
	site->n_live++;
	site->live_bytes += size;
	ht_site_check_own_peak(site, tick);
	table->n_live++;
	table->live_bytes += size;
}

static inline void ht_site_table_sub_live(struct ht_site_table *table, struct ht_site *site,
                                          uint64_t size)
{
	ht_site_table_touch(table, site);
	site->n_live--;
	site->live_bytes -= size;
	table->n_live--;
	table->live_bytes -= size;
}

/* After an event that may have raised the live bytes: the first instant of a maximum is the peak. */
static inline void ht_site_table_check_peak(struct ht_site_table *table, uint64_t tick)
{
	if (table->live_bytes > table->peak_bytes) {
		table->peak_bytes = table->live_bytes;
		table->n_at_peak = table->n_live;
		table->peak_tick = tick;
		table->peak_epoch++;
	}
}

/* A block of this site, allocated at this time, is never freed. */
static inline void ht_site_add_leak(struct ht_site *site, uint64_t size, uint64_t birth_tick)
{
	if (site->n_leaked == 0 || birth_tick < site->oldest_leak_tick)
		site->oldest_leak_tick = birth_tick;
	if (site->n_leaked == 0 || birth_tick > site->newest_leak_tick)
		site->newest_leak_tick = birth_tick;
	site->n_leaked++;
	site->leaked_bytes += size;
}

/* Make n_at_peak and at_peak_bytes of every site right: once, after the last event. */
void ht_site_table_finish(struct ht_site_table *table);

#endif
