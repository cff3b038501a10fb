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

#endif
