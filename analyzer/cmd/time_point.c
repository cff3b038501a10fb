/* SPDX-License-Identifier: MIT */
/* Moments of a trace as people write them. Analyzer. */
#include "analyzer/cmd/time_point.h"

#include "analyzer/base/checked.h"
#include "analyzer/cmd/cmd.h"

#include <string.h>

#define PARTS 1000000u

/* Decimal digits, perhaps with a fraction, as millionths. False when there is none, or it is too large. */
static bool read_millionths(const char **text, uint64_t *ret_value)
{
	const char *pos = *text;
	uint64_t value = 0, digit_value = PARTS / 10;

	if (*pos < '0' || *pos > '9')
		return false;
	for (; *pos >= '0' && *pos <= '9'; pos++) {
		if (!ht_mul_u64(value, 10, &value) ||
		    !ht_add_u64(value, (uint64_t)(*pos - '0'), &value))
			return false;
	}
	if (!ht_mul_u64(value, PARTS, &value))
		return false;
	if (*pos == '.') {
		for (pos++; *pos >= '0' && *pos <= '9'; pos++, digit_value /= 10) {
			if (!ht_add_u64(value, digit_value * (uint64_t)(*pos - '0'), &value))
				return false;
		}
	}
	*text = pos;
	*ret_value = value;
	return true;
}

bool ht_time_point_parse(const char *text, struct ht_time_point *ret_point)
{
	static const struct {
		const char *name;
		uint64_t ns;
	} units[] = {
		{ "ns", 1 },
		{ "us", 1000 },
		{ "ms", 1000000 },
		{ "s", 1000000000 },
		{ "m", 60000000000ull },
		{ "min", 60000000000ull },
		{ "h", 3600000000000ull },
	};
	uint64_t millionths, ns;

	if (strcmp(text, "peak") == 0) {
		*ret_point = (struct ht_time_point){ HT_TIME_PEAK, 0, NULL };
		return true;
	}
	if (strcmp(text, "end") == 0) {
		*ret_point = (struct ht_time_point){ HT_TIME_END, 0, NULL };
		return true;
	}
	if (strncmp(text, "mark:", 5) == 0) {
		*ret_point = (struct ht_time_point){ HT_TIME_MARK, 0, text + 5 };
		return text[5] != '\0';
	}
	if (!read_millionths(&text, &millionths))
		return false;
	if (strcmp(text, "%") == 0) {
		*ret_point = (struct ht_time_point){ HT_TIME_PART, millionths / 100, NULL };
		return millionths <= 100ull * PARTS;
	}
	if (*text == '\0') { /* 0 needs no unit */
		*ret_point = (struct ht_time_point){ HT_TIME_NS, 0, NULL };
		return millionths == 0;
	}
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++) {
		if (strcmp(text, units[i].name) != 0)
			continue;
		ns = ht_mul_div_u64(millionths, units[i].ns, PARTS);
		*ret_point = (struct ht_time_point){ HT_TIME_NS, ns, NULL };
		return ns != UINT64_MAX;
	}
	return false;
}

/* Of the last event or end of a process, as far as block headers know. */
static uint64_t last_tick_of(const struct ht_trace_input *input)
{
	size_t n_blocks;
	const struct ht_block *blocks = ht_trace_file_blocks(input->file, &n_blocks);
	const struct ht_process_list *list = &input->model.processes;
	uint64_t last_tick = input->model.clock.zero_tick;

	for (size_t i = 0; i < n_blocks; i++) {
		if (blocks[i].type == HT_BLOCK_EVENTS && blocks[i].last_tick > last_tick)
			last_tick = blocks[i].last_tick;
	}
	for (size_t i = 0; i < list->n_processes; i++) {
		if (list->processes[i].has_end && list->processes[i].end_tick > last_tick)
			last_tick = list->processes[i].end_tick;
	}
	return last_tick;
}

static struct ht_moment find_peak(struct ht_trace_input *input,
                                  const struct ht_replay_options *options)
{
	struct ht_replay_options whole = *options;
	struct ht_results results;
	struct ht_moment peak;

	whole.window = (struct ht_replay_window){ 0 };
	ht_trace_input_replay(input, &whole, &results);
	peak = (struct ht_moment){ results.sites.peak_tick, results.peak_event };
	ht_results_done(&results);
	return peak;
}

bool ht_time_point_exists(const struct ht_time_point *point, const struct ht_trace_input *input)
{
	if (point->kind != HT_TIME_MARK || ht_mark_list_find(&input->model.marks, point->mark))
		return true;
	ht_cmd_complain("the trace has no mark \"%s\"%s", point->mark,
	                input->model.marks.n_marks ? "; heaptide info lists its marks" : "");
	return false;
}

struct ht_moment ht_time_point_find(const struct ht_time_point *point, struct ht_trace_input *input,
                                    const struct ht_replay_options *options, struct ht_moment *peak)
{
	const struct ht_tick_clock *clock = &input->model.clock;
	uint64_t n_ticks = last_tick_of(input) - clock->zero_tick;

	switch (point->kind) {
	case HT_TIME_NS: return (struct ht_moment){ ht_tick_clock_tick(clock, point->value), 0 };
	case HT_TIME_PART:
		return (struct ht_moment){
			clock->zero_tick + ht_mul_div_u64(n_ticks, point->value, PARTS), 0
		};
	case HT_TIME_PEAK:
		if (peak->tick == 0)
			*peak = find_peak(input, options);
		return *peak;
	case HT_TIME_MARK:
		return (struct ht_moment){ ht_mark_list_find(&input->model.marks, point->mark)->tick, 0 };
	case HT_TIME_END: break;
	}
	return (struct ht_moment){ last_tick_of(input), 0 };
}
