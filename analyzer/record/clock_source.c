/* SPDX-License-Identifier: MIT */
/* Chooses and reads the clock that stamps events. Analyzer. */
#include "analyzer/record/clock_source.h"

#include <heaptide/shared_region.h>

#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#if defined(__x86_64__)
#include <x86intrin.h>
#endif

/* 1.024 us a tick. */
#define MONOTONIC_SHIFT 10u
#define MEASURE_NS 200000u

uint64_t ht_clock_source_ns(void)
{
	struct timespec ts = { 0, 0 };

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (uint64_t)ts.tv_sec * 1000000000u + (uint64_t)ts.tv_nsec;
}

static uint64_t read_raw(uint32_t kind)
{
#if defined(__x86_64__)
	if (kind == HT_CLOCK_TSC)
		return __rdtsc();
#endif
	(void)kind;
	return ht_clock_source_ns();
}

uint64_t ht_clock_source_now(const struct ht_clock_source *clock)
{
	return read_raw(clock->kind) >> clock->shift;
}

/* The raw clock and CLOCK_MONOTONIC together: of a few tries the one that took least. */
static struct ht_clock_reading raw_pair(uint32_t kind)
{
	struct ht_clock_reading best = { 0, 0 };
	uint64_t best_width = UINT64_MAX;

	for (int i = 0; i < 4; i++) {
		uint64_t before = read_raw(kind);
		uint64_t ns = ht_clock_source_ns();
		uint64_t width = read_raw(kind) - before;

		if (width < best_width) {
			best_width = width;
			best = (struct ht_clock_reading){ before + width / 2, ns };
		}
	}
	return best;
}

struct ht_clock_reading ht_clock_source_pair(const struct ht_clock_source *clock)
{
	struct ht_clock_reading pair = raw_pair(clock->kind);

	if (clock->kind == HT_CLOCK_MONOTONIC)
		pair.tick = pair.ns; /* one clock: the pair is exact */
	pair.tick >>= clock->shift;
	return pair;
}

struct ht_clock_source ht_clock_source_monotonic(void)
{
	return (struct ht_clock_source){ HT_CLOCK_MONOTONIC, MONOTONIC_SHIFT,
				       1000ull << MONOTONIC_SHIFT };
}

struct ht_clock_reading ht_clock_source_before(void)
{
#if defined(__x86_64__)
	return raw_pair(HT_CLOCK_TSC);
#else
	return raw_pair(HT_CLOCK_MONOTONIC);
#endif
}

#if defined(__x86_64__)
/*
 * The kernel watches the TSC and gives it up as its clock when it stops, changes its rate, drifts
 * between processors or jumps (a virtual machine that migrates), so what it uses is good enough for us.
 */
static bool is_tsc_reliable(void)
{
	static const char path[] = "/sys/devices/system/clocksource/clocksource0/current_clocksource";
	char name[8] = "";
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		return false;
	ssize_t n = read(fd, name, sizeof(name) - 1);

	close(fd);
	return n > 0 && strcmp(name, "tsc\n") == 0;
}

/* Wait until the readings' own inaccuracy, some 50 ns, is below a thousandth of what is measured. */
static struct ht_clock_reading reading_after(const struct ht_clock_reading *before)
{
	struct ht_clock_reading now = raw_pair(HT_CLOCK_TSC);

	if (now.ns - before->ns >= MEASURE_NS)
		return now;
	struct timespec pause = { 0, (long)(MEASURE_NS - (now.ns - before->ns)) };

	nanosleep(&pause, NULL);
	return raw_pair(HT_CLOCK_TSC);
}
#endif

struct ht_clock_source ht_clock_source_choose(const struct ht_clock_reading *before)
{
#if defined(__x86_64__)
	if (is_tsc_reliable()) {
		struct ht_clock_reading after = reading_after(before);
		uint64_t ns = after.ns - before->ns;
		uint64_t cycles = after.tick - before->tick;

		/* Anything else than 100 MHz to 20 GHz is no TSC. */
		if (cycles > ns / 10 && cycles < ns * 20) {
			struct ht_clock_source clock = { HT_CLOCK_TSC, 0, 0 };

			/* The power of two nearest to 1 us: at most 1.4 times longer or shorter. */
			while ((cycles >> clock.shift) * 1000 > ns * 14 / 10)
				clock.shift++;
			clock.tick_ps = (ns * 1000 << clock.shift) / cycles;
			return clock;
		}
	}
#endif
	(void)before;
	return ht_clock_source_monotonic();
}
