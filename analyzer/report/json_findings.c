/* SPDX-License-Identifier: MIT */
/* What is worth changing, as JSON. Analyzer. */
#include "analyzer/report/findings.h"
#include "analyzer/report/json_parts.h"

#include <stdlib.h>

void ht_json_findings(struct ht_report_writer *w)
{
	struct ht_findings found = ht_findings_new(w->report);
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "findings");
	ht_json_begin_array(json);
	for (size_t i = 0; i < found.n_findings && i < w->report->n_top; i++) {
		const struct ht_finding *f = &found.findings[i];

		ht_json_begin_object(json);
		ht_json_put_string(json, "kind", ht_finding_name(f->kind));
		ht_json_key(json, "share");
		ht_json_double(json, (double)f->part / (double)f->whole);
		ht_json_put_u64(json, "count", f->n);
		ht_json_put_u64(json, "bytes", f->bytes);
		ht_json_put_string(json, "what", f->what);
		ht_json_put_string(json, "advice", f->advice);
		ht_report_writer_stack(w, f->site->stack);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
	free(found.findings);
}
