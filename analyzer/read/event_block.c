/* SPDX-License-Identifier: MIT */
/* Decoding EVENTS blocks: the loop that every event of a trace passes once. Analyzer. */
#include "analyzer/read/event_block.h"

#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"

#include <heaptide/tick_line.h>

#include <stdlib.h>
#include <string.h>

void ht_event_block_done(struct ht_event_block *events)
{
	if (!events)
		return;
	free(events->events);
	free(events->segments);
	free(events->expected);
	*events = (struct ht_event_block){ 0 };
}

/* Most numbers are one byte; the rest, and the ends of columns, go the careful way. */
static inline uint64_t take(struct ht_get *get)
{
	if (__builtin_expect(get->pos != get->end && *get->pos < 128, 1))
		return *get->pos++;
	return ht_get_u64(get);
}

static inline uint64_t take_diff(struct ht_get *get, uint64_t before)
{
	return before + ht_unzigzag(take(get));
}

/* Smallest and largest tick seen. */
struct tick_range {
	uint64_t first;
	uint64_t last;
};

/*
 * Decode the n_events of one segment: what ht_columns_put() put, with one check of the columns' ends per
 * segment: until then gets behind an end give 0, which harms nobody. KINDS has n_events bytes left. rule
 * is a constant, so that each has code of its own. False when something is impossible.
 */
static inline __attribute__((always_inline)) bool
decode_segment(const struct ht_segment *segment, enum ht_end_rule rule, uint64_t *expected,
               struct ht_get columns[HT_N_COLUMNS], struct ht_event *events,
               struct tick_range *range)
{
	const uint8_t *kinds = columns[HT_COLUMN_KINDS].pos;
	struct ht_get ticks = columns[HT_COLUMN_TICKS];
	struct ht_get nodes = columns[HT_COLUMN_NODES];
	struct ht_get sizes = columns[HT_COLUMN_SIZES];
	struct ht_get ids = columns[HT_COLUMN_IDS];
	struct ht_get ends = columns[HT_COLUMN_ENDS];
	struct ht_tick_steps steps = { .tick = segment->first_tick };
	uint64_t next_id = segment->next_id;
	struct ht_ends ended = { .base = next_id };
	uint64_t node = 0;
	uint64_t all_nodes = 0; /* ORed: a node beyond 32 bits shows at the end */
	uint64_t all_sizes = 0; /* the same; sums of larger ones could overflow */
	bool is_good = true;

	for (uint32_t i = 0; i < segment->n_events; i++) {
		struct ht_event e = { .kind = kinds[i] };
		uint64_t own_node; /* of a free: no difference to the one before */

		if (steps.n_left == 0) {
			uint64_t n_more = take(&ticks);

			is_good &= ht_tick_steps_begin(&steps, n_more, ht_unzigzag(take(&ticks)));
			steps.n_left += !is_good; /* what it says is of no use any more */
		}
		e.tick = ht_tick_steps_next(&steps);
		if (e.tick < range->first)
			range->first = e.tick;
		if (e.tick > range->last)
			range->last = e.tick;
		switch (e.kind) {
		case HT_EVENT_ALLOC | HT_KIND_NEW_RANGE:
			next_id = take_diff(&ids, next_id);
			e.kind = HT_EVENT_ALLOC;
			/* fall through */
		case HT_EVENT_ALLOC:
			node = take_diff(&nodes, node);
			e.size = take(&sizes);
			all_sizes |= e.size;
			e.id = next_id++;
			ended.base = next_id;
			break;
		case HT_EVENT_FREE:
			own_node = take(&nodes);
			all_nodes |= own_node;
			e.node = (uint32_t)own_node;
			e.id = ht_ends_get(&ended, rule, expected, next_id, take(&ends));
			events[i] = e;
			continue;
		case HT_EVENT_REALLOC | HT_KIND_NEW_RANGE:
		case HT_EVENT_REALLOC_MOVED | HT_KIND_NEW_RANGE:
			next_id = take_diff(&ids, next_id);
			e.kind &= 15;
			/* fall through */
		case HT_EVENT_REALLOC:
		case HT_EVENT_REALLOC_MOVED:
			node = take_diff(&nodes, node);
			e.size = take(&sizes);
			all_sizes |= e.size;
			e.id = next_id++;
			ended.base = next_id;
			e.old_id = ht_ends_get(&ended, rule, expected, next_id, take(&ends));
			break;
		case HT_EVENT_MISSED_FREE:
			e.id = ht_ends_get(&ended, rule, expected, next_id, take(&ends));
			events[i] = e;
			continue;
		case HT_EVENT_UNKNOWN_FREE:
			own_node = take(&nodes);
			all_nodes |= own_node;
			e.node = (uint32_t)own_node;
			e.id = take(&ends);
			events[i] = e;
			continue;
		case HT_EVENT_LOST:
			e.size = take(&sizes);
			events[i] = e;
			continue;
		default: is_good = false; break;
		}
		all_nodes |= node;
		e.node = (uint32_t)node;
		events[i] = e;
	}
	columns[HT_COLUMN_KINDS].pos += segment->n_events;
	columns[HT_COLUMN_TICKS] = ticks;
	columns[HT_COLUMN_NODES] = nodes;
	columns[HT_COLUMN_SIZES] = sizes;
	columns[HT_COLUMN_IDS] = ids;
	columns[HT_COLUMN_ENDS] = ends;
	return is_good && steps.n_left == 0 && all_nodes <= UINT32_MAX && all_sizes <= HT_MAX_ALLOCATION_BYTES;
}

