/* SPDX-License-Identifier: MIT */
/* Conditions for blocks as people write them: size>1M, life<1ms, thread=1234. Analyzer. */
#ifndef HT_BLOCK_CONDITIONS_H
#define HT_BLOCK_CONDITIONS_H

#include "analyzer/replay/block_choice.h"
#include "analyzer/report/frame_rules.h"

#include <stdbool.h>

/* Whether one begins at text. */
bool ht_block_condition_begins(const char *text);

/* Where the first one begins that stands at text, or behind a ',' in it; NULL: there is none. */
const char *ht_block_condition_find(const char *text);

/*
 * Add the condition at text to the filter; *ret_end is behind it: at its ',' or at the end of text. False, with why in
 * error, when it makes no sense.
 */
bool ht_block_condition_add(struct ht_block_filter *filter, const char *text, const char **ret_end,
                            char error[HT_RULE_ERROR_BYTES]);

#endif
