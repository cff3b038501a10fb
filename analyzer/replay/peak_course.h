/* SPDX-License-Identifier: MIT */
/*
 * What happens beside the events, in order of time and with the ends of processes: calls that map memory, objects of
 * pools. It is gone through twice: to find the peak, and to see who has what there. Analyzer.
 */
#ifndef HT_PEAK_COURSE_H
#define HT_PEAK_COURSE_H

#include "analyzer/agg/results.h"
#include "analyzer/model/process_list.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_peak_course;

/* What happens, as whoever counts it knows it. */
struct ht_peak_walker {
	size_t n_items;
	/* By item, in order. */
	uint64_t (*tick_of)(const void *context, size_t item);
	/* Nothing lives. */
	void (*begin)(void *context);
	/* These change course->n_bytes; what is not counted is before the window, or was counted already. */
	void (*apply)(void *context, struct ht_peak_course *course, size_t item);
	void (*end_process)(void *context, struct ht_peak_course *course, uint32_t process);
	/* At the window's begin, before anything is counted. May be NULL. */
	void (*begin_window)(void *context, struct ht_peak_course *course);
	/* What lives: at the window's end, and at the peak. */
	void (*look_at_end)(void *context);
	void (*look_at_peak)(void *context);
	/* Free what begin made. */
	void (*end)(void *context);
};

/* Of the moment. */
struct ht_peak_course {
	uint64_t tick; /* of this step */
	uint64_t n_bytes; /* alive */
	bool is_counted;
};

struct ht_peak {
	uint64_t n_bytes;
	uint64_t tick; /* the first with so many bytes */
};

/* Of what happens at one tick, items come before ends of processes. */
struct ht_peak ht_peak_course_run(const struct ht_peak_walker *walker, void *context,
                                  const struct ht_process_list *processes,
                                  const struct ht_window *window);

#endif