/* Read the segment heads; false when they do not add up to what the header says. */
static bool decode_heads(struct ht_event_block *events, const struct ht_block *block,
                         struct ht_get *get)
{
	uint64_t n_segments = ht_get_u64(get);
	uint64_t n_events = 0;

	/* A segment head takes 7 bytes at least, so what follows cannot be larger than the body. */
	if (get->is_bad || n_segments > HT_BLOCK_MAX_SEGMENTS || n_segments > ht_get_left(get) / 7)
		return false;
	events->segments = ht_xalloc_grow(events->segments, &events->segments_capacity, n_segments,
	                                  sizeof(*events->segments));
	events->n_segments = n_segments;
	for (size_t i = 0; i < n_segments; i++) {
		ht_get_segment(get, &events->segments[i]);
		n_events += events->segments[i].n_events;
		if (events->segments[i].tolerance_ticks > HT_MAX_TOLERANCE_TICKS)
			return false;
	}
	events->n_events = n_events;
	return !get->is_bad && n_events == block->n_items && n_events <= HT_BLOCK_MAX_EVENTS;
}

/* Number of the first impossible segment, or n_segments. */
static inline __attribute__((always_inline)) size_t
decode_segments(const struct ht_event_block *events, enum ht_end_rule rule,
                struct ht_get columns[HT_N_COLUMNS], struct tick_range *range)
{
	size_t i_event = 0;

	for (size_t i = 0; i < events->n_segments; i++) {
		if (!decode_segment(&events->segments[i], rule, events->expected, columns,
		                    events->events + i_event, range))
			return i;
		i_event += events->segments[i].n_events;
	}
	return events->n_segments;
}

static size_t decode_by_rule(struct ht_event_block *events, uint64_t rule,
                             struct ht_get columns[HT_N_COLUMNS], struct tick_range *range)
{
	size_t n_bytes = (1u << HT_END_DISTANCE_BITS) * sizeof(*events->expected);

	switch (rule) {
	case HT_ENDS_NEAREST: return decode_segments(events, HT_ENDS_NEAREST, columns, range);
	case HT_ENDS_EXPECTED:
		if (!events->expected)
			events->expected = ht_xalloc(n_bytes);
		memset(events->expected, 0, n_bytes);
		return decode_segments(events, HT_ENDS_EXPECTED, columns, range);
	default: return decode_segments(events, HT_ENDS_PLAIN, columns, range);
	}
}

enum ht_err ht_event_block_decode(struct ht_event_block *events, const struct ht_block *block,
                                  const uint8_t *body, size_t n_bytes, struct ht_diag *diag)
{
	struct ht_get get = ht_get_init(body, n_bytes);
	struct ht_get columns[HT_N_COLUMNS];
	struct tick_range range = { UINT64_MAX, 0 };

	if (!decode_heads(events, block, &get))
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "the segments of an event block are impossible");
	uint64_t rule = ht_get_u64(&get);

	for (int i = 0; i < HT_N_COLUMNS; i++) {
		const uint8_t *bytes;
		size_t n = ht_get_bytes(&get, &bytes);

		columns[i] = ht_get_init(bytes, n);
	}
	if (get.is_bad || ht_get_left(&get) != 0 || rule >= HT_N_END_RULES ||
	    ht_get_left(&columns[HT_COLUMN_KINDS]) != events->n_events)
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "the columns of an event block do not fit it");
	events->events = ht_xalloc_grow(events->events, &events->events_capacity, events->n_events,
	                                sizeof(*events->events));

	size_t n_good = decode_by_rule(events, rule, columns, &range);

	if (n_good < events->n_segments)
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "an event of segment %zu is impossible", n_good);
	for (int i = 0; i < HT_N_COLUMNS; i++) {
		if (columns[i].is_bad || ht_get_left(&columns[i]) != 0)
			return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
			                   "column %d of an event block has a wrong length", i);
	}
	if (events->n_events > 0 &&
	    (range.first < block->first_tick || range.last > block->last_tick))
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "events are outside the time that their block says");
	return HT_OK;
}
