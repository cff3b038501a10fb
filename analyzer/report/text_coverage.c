/* SPDX-License-Identifier: MIT */
/* The part of the text report about what is not in the trace. Analyzer. */
#include "analyzer/base/strbuf.h"
#include "analyzer/report/stack_names.h"
#include "analyzer/report/text_parts.h"

/* One line about something that was not seen, if there was any. */
static void put_gap(struct ht_text_page *page, uint64_t n, const char *what)
{
	char text[HT_HUMAN_BYTES];

	if (n == 0)
		return;
	ht_text_put_right(page, HT_PAINT_WARNING, ht_human_count(text, n), HT_LABEL_COLUMNS - 2);
	ht_text_to_column(page, HT_LABEL_COLUMNS);
	ht_text_put(page, HT_PAINT_PLAIN, what);
	ht_text_end_line(page);
}

static bool has_gaps(const struct ht_coverage *c)
{
	uint64_t n = c->n_lost_events | c->n_damages | c->n_unknown_frees | c->n_missed_frees |
	             c->n_nested_calls | c->n_untracked_addrs | c->n_stacks_differing |
	             c->n_anomalies;

	for (int i = 1; i < HT_N_TRUNC; i++)
		n |= c->n_truncated[i];
	return n != 0 || c->is_incomplete;
}

void ht_text_coverage(struct ht_text_page *page, const struct ht_report *report)
{
	struct ht_coverage c = ht_report_coverage(report);
	const struct ht_recording *recording = &report->model->recording;

	if (!has_gaps(&c))
		return;
	ht_text_heading(page, "NOT SEEN");
	ht_text_end_line(page);
	if (!recording->has_end || ht_trace_file_end(report->file) != HT_FILE_END_GOOD) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_put(page, HT_PAINT_WARNING,
		            "The end of the trace is missing; this is what was recorded before.");
		ht_text_end_line(page);
	} else if (c.is_incomplete) {
		ht_text_to_column(page, HT_LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_WARNING, "The recording stopped early: %s",
		             recording->end_reason[0]                  ? recording->end_reason
		             : recording->end == HT_RECORD_INTERRUPTED ? "interrupted"
		             : recording->end == HT_RECORD_LIMIT ? "it reached its size limit"
		                                                       : "the file could not grow");
		ht_text_end_line(page);
	}
	put_gap(page, c.n_lost_events, "events were lost while recording (overload)");
	put_gap(page, c.n_damages, "places in the file are damaged; see: heaptide verify");
	put_gap(page, c.n_damaged_events, "events were in damaged blocks");
	put_gap(page, c.n_anomalies, "events contradict others; see: heaptide verify");
	put_gap(page, c.n_unknown_frees, "frees of blocks whose allocation was not seen");
	put_gap(page, c.n_missed_frees, "blocks were freed unseen (their address came back)");
	put_gap(page, c.n_nested_calls, "calls from inside the allocator or from signal handlers");
	put_gap(page, c.n_untracked_addrs, "blocks at addresses that cannot be tracked");
	put_gap(page, c.n_stacks_differing, "stacks differ from libunwind's");
	for (uint32_t i = 1; i < HT_N_TRUNC; i++) {
		struct ht_strbuf what = { 0 };

		ht_strbuf_addf(&what, "stacks end early: %s", ht_truncation_text(i));
		put_gap(page, c.n_truncated[i], what.text);
		ht_strbuf_done(&what);
	}
}
