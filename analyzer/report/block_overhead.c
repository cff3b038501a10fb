/* SPDX-License-Identifier: MIT */
/* What allocators need for a block beside what was asked for. Analyzer. */
#include "analyzer/report/block_overhead.h"

#include <string.h>

#define GLIBC_HEADER_BYTES 8u
#define GLIBC_MIN_BYTES    32u

enum ht_block_layout ht_block_layout_of(const struct ht_trace_model *model,
                                        const struct ht_process_selection *selection)
{
	enum ht_block_layout common = HT_LAYOUT_UNKNOWN;

	for (size_t i = 0; i < model->processes.n_processes; i++) {
		const char *allocator = model->processes.processes[i].allocator;
		enum ht_block_layout layout = allocator[0] == '\0' ? HT_LAYOUT_GLIBC
		                              : strstr(allocator, "libjemalloc")
		                                      ? HT_LAYOUT_JEMALLOC
		                                      : HT_LAYOUT_UNKNOWN;

		if (!ht_process_selection_has(selection, i))
			continue;
		if (layout == HT_LAYOUT_UNKNOWN ||
		    (common != HT_LAYOUT_UNKNOWN && common != layout))
			return HT_LAYOUT_UNKNOWN;
		common = layout;
	}
	return common;
}

const char *ht_block_layout_name(enum ht_block_layout layout)
{
	return layout == HT_LAYOUT_GLIBC ? "glibc's malloc" : "jemalloc";
}

/* The multiple of step, a power of two, that is not below bytes. */
static uint64_t round_up(uint64_t bytes, uint64_t step)
{
	return (bytes + step - 1) & -step;
}

/* Classes are 8, multiples of 16 up to 128, then four in each doubling. */
static uint64_t jemalloc_class(uint64_t bytes)
{
	uint64_t doubling = 128;

	if (bytes <= 8)
		return 8;
	if (bytes <= 128)
		return round_up(bytes, 16);
	while (doubling * 2 < bytes)
		doubling *= 2;
	return round_up(bytes, doubling / 4);
}

uint64_t ht_block_overhead(enum ht_block_layout layout, uint64_t bytes, bool is_mean)
{
	uint64_t taken = bytes;

	if (layout == HT_LAYOUT_GLIBC) {
		taken = is_mean ? bytes + GLIBC_HEADER_BYTES
		                : round_up(bytes + GLIBC_HEADER_BYTES, 16);
		if (taken < GLIBC_MIN_BYTES)
			taken = GLIBC_MIN_BYTES;
	} else if (layout == HT_LAYOUT_JEMALLOC && !is_mean) {
		taken = jemalloc_class(bytes);
	}
	return taken - bytes;
}
