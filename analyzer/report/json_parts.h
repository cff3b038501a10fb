/* SPDX-License-Identifier: MIT */
/* The parts of the report as JSON that have a file of their own. Analyzer; for report/, and for pages with parts of it. */
#ifndef HT_JSON_PARTS_H
#define HT_JSON_PARTS_H

#include "analyzer/report/json_writer.h"
#include "analyzer/report/report.h"
#include "analyzer/report/stack_names.h"

/* Where the report is being written to. */
struct ht_report_writer {
	struct ht_json_writer json;
	const struct ht_report *report;
	struct ht_named_stack stack; /* of the site being written */
};

/* The keys of a stack, in an object that is open. */
void ht_report_writer_stack(struct ht_report_writer *w, uint32_t stack);

/* Each writes the key it is named after, or null for what was not recorded; SCHEMA.md. */
void ht_json_processes(struct ht_report_writer *w);
void ht_json_programs(struct ht_report_writer *w);
void ht_json_phases(struct ht_report_writer *w);
void ht_json_resident(struct ht_report_writer *w);
void ht_json_threads(struct ht_report_writer *w);
void ht_json_reallocs(struct ht_report_writer *w);
void ht_json_frees(struct ht_report_writer *w);
void ht_json_mapped(struct ht_report_writer *w);
void ht_json_pools(struct ht_report_writer *w);
void ht_json_misuses(struct ht_report_writer *w);
void ht_json_findings(struct ht_report_writer *w);
void ht_json_coverage(struct ht_report_writer *w);

#endif
