/* SPDX-License-Identifier: MIT */
/* The options of a report about which stacks it lists, and how: --by, --sort, --filter, --suppressions, ... Analyzer. */
#ifndef HT_VIEW_OPTIONS_H
#define HT_VIEW_OPTIONS_H

#include "analyzer/base/strbuf.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/report/leak_class.h"
#include "analyzer/report/report.h"
#include "analyzer/report/view.h"

#define HT_VIEW_OPTIONS_HELP                                                                      \
	"      --by VIEW        what sections list: stack, function, file, module, tree "         \
	"(outermost\n"                                                                            \
	"                       function first), inverted (innermost first), callers:REGEX or\n"  \
	"                       callees:REGEX of functions\n"                                     \
	"      --sort KEY       what lists are sorted by, where not by what their section is "    \
	"about:\n"                                                                                \
	"                       a key of SITE in the JSON, or peak, leaked, allocated, "          \
	"temporary,\n"                                                                            \
	"                       count, own-peak; age: the oldest leak first; total, self: rows "  \
	"by\n"                                                                                    \
	"                       what they have inclusive or not\n"                                \
	"      --filter COND    only stacks with such a frame: fn~REGEX, fn=NAME, module=NAME,\n" \
	"                       file=NAME; with !~ or != without one; several with , between;\n"  \
	"                       size>1M, life<1ms, thread=TID: count only such blocks, in sums "   \
	"too\n"                                                                                    \
	"      --suppressions F leaks with a frame that a line leak:PATTERN of this file is for " \
	"are not\n"                                                                               \
	"                       listed, as LeakSanitizer does it\n"                               \
	"      --hide REGEX     leave functions out of stacks and views; may be repeated\n"       \
	"      --alloc-fn REGEX functions that only allocate for their callers, as operator new " \
	"does;\n"                                                                                 \
	"                       left out where they are innermost; may be repeated\n"

/* All zero is none of them; to be released with ht_view_options_done. */
struct ht_view_options {
	enum ht_view_kind kind;
	bool is_by_total;
	bool is_by_self;
	struct ht_site_choice choice;
	struct ht_frame_rules rules;
	struct ht_frame_rules suppressions;
	struct ht_leak_classes leaks; /* which the report has */
	struct ht_strbuf filter;       /* as it was given: what is about frames, */
	struct ht_strbuf block_filter; /* and about blocks; */
	struct ht_block_filter blocks; /* what that says, when there is some */
	char error[HT_RULE_ERROR_BYTES];
	bool *is_shown;
	struct ht_view view; /* the one that the report has */
};

/* One option each. False when it makes no sense, with more about it in error when there is more to say. */
bool ht_view_options_by(struct ht_view_options *o, const char *text);
bool ht_view_options_sort(struct ht_view_options *o, const char *text);
bool ht_view_options_filter(struct ht_view_options *o, const char *text);

/* The blocks that --filter asks for, to be freed; NULL when it says nothing about blocks. It goes through the trace. */
struct ht_block_choice *ht_view_options_blocks(const struct ht_view_options *o,
                                               struct ht_trace_input *input, unsigned n_jobs);

bool ht_view_options_suppressions(struct ht_view_options *o, const char *path);
bool ht_view_options_frames(struct ht_view_options *o, uint32_t what, const char *regex);

/* Put what they say into a report that has all its other parts; o must outlive it. */
void ht_view_options_apply(struct ht_view_options *o, struct ht_report *report);

void ht_view_options_done(struct ht_view_options *o);

#endif
