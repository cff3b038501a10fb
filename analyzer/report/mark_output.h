/* SPDX-License-Identifier: MIT */
/* The moments that programs named, as text and as JSON. Analyzer. */
#ifndef HT_MARK_OUTPUT_H
#define HT_MARK_OUTPUT_H

#include "analyzer/model/trace_model.h"
#include "analyzer/report/json_writer.h"
#include "analyzer/report/text_page.h"

/* A line for each, max_marks at most, without a heading. */
void ht_text_marks(struct ht_text_page *page, const struct ht_trace_model *model, size_t max_marks);

/* The key "marks" with an array; SCHEMA.md. */
void ht_json_marks(struct ht_json_writer *json, const struct ht_trace_model *model);

#endif
