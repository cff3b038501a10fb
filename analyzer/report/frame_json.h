/* SPDX-License-Identifier: MIT */
/* A frame of a stack as JSON, the same in every command. Analyzer. */
#ifndef HT_FRAME_JSON_H
#define HT_FRAME_JSON_H

#include "analyzer/report/json_writer.h"
#include "analyzer/report/stack_names.h"

/* Write the frame as an object, FRAME of SCHEMA.md; what is unknown is null. */
void ht_frame_json(struct ht_json_writer *json, const struct ht_named_frame *frame);

/* Keys "stack" and "truncated", in an object that is open. */
void ht_stack_json(struct ht_json_writer *json, const struct ht_named_stack *stack);

#endif
