/* SPDX-License-Identifier: MIT */
/* How much memory processes had in the kernel's books. Analyzer. */
#ifndef HT_RESIDENT_LIST_H
#define HT_RESIDENT_LIST_H

#include "analyzer/model/process_selection.h"

#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* From this moment on, until the next one of the same process, or its end. */
struct ht_resident_sample {
	uint32_t process; /* index */
	uint64_t tick;
	uint64_t resident_bytes;
	uint64_t private_bytes; /* of these: no part of a file, not shared */
};

/* All zero is an empty list. */
struct ht_resident_list {
	struct ht_resident_sample *samples;
	size_t n_samples;
	size_t capacity;
};

void ht_resident_list_done(struct ht_resident_list *list);

/* Take the body of a RESIDENT block. False at an impossible value; what came before it stays. */
bool ht_resident_list_add(struct ht_resident_list *list, struct ht_process_list *processes,
                          struct ht_get *get, uint64_t n_items);

/* To be called once after the last add: in order of time. */
void ht_resident_list_sort(struct ht_resident_list *list);

/* What all processes had together, from this moment on. */
struct ht_resident_step {
	uint64_t tick;
	uint64_t private_bytes;
};

struct ht_resident_course {
	struct ht_resident_step *steps; /* in order of time */
	size_t n_steps;
	uint64_t peak_private_bytes;
	uint64_t peak_tick;
};

/* Of the chosen processes (NULL: all). To be released with ht_resident_course_done. */
struct ht_resident_course ht_resident_course_new(const struct ht_resident_list *list,
                                                 const struct ht_process_list *processes,
                                                 const struct ht_process_selection *selection);
void ht_resident_course_done(struct ht_resident_course *course);

/*
 * The most private bytes in each of n parts of equal length of the time from from_tick to to_tick; *ret_peak the most of
 * all. False when nothing is known of that time.
 */
bool ht_resident_course_parts(const struct ht_resident_course *course, uint64_t from_tick,
                              uint64_t to_tick, double *parts, size_t n, uint64_t *ret_peak);

#endif
