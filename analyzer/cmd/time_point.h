/* SPDX-License-Identifier: MIT */
/* Moments of a trace as people write them: 1.5s, 20%, peak, end, mark:NAME. Analyzer. */
#ifndef HT_TIME_POINT_H
#define HT_TIME_POINT_H

#include "analyzer/cmd/trace_input.h"
#include "analyzer/replay/replay.h"

#include <stdbool.h>
#include <stdint.h>

enum ht_time_point_kind {
	HT_TIME_NS = 0, /* trace time */
	HT_TIME_PART,   /* of the time to the last event, in millionths */
	HT_TIME_PEAK,
	HT_TIME_END,
	HT_TIME_MARK,
};

struct ht_time_point {
	enum ht_time_point_kind kind;
	uint64_t value;
	const char *mark; /* its name; lives as long as the text that was parsed */
};

/* What ht_time_point_parse() takes, for messages. */
#define HT_TIME_POINT_FORMS "a time like 1.5s, 200ms or 2m, a part like 20%, peak, end, or mark:LABEL"

/* False, and *ret_point untouched, when text is none of these. */
bool ht_time_point_parse(const char *text, struct ht_time_point *ret_point);

/* Whether the trace has the moment; if not, which mark is missing has been said. */
bool ht_time_point_exists(const struct ht_time_point *point, const struct ht_trace_input *input);

/*
 * The moment in this trace, which exists. For the peak the trace is replayed as *options say (whose window is ignored),
 * at most once: *peak is all zero before the first call, and kept.
 */
struct ht_moment ht_time_point_find(const struct ht_time_point *point, struct ht_trace_input *input,
                                    const struct ht_replay_options *options,
                                    struct ht_moment *peak);

#endif
