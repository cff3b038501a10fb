/* SPDX-License-Identifier: MIT */
/* The events of one EVENTS block, decoded. Analyzer. */
#ifndef HT_EVENT_BLOCK_H
#define HT_EVENT_BLOCK_H

#include "analyzer/read/trace_file.h"

#include <heaptide/end_rule.h>
#include <heaptide/trace_codec.h>
#include <heaptide/trace_format.h>

/* events holds those of all segments, one after another. All zero is an empty one, to be reused. */
struct ht_event_block {
	struct ht_event *events;
	size_t n_events;
	size_t events_capacity;
	struct ht_segment *segments;
	size_t n_segments;
	size_t segments_capacity;
	uint64_t *expected; /* distances, for HT_ENDS_EXPECTED; NULL until needed */
};

void ht_event_block_done(struct ht_event_block *events);

/*
 * Decode a body as ht_trace_file_load gave it for *block. HT_ERR_CORRUPT, with *diag filled and *events
 * in no useful state, when anything in it is impossible or is not what the header says. [any thread]
 */
enum ht_err ht_event_block_decode(struct ht_event_block *events, const struct ht_block *block,
                                  const uint8_t *body, size_t n_bytes,
                                  struct ht_diag *diag) HT_MUST_CHECK;

#endif
