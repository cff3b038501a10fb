/* SPDX-License-Identifier: MIT */
/* Which programs and forks of a process tree the user wants recorded. Target, may not allocate. */
#ifndef HT_FOLLOW_H
#define HT_FOLLOW_H

#include <heaptide/shared_region.h>
#include <stdbool.h>

/*
 * Whether this image, which was just loaded, is to be recorded; to be asked once per image, as it counts
 * there. exe is the path of its program, name its first argument.
 */
bool ht_follow_wants_image(struct ht_region_header *region, const char *exe, const char *name);

/* Whether a fork's child of a recorded process is to be recorded. */
bool ht_follow_wants_fork(const struct ht_region_header *region);

#endif
