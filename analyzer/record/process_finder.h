/* SPDX-License-Identifier: MIT */
/* Which process of ours a process slot's pid means, pid namespaces included. Analyzer. */
#ifndef HT_PROCESS_FINDER_H
#define HT_PROCESS_FINDER_H

#include "analyzer/record/region.h"

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

enum ht_found {
	HT_FOUND,      /* it has the region mapped, or is a zombie, or we may not look and believe it */
	HT_FOUND_EXEC, /* it is there and has become another program, without the region */
	HT_FOUND_NOT,  /* it is gone */
};

/*
 * Find the process that calls itself pid in pid_namespace (its inode; 0: not known), child of ppid (-1:
 * not known),
 * and has the region mapped. *ret_pid is its number in our namespace; untouched for HT_FOUND_NOT.
 */
enum ht_found ht_process_finder_find(const struct ht_region *region, pid_t pid, pid_t ppid,
				     uint64_t pid_namespace, pid_t *ret_pid);

/* Whether this process, pid in our namespace, is there and has no longer mapped the region it had. */
bool ht_process_finder_has_left(const struct ht_region *region, pid_t pid);

/* Whether the numbers of processes in a pid namespace mean the same here. [any thread] */
bool ht_process_finder_is_ours(uint64_t pid_namespace);

#endif
