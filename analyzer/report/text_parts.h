/* SPDX-License-Identifier: MIT */
/* The parts that the text report is made of. Analyzer; inside report/ only. */
#ifndef HT_TEXT_PARTS_H
#define HT_TEXT_PARTS_H

#include "analyzer/base/human.h"
#include "analyzer/report/report.h"
#include "analyzer/report/text_page.h"

#include <stdbool.h>
#include <stdint.h>

/* Where the text right of a label or heading begins. */
#define HT_LABEL_COLUMNS 15u

/* Numbers as text, for one line. */
struct ht_humans {
	char a[HT_HUMAN_BYTES], b[HT_HUMAN_BYTES], c[HT_HUMAN_BYTES], d[HT_HUMAN_BYTES];
};

/* What was recorded, when, and how its processes ended. */
void ht_text_header(struct ht_text_page *page, const struct ht_report *report,
                    uint64_t duration_ns);

/* Which part of the trace this is about; nothing when it is all of it. */
void ht_text_window_line(struct ht_text_page *page, const struct ht_report *report);

/* Heading and numbers of the blocks that are still live; false, and nothing, when that is LEAKED. */
bool ht_text_window_leaks(struct ht_text_page *page, const struct ht_report *report);

/* The processes with the largest peaks, at most max, and their peak together. */
void ht_text_processes(struct ht_text_page *page, const struct ht_report *report, size_t max);

/* The processes put together by program. */
void ht_text_programs(struct ht_text_page *page, const struct ht_report *report);

/* What processes had in memory over time, as n_bars bars, and the most behind column; nothing when it is not known. */
void ht_text_resident(struct ht_text_page *page, const struct ht_report *report, size_t n_bars,
                      unsigned column);

/* Who mapped memory; nothing when that was not recorded. */
void ht_text_mapped(struct ht_text_page *page, const struct ht_report *report);

/* A table of what happened between marks, of max phases at most; nothing when there are none. */
void ht_text_phases(struct ht_text_page *page, const struct ht_report *report, size_t max);

/* The objects of pools that programs told of; nothing when there were none. */
void ht_text_pools(struct ht_text_page *page, const struct ht_report *report);

/* Reallocations; with the places that make most of them when has_sites, else nothing when there are none. */
void ht_text_reallocs(struct ht_text_page *page, const struct ht_report *report, bool has_sites);

/* Threads, and blocks that another one freed; has_all: with a table and the places, even of one thread. */
void ht_text_threads(struct ht_text_page *page, const struct ht_report *report, bool has_all);

/* Which places free what which others allocated; nothing unless it was recorded. has_all: as many pairs as sections list. */
void ht_text_frees(struct ht_text_page *page, const struct ht_report *report, bool has_all);


/* What is worth changing, the first ones; has_all: as many as sections list, and that there is nothing. */
void ht_text_findings(struct ht_text_page *page, const struct ht_report *report, bool has_all);

/* Mistakes with free; nothing when there were none. */
void ht_text_misuses(struct ht_text_page *page, const struct ht_report *report);

/* The lines of report->view for what a section counts. */
void ht_text_view(struct ht_text_page *page, const struct ht_report *report,
                  enum ht_site_order order);

/* What the trace did not see or lost; nothing when there is nothing to say. */
void ht_text_coverage(struct ht_text_page *page, const struct ht_report *report);

#endif
