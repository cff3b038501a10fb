/* SPDX-License-Identifier: MIT */
/*
 * Ticks of a segment as straight lines: what a clock of 1 us reads is mostly noise, and exact ticks were
 * 0.2 to 7 times what all the rest of a trace takes. Header only, any thread, no allocation.
 *
 * A line of n events begins at the tick of the event before it (the first one of a segment, at
 * first_tick), and ends exactly at the tick of its last event, dt later: its k-th event, k = 1 ... n, has
 * tick start + floor(k * dt / n). The first line of a segment is of one event, so all ticks are between
 * those of events. The writer makes lines as long as no event is further off than the segment's tolerance. (The idea is Bristol's "swinging door", 1987: a cone of the slopes that serve all
 * events so far, which each event narrows.)
 */
#ifndef HEAPTIDE_TICK_LINE_H
#define HEAPTIDE_TICK_LINE_H

#include <heaptide/trace_codec.h>

/* Limits of what follows: so products stay below 2^63. */
#define HT_TICK_LINE_MAX_EVENTS 65536u
#define HT_MAX_TOLERANCE_TICKS (1u << 20)
#define HT_TICK_LINE_MAX_TICKS (1u << 30) /* a longer one is of one event */

/* Bytes a line can take: a number of events, and a distance. */
#define HT_TICK_LINE_MAX_BYTES (3u + HT_VARINT_MAX_BYTES)

/* A line in the making. */
struct ht_tick_line {
	uint64_t start;
	uint64_t end; /* the tick of the last event taken */
	uint32_t n;
	uint32_t max_n;
	/* Every slope s serves with low_num / low_den <= s < high_num / high_den. */
	uint32_t low_den;
	uint32_t high_den;
	int64_t low_num;
	int64_t high_num;
};

static inline struct ht_tick_line ht_tick_line_init(uint64_t first_tick)
{
	return (struct ht_tick_line){ .start = first_tick, .end = first_tick, .max_n = 1 };
}

/* Write the line, if it has an event, and begin another where it ends. */
static inline void ht_tick_line_end(struct ht_tick_line *l, struct ht_put *ticks)
{
	if (l->n == 0)
		return;
	ht_put_u64(ticks, l->n - 1);
	ht_put_diff(ticks, l->end, l->start);
	l->start = l->end;
	l->n = 0;
	l->max_n = HT_TICK_LINE_MAX_EVENTS;
}

/* The next event's tick. It ends the line before when no slope serves all of them. */
static inline void ht_tick_line_put(struct ht_tick_line *l, struct ht_put *ticks, uint64_t tick,
				    uint32_t tolerance)
{
	/* Also where a difference that wraps would be small: lines of several events do not go back. */
	bool is_before = tick < l->start;
	int64_t distance = (int64_t)(tick - l->start);
	int64_t n = (int64_t)l->n + 1;

	if (l->n != 0 &&
	    (is_before || distance < 0 || distance >= HT_TICK_LINE_MAX_TICKS || n > l->max_n ||
	     distance * l->low_den < l->low_num * n || distance * l->high_den >= l->high_num * n)) {
		ht_tick_line_end(l, ticks);
		is_before = tick < l->start;
		distance = (int64_t)(tick - l->start);
		n = 1;
	}
	l->n = (uint32_t)n;
	l->end = tick;
	if (n == 1 && (is_before || distance < 0 || distance >= HT_TICK_LINE_MAX_TICKS)) {
		ht_tick_line_end(l, ticks);
		return;
	}

	/* floor(n * s) is within tolerance of distance: what that leaves of the slopes. */
	int64_t low = distance - tolerance;
	int64_t high = distance + tolerance + 1;

	if (n == 1 || low * l->low_den > l->low_num * n) {
		l->low_num = low;
		l->low_den = (uint32_t)n;
	}
	if (n == 1 || high * l->high_den < l->high_num * n) {
		l->high_num = high;
		l->high_den = (uint32_t)n;
	}
}

/* A line being read. All zero, but for the tick, at the start of a segment. */
struct ht_tick_steps {
	uint64_t tick;
	uint64_t step;
	uint32_t n;
	uint32_t n_left;
	uint32_t extra; /* n-ths of a tick per event, besides step */
	uint32_t n_ths; /* saved up of these */
};

/* Begin the line n_more, distance as they were put. False when there cannot be such a line. */
static inline bool ht_tick_steps_begin(struct ht_tick_steps *s, uint64_t n_more, uint64_t distance)
{
	if (n_more >= HT_TICK_LINE_MAX_EVENTS || (n_more != 0 && distance >= HT_TICK_LINE_MAX_TICKS))
		return false;
	s->n = s->n_left = (uint32_t)n_more + 1;
	s->step = distance / s->n;
	s->extra = (uint32_t)(distance % s->n);
	s->n_ths = 0;
	return true;
}

/* The tick of the next event; n_left must not be 0. */
static inline uint64_t ht_tick_steps_next(struct ht_tick_steps *s)
{
	s->n_left--;
	s->n_ths += s->extra;

	uint32_t carry = s->n_ths >= s->n;

	s->n_ths -= carry ? s->n : 0;
	s->tick += s->step + carry;
	return s->tick;
}

#endif
