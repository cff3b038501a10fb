/* SPDX-License-Identifier: MIT */
/* Lists of sites with their stacks, as text. Analyzer. */
#ifndef HT_TEXT_SITES_H
#define HT_TEXT_SITES_H

#include "analyzer/report/report.h"
#include "analyzer/report/site_rank.h"
#include "analyzer/report/text_page.h"

/* Write the top sites for a question, each with its stack, and a line for the others. */
void ht_text_sites(struct ht_text_page *page, const struct ht_report *report,
                   enum ht_site_order order);

/* The beginning of the line about a site: a part and an amount; what follows it says of what. */
void ht_text_amount(struct ht_text_page *page, const char *pct, const char *amount, bool is_strong);

/* The frames of a stack, as many as the report shows. */
void ht_text_stack(struct ht_text_page *page, const struct ht_report *report, uint32_t stack);

#endif
