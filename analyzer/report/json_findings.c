/* SPDX-License-Identifier: MIT */
/* What is worth changing, as JSON. Analyzer. */
#include "analyzer/report/findings.h"
#include "analyzer/report/frame_json.h"
#include "analyzer/report/json_parts.h"

#include <stdlib.h>

void ht_json_findings(struct ht_json_writer *json, const struct ht_report *report)
{
	struct ht_findings found = ht_findings_new(report);
	struct ht_named_stack stack = { 0 };

	ht_json_key(json, "findings");
	ht_json_begin_array(json);
	for (size_t i = 0; i < found.n_findings && i < report->n_top; i++) {
		const struct ht_finding *f = &found.findings[i];

		ht_json_begin_object(json);
		ht_json_put_string(json, "kind", ht_finding_name(f->kind));
		ht_json_key(json, "share");
		ht_json_double(json, (double)f->part / (double)f->whole);
		ht_json_put_u64(json, "count", f->n);
		ht_json_put_u64(json, "bytes", f->bytes);
		ht_json_put_string(json, "what", f->what);
		ht_json_put_string(json, "advice", f->advice);
		ht_stack_names_resolve(report->model, report->symbolizer, f->site->stack, &stack);
		ht_frame_rules_strip(report->rules, &stack);
		ht_stack_json(json, &stack);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
	ht_named_stack_done(&stack);
	free(found.findings);
}
