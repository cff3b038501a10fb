/* SPDX-License-Identifier: MIT */
/* The events of one EVENTS block, decoded. Analyzer. */
#ifndef HT_EVENT_BLOCK_H
#define HT_EVENT_BLOCK_H

#include "analyzer/read/trace_file.h"

#include <heaptide/end_rule.h>
#include <heaptide/event_columns.h>
#include <heaptide/trace_format.h>

/* events holds those of all segments, one after another. All zero is an empty one, to be reused. */
struct ht_event_block {
	struct ht_event *events;
	size_t n_events;
	size_t events_capacity;
	struct ht_segment *segments;
	size_t n_segments;
	size_t segments_capacity;
	bool has_rising_ticks; /* in every segment, no tick is before its predecessor's */
	/* Scratch of decoding. */
	uint64_t *expected; /* distances, for HT_ENDS_EXPECTED; NULL until needed */
	uint32_t *leads;    /* the group of each */
	size_t leads_capacity;
	struct ht_event_group *groups;
	size_t groups_capacity;
};

/* What leads of one node have in the columns, in the order of time: where its next numbers are. */
struct ht_event_group {
	const uint8_t *tails;
	const uint8_t *sizes;
	const uint8_t *ends; /* for HT_ENDS_GROUPED */
	uint32_t n_leads;
	uint32_t node;
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
