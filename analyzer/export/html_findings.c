/* SPDX-License-Identifier: MIT */
/* What is worth changing, and what the recording did not see, on the page. Analyzer. */
#include "analyzer/export/html_page.h"
#include "analyzer/report/findings.h"
#include "analyzer/report/json_parts.h"
#include "analyzer/report/text_parts.h"

#include <stdlib.h>

#define MAX_FINDINGS 20u
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

/* The section of the text report, as it is; empty when everything was seen. */
static void put_not_seen(struct ht_html_page *p, const struct ht_report *report)
{
	const struct ht_text_style style = { .n_columns = TEXT_COLUMNS, .has_utf8 = true };
	char *text = NULL;
	size_t n_bytes = 0;
	FILE *memory = open_memstream(&text, &n_bytes);

	if (!memory)
		abort();

	struct ht_text_page page = ht_text_page_init(memory, &style);

	ht_text_coverage(&page, report);
	fclose(memory);
	ht_json_put_string(p->json, "notSeen", text);
	free(text);
}

void ht_html_findings_put(struct ht_html_page *page)
{
	const struct ht_export *export = page->export;
	const struct ht_report report = { .file = export->file,
		                          .model = export->model,
		                          .results = export->results,
		                          .symbolizer = export->symbolizer,
		                          .n_top = MAX_FINDINGS };

	struct ht_report_writer writer = { .json = *page->json, .report = &report };

	ht_json_findings(&writer);
	*page->json = writer.json;
	ht_named_stack_done(&writer.stack);
	put_nodes(page, &report);
	put_not_seen(page, &report);
}
