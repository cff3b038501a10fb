/* SPDX-License-Identifier: MIT */
/* The tick clock: cheap, coarse, the same for all processes of a recording. Target, any thread. */
#ifndef HT_CLOCK_H
#define HT_CLOCK_H

#include "lifecycle.h"

#include <heaptide/shared_region.h>
#include <stdint.h>
#include <time.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* Some milliseconds old, never before what was read here when there was a clock. */
static inline uint64_t ht_clock_recorder_tick(void)
{
	uint64_t tick =
	        atomic_load_explicit(&ht_process.region->recorder_tick, memory_order_relaxed);

	return tick > ht_process.last_own_tick ? tick : ht_process.last_own_tick;
}

static inline uint64_t ht_clock_tick(void)
{
#if defined(__x86_64__)
	if (__builtin_expect(ht_process.clock_kind == HT_CLOCK_TSC, 1))
		return __rdtsc() >> ht_process.tick_shift;
#endif
	if (__builtin_expect(ht_process.clock_kind == HT_CLOCK_RECORDER, 0))
		return ht_clock_recorder_tick();
	/* The vDSO: no system call, no errno on success. */
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return ((uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec) >> ht_process.tick_shift;
}

#endif
