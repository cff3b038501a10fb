/* SPDX-License-Identifier: MIT */
/* The line of the text report about the memory that processes had in the kernel's books. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/report/text_parts.h"

#include <stdlib.h>

void ht_text_resident(struct ht_text_page *page, const struct ht_report *report, size_t n_bars,
                      unsigned column)
{
	struct ht_resident_course course = ht_resident_course_new(
	        &report->model->residents, &report->model->processes, report->selection);
	double *bars = ht_xalloc_zeroed(n_bars, sizeof(*bars));
	char text[HT_HUMAN_BYTES];
	uint64_t peak;

	if (ht_resident_course_parts(&course, report->results->window.from_tick,
	                             report->results->end_tick, bars, n_bars, &peak)) {
		ht_text_put(page, HT_PAINT_PLAIN, "  resident");
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_bars(page, bars, n_bars);
		ht_text_to_column(page, column);
		ht_text_putf(page, HT_PAINT_DIM, "at most %s", ht_human_bytes(text, peak));
		ht_text_end_line(page);
	}
	free(bars);
	ht_resident_course_done(&course);
}
