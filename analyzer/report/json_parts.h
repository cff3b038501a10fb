/* SPDX-License-Identifier: MIT */
/* The parts of the report as JSON that have a file of their own. Analyzer; inside report/ only. */
#ifndef HT_JSON_PARTS_H
#define HT_JSON_PARTS_H

#include "analyzer/report/json_writer.h"
#include "analyzer/report/report.h"

/* Keys "threads", "reallocs" and "frees", each with an object (frees: null when not recorded); SCHEMA.md. */
void ht_json_threads(struct ht_json_writer *json, const struct ht_report *report);
void ht_json_reallocs(struct ht_json_writer *json, const struct ht_report *report);
/* Key "findings", an array. */
void ht_json_findings(struct ht_json_writer *json, const struct ht_report *report);
void ht_json_frees(struct ht_json_writer *json, const struct ht_report *report);

#endif
