/* SPDX-License-Identifier: MIT */
/* The section about what is worth changing, of the text report. Analyzer. */
#include "analyzer/report/findings.h"
#include "analyzer/report/text_parts.h"
#include "analyzer/report/text_sites.h"

#include <stdlib.h>
#include <string.h>

/* Sentences on lines of their own begin here. */
#define SENTENCE_COLUMN 23u

/* Findings that the whole report has. */
#define MAX_LISTED_FINDINGS 3u

/* A sentence on as many lines as it needs, all from column on. */
static void put_sentence(struct ht_text_page *page, const char *text, unsigned column)
{
	size_t n_fitting = page->style->n_columns - column;

	while (*text) {
		size_t n_bytes = strlen(text);

		if (n_bytes > n_fitting) {
			for (n_bytes = n_fitting; n_bytes > 0 && text[n_bytes] != ' '; n_bytes--)
				;
			if (n_bytes == 0)
				n_bytes = n_fitting;
		}
		if (page->column < column)
			ht_text_to_column(page, column);
		ht_text_putf(page, HT_PAINT_PLAIN, "%.*s", (int)n_bytes, text);
		ht_text_end_line(page);
		text += n_bytes;
		text += *text == ' ';
	}
}

static void put_finding(struct ht_text_page *page, const struct ht_report *report,
                        const struct ht_finding *f)
{
	char pct[HT_HUMAN_BYTES];
	struct ht_humans h;

	ht_text_end_line(page);
	ht_text_amount(page, ht_human_pct(pct, f->part, f->whole), ht_human_count(h.a, f->n), true);
	put_sentence(page, f->what, SENTENCE_COLUMN);
	ht_text_stack(page, report, f->site->stack);
	put_sentence(page, f->advice, HT_LABEL_COLUMNS);
}

void ht_text_findings(struct ht_text_page *page, const struct ht_report *report, bool has_all)
{
	struct ht_findings found = ht_findings_new(report);
	size_t n_shown = found.n_findings, n_max = report->n_top;
	char text[HT_HUMAN_BYTES];

	if (!has_all && n_max > MAX_LISTED_FINDINGS)
		n_max = MAX_LISTED_FINDINGS;
	if (n_shown > n_max)
		n_shown = n_max;
	if (found.n_findings == 0 && !has_all)
		return;
	ht_text_heading(page, "FINDINGS");
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	if (found.n_findings == 0)
		ht_text_put(page, HT_PAINT_PLAIN, "nothing that the rules know");
	else
		ht_text_putf(page, HT_PAINT_STRONG, "%s place%s worth a look",
		             ht_human_count(text, found.n_findings), ht_plural(found.n_findings));
	if (n_shown < found.n_findings)
		ht_text_putf(page, HT_PAINT_DIM, " (%zu here; --findings has more)", n_shown);
	ht_text_end_line(page);
	for (size_t i = 0; i < n_shown; i++)
		put_finding(page, report, &found.findings[i]);
	free(found.findings);
}
