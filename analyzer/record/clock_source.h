/* SPDX-License-Identifier: MIT */
/* The recording's tick clock on the recorder's side: choosing, reading, pairing. Analyzer. */
#ifndef HT_CLOCK_SOURCE_H
#define HT_CLOCK_SOURCE_H

#include <stdint.h>

struct ht_clock_source {
	uint32_t kind; /* enum ht_clock_kind */
	uint32_t shift;
	uint64_t tick_ps; /* length of a tick, measured or exact */
};

/* Both clocks at one moment. */
struct ht_clock_reading {
	uint64_t tick;
	uint64_t ns; /* CLOCK_MONOTONIC */
};

/*
 * The TSC where the kernel itself trusts it as clock and it never stops, else CLOCK_MONOTONIC. Takes
 * about 2 ms when the TSC has to be measured.
 */
struct ht_clock_source ht_clock_source_choose(void);

/* CLOCK_MONOTONIC with its shift: always possible. */
struct ht_clock_source ht_clock_source_monotonic(void);

/* [any thread] */
uint64_t ht_clock_source_now(const struct ht_clock_source *clock);

/* The two readings are taken as close together as a few tries allow. */
struct ht_clock_reading ht_clock_source_pair(const struct ht_clock_source *clock);

/* CLOCK_MONOTONIC. */
uint64_t ht_clock_source_ns(void);

#endif
