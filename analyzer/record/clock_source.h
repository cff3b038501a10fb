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

/* The TSC, unshifted, and CLOCK_MONOTONIC: what a measurement of the TSC starts from. */
struct ht_clock_reading ht_clock_source_before(void);

/*
 * The TSC where the kernel itself trusts it as its clock, else CLOCK_MONOTONIC. The TSC is measured
 * since *before; when that was less than a fifth of a millisecond ago it waits until it is.
 */
struct ht_clock_source ht_clock_source_choose(const struct ht_clock_reading *before);

/* CLOCK_MONOTONIC with its shift: always possible. */
struct ht_clock_source ht_clock_source_monotonic(void);

/* [any thread] */
uint64_t ht_clock_source_now(const struct ht_clock_source *clock);

/* The two readings are taken as close together as a few tries allow. */
struct ht_clock_reading ht_clock_source_pair(const struct ht_clock_source *clock);

/* CLOCK_MONOTONIC. */
uint64_t ht_clock_source_ns(void);

#endif
