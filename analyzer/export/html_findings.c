/* SPDX-License-Identifier: MIT */
/* What is worth changing, mistakes, what the recording did not see, and all of the report as text, on the page. Analyzer. */
#include "analyzer/export/html_page.h"
#include "analyzer/report/findings.h"
#include "analyzer/report/json_parts.h"
#include "analyzer/report/leak_class.h"
#include "analyzer/report/report_extras.h"
#include "analyzer/report/text_parts.h"

#include <stdlib.h>

#define MAX_FINDINGS 10u
#define MAX_FRAMES   12u
#define TEXT_COLUMNS 100u

/* Where the stack of each finding is in the tree. */
static void put_nodes(struct ht_html_page *p, const struct ht_report *report)
{
	const struct ht_site *sites = report->results->sites.sites;
	struct ht_findings found = ht_findings_new(report);

	ht_html_put_array(p, "findingNodes");
	for (size_t i = 0; i < found.n_findings && i < report->n_top; i++)
		ht_json_u64(p->json,
		            ht_html_page_node(p, (uint32_t)(found.findings[i].site - sites)));
	ht_json_end_array(p->json);
	ht_json_put_u64(p->json, "nFindings", found.n_findings);
	free(found.findings);
}

/* A part of the text report, as it is; empty when there is nothing to say. */
static void put_text(struct ht_html_page *p, const char *key, const struct ht_report *report,
                     void (*put)(struct ht_text_page *page, const struct ht_report *report))
{
	const struct ht_text_style style = { .n_columns = TEXT_COLUMNS, .has_utf8 = true };
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *memory = open_memstream(&text, &n_bytes);

	if (!memory)
		abort();
	if (put) {
		struct ht_text_page page = ht_text_page_init(memory, &style);

		put(&page, report);
	} else {
		ht_report_text(report, &style, memory);
	}
	fclose(memory);
	ht_json_put_string(p->json, key, text);
	free(text);
}

void ht_html_findings_put(struct ht_html_page *page)
{
	const struct ht_export *export = page->export;
	struct ht_report_extras extras;
	struct ht_leak_classes leaks = ht_leak_classes_new(export->model, &export->results->sites,
	                                                   export->symbolizer, NULL);
	struct ht_report report = { .file = export->file,
		                    .model = export->model,
		                    .results = export->results,
		                    .symbolizer = export->symbolizer,
		                    .n_top = MAX_FINDINGS,
		                    .n_frames = MAX_FRAMES,
		                    .leaks = &leaks };
	struct ht_report_writer writer = { .json = *page->json, .report = &report };

	ht_report_extras_run(export->file, export->model, export->results, NULL, export->symbolizer,
	                     0, &extras);
	ht_report_extras_apply(&extras, &report);
	ht_json_findings(&writer);
	*page->json = writer.json;
	ht_named_stack_done(&writer.stack);
	put_nodes(page, &report);
	put_text(page, "misuses", &report, ht_text_misuses);
	put_text(page, "notSeen", &report, ht_text_coverage);
	put_text(page, "words", &report, NULL);
	ht_leak_classes_done(&leaks);
	ht_report_extras_done(&extras);
}
