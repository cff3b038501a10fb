/* SPDX-License-Identifier: MIT */
/* Chooses how a block says which ids ended. Analyzer. */
#ifndef HT_END_CHOOSER_H
#define HT_END_CHOOSER_H

#include <heaptide/end_rule.h>
#include <heaptide/error.h>
#include <heaptide/trace_codec.h>

#include <stddef.h>
#include <stdint.h>

struct ht_end_chooser;

/* For blocks of up to max_events. Release with ht_end_chooser_free(). Errors: HT_ERR_NOMEM. */
enum ht_err ht_end_chooser_new(uint32_t max_events, struct ht_end_chooser **ret_chooser) HT_MUST_CHECK;
void ht_end_chooser_free(struct ht_end_chooser *chooser);

/*
 * The rule, and ENDS by it, of a block whose columns have ENDS as HT_ENDS_PLAIN. *ret_ends is valid until
 * the next call, or is columns' own.
 */
enum ht_end_rule ht_end_chooser_choose(struct ht_end_chooser *chooser,
				       const struct ht_segment *segments, size_t n_segments,
				       const struct ht_get columns[HT_N_COLUMNS],
				       struct ht_get *ret_ends);

#endif
