/* SPDX-License-Identifier: MIT */
/* Asks the kernel now and then how much memory recorded processes have. Analyzer. */
#ifndef HT_RESIDENT_WATCH_H
#define HT_RESIDENT_WATCH_H

#include "analyzer/record/clock_source.h"
#include "analyzer/record/column_writer.h"

#include <stdint.h>
#include <sys/types.h>

/* How long a process has run at its first sample, and between samples at first. */
#define HT_RESIDENT_INTERVAL_NS 10000000u

struct ht_resident_watch;

/* columns and clock must outlive the watch. NULL when there is no memory: then nothing is watched. */
struct ht_resident_watch *ht_resident_watch_new(struct ht_column_writer *columns,
                                                const struct ht_clock_source *clock,
                                                uint32_t n_slots);

/* NULL is fine, here and below. */
void ht_resident_watch_free(struct ht_resident_watch *watch);

/* From now_ns on (CLOCK_MONOTONIC) this slot is this process; pid is as we call it, 0: not known, it is left out. */
void ht_resident_watch_begin(struct ht_resident_watch *watch, uint32_t slot, uint32_t serial, pid_t pid,
                             uint64_t now_ns);
void ht_resident_watch_end(struct ht_resident_watch *watch, uint32_t slot);

/*
 * Take samples of those for which it is time. What has not changed is not written again. The longer a process runs,
 * and the more of them run, the longer is the time between samples. Returns how many were asked.
 */
uint32_t ht_resident_watch_look(struct ht_resident_watch *watch, uint64_t now_ns);

#endif
