/* SPDX-License-Identifier: MIT */
/* Creates the shared region and keeps the proof that its recorder lives. Analyzer. */
#ifndef HT_REGION_H
#define HT_REGION_H

#include "analyzer/record/clock_source.h"

#include <heaptide/error.h>
#include <heaptide/shared_region.h>
#include <limits.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* How many of what. Sizes are multiples of 4096; a memfd's pages exist only once touched. */
struct ht_region_geometry {
	uint32_t n_process_slots;
	uint32_t n_small_chunks;
	uint32_t small_chunk_bytes;
	uint32_t n_large_chunks;
	uint32_t large_chunk_bytes;
};
extern const struct ht_region_geometry ht_region_default_geometry;

/* What the targets read in the header; see struct ht_region_header. */
struct ht_region_settings {
	uint32_t overload;
	uint32_t unwind;
	uint32_t max_frames;
	uint32_t log_level;
	bool has_python;
	bool has_mappings;
	bool has_free_stacks;
	uint32_t follow;
	char only[HT_REGION_ONLY_BYTES];
};

struct ht_region {
	struct ht_region_header *header; /* mapped shared */
	size_t n_bytes;
	int fd;
	dev_t dev; /* with ino: what /proc/PID/maps calls it */
	ino_t ino;
	bool is_memfd;
	bool can_lease; /* whether the kernel tells with a lease who else has it open */
	char path[PATH_MAX]; /* for HEAPTIDE_REGION */
};

/*
 * Make a region, state STARTING, with its recorder lock held by the calling thread until that dies.
 * geometry may be NULL for the default. Release with ht_region_done().
 * Errors: HT_ERR_IO, HT_ERR_NOMEM; *diag says what failed.
 */
enum ht_err ht_region_init(struct ht_region *region, const struct ht_region_geometry *geometry,
			   const struct ht_region_settings *settings, struct ht_diag *diag)
	HT_MUST_CHECK;

/* Say which clock it is and let targets in: settings are constant from here on. */
void ht_region_open(struct ht_region *region, const struct ht_clock_source *clock);

/* End the recording for the targets: they go inert, those that wait are woken. */
void ht_region_close(struct ht_region *region);

/* Tell waiting targets that chunks became FREE. */
void ht_region_wake(struct ht_region *region);

/*
 * Give the region up unless some other process maps it: also one that a fork made and that has not
 * allocated yet. True: it was given up, who maps it from now on finds it CLOSED if he can map it at
 * all, and the header may be NULL. False: it is in use and goes on; the header may have moved, unless
 * can_lease. Without leases a region that is not a memfd cannot tell: true.
 */
bool ht_region_retire(struct ht_region *region);

void ht_region_done(struct ht_region *region);

#endif
