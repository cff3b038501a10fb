/* SPDX-License-Identifier: MIT */
/* Turns the events of one EVENTS block into its columns. Analyzer. */
#ifndef HT_EVENT_ENCODER_H
#define HT_EVENT_ENCODER_H

#include <heaptide/end_rule.h>
#include <heaptide/error.h>
#include <heaptide/event_columns.h>
#include <heaptide/trace_codec.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_event_encoder;

/* For blocks of up to max_events. Release with ht_event_encoder_free(). Errors: HT_ERR_NOMEM. */
enum ht_err ht_event_encoder_new(uint32_t max_events,
                                 struct ht_event_encoder **ret_encoder) HT_MUST_CHECK;
void ht_event_encoder_free(struct ht_event_encoder *encoder);

/* Events from here on are of another segment, whose next expected id is next_id. */
void ht_event_encoder_begin_segment(struct ht_event_encoder *encoder, uint64_t next_id);

/*
 * Add *e, but for its tick, which the caller puts into ht_event_encoder_ticks(). Not while
 * ht_event_encoder_is_full().
 */
void ht_event_encoder_put(struct ht_event_encoder *encoder, const struct ht_event *e);
struct ht_put *ht_event_encoder_ticks(struct ht_event_encoder *encoder);

/* The next expected id of the segment. */
uint64_t ht_event_encoder_next_id(const struct ht_event_encoder *encoder);

/* Whether the block has to end here: it has max_events, or as many different nodes as it can. */
bool ht_event_encoder_is_full(const struct ht_event_encoder *encoder);

/*
 * The columns of the block, and the rule of its ENDS: the shortest, or *only_rule when that is not NULL.
 * The columns are valid until the next call; then the next block begins.
 */
enum ht_end_rule ht_event_encoder_finish(struct ht_event_encoder *encoder,
                                         const enum ht_end_rule *only_rule,
                                         struct ht_get ret_columns[HT_N_COLUMNS]);

/* Put the rule and the lengths of the columns, which stand before them in the body. */
void ht_event_columns_put_head(struct ht_put *p, enum ht_end_rule rule,
                               const struct ht_get columns[HT_N_COLUMNS]);

#endif
