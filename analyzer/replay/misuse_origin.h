/* SPDX-License-Identifier: MIT */
/* Where the blocks of misuses came from, and where they went before. Analyzer. */
#ifndef HT_MISUSE_ORIGIN_H
#define HT_MISUSE_ORIGIN_H

#include "analyzer/model/trace_model.h"
#include "analyzer/read/trace_file.h"

#include <stdbool.h>
#include <stdint.h>

/* An event of a block's life. */
struct ht_misuse_event {
	bool is_known;
	uint32_t process; /* index */
	uint32_t thread_serial;
	uint32_t node; /* 0: recorded without a stack */
	uint64_t tick;
};

struct ht_misuse_origin {
	struct ht_misuse_event allocated; /* or resized, the last time */
	struct ht_misuse_event freed;     /* the time that was right */
	uint64_t n_bytes;
};

/*
 * Of each misuse of the model, in the same order; to be freed. Reads all events again, up to the last misuse that is
 * about a block; none when no misuse is. Damage is noted in file.
 */
struct ht_misuse_origin *ht_misuse_origins_new(struct ht_trace_file *file,
                                               struct ht_trace_model *model, unsigned n_jobs);

#endif
