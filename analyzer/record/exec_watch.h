/* SPDX-License-Identifier: MIT */
/* Finds the programs that processes of the recording ran and that never attached to it. Analyzer. */
#ifndef HT_EXEC_WATCH_H
#define HT_EXEC_WATCH_H

#include "analyzer/record/region.h"
#include "analyzer/record/unseen.h"

#include <stdint.h>

struct ht_exec_watch;

/* Both must outlive it; unseen may be NULL. NULL when there is no memory: then nothing is found. */
struct ht_exec_watch *ht_exec_watch_new(struct ht_region *region, struct ht_unseen *unseen);

/* NULL is fine, here and below. */
void ht_exec_watch_free(struct ht_exec_watch *watch);

/* A process attached, with this number of its own. */
void ht_exec_watch_attached(struct ht_exec_watch *watch, uint32_t pid, uint64_t start_tick);

/* Look at the notes, after all who attached by now have been told of. What is neither here nor gone is asked again. */
void ht_exec_watch_look(struct ht_exec_watch *watch);

/* The region may go away from here on: remember the notes. */
void ht_exec_watch_keep(struct ht_exec_watch *watch);

/* It did: look at what was remembered, for the last time. */
void ht_exec_watch_finish(struct ht_exec_watch *watch);

#endif
