/* SPDX-License-Identifier: MIT */
/* A written trace, decoded block by block with the reader, for comparison. Tests. */
#ifndef HT_READ_BACK_H
#define HT_READ_BACK_H

#include "analyzer/read/event_block.h"
#include "analyzer/read/trace_file.h"

#include <heaptide/trace_codec.h>
#include <stddef.h>
#include <stdint.h>

/* One event with the thread it belongs to. */
struct ht_read_event {
	uint32_t process_serial;
	uint32_t thread_serial;
	uint32_t tid;
	struct ht_event event;
};

struct ht_read_back {
	struct ht_trace_file *file;
	struct ht_read_event *events; /* in file order */
	size_t n_events;
	size_t n_blocks_of[HT_N_BLOCK_TYPES];
	size_t n_segments;
};

/* A name for a new file in a private directory that is removed at exit. */
const char *ht_read_back_new_path(void);

/* Open path and decode all events; every failure fails the test. */
void ht_read_back_init(struct ht_read_back *read, const char *path);
void ht_read_back_done(struct ht_read_back *read);

/*
 * The body of the i-th block of a type, valid until the next call; fails the test when there is none.
 */
struct ht_get ht_read_back_body(struct ht_read_back *read, uint32_t type, size_t i,
				uint64_t *ret_n_items);

/* The kind and code of a process's PROCESS_END; fails the test when there is none. */
void ht_read_back_process_end(struct ht_read_back *read, uint32_t serial, uint32_t *ret_kind,
			      uint32_t *ret_code);

#endif
