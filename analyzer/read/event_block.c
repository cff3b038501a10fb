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
	free(events->leads);
	free(events->groups);
	*events = (struct ht_event_block){ 0 };
}

/* Most numbers are one byte; the rest, and the ends of columns, go the careful way. */
static inline uint64_t take(struct ht_get *get)
{
	if (__builtin_expect(get->pos != get->end && *get->pos < 128, 1))
		return *get->pos++;
	return ht_get_u64(get);
}

/* The same where a group's next number is: begin_groups() saw that one ends before end. */
static inline uint64_t take_at(const uint8_t **pos, const uint8_t *end, bool *is_good)
{
	if (__builtin_expect(**pos < 128, 1))
		return *(*pos)++;

	struct ht_get get = { *pos, end, false };
	uint64_t v = ht_get_u64(&get);

	/* One of too many bytes takes all that are left: no number may be looked for behind it. */
	*is_good &= !get.is_bad;
	*pos = get.is_bad ? *pos : get.pos;
	return v;
}

static inline uint64_t take_diff(struct ht_get *get, uint64_t before)
{
	return before + ht_unzigzag(take(get));
}

/* Smallest and largest tick of the lines seen, and whether one began before the event before it. */
struct tick_range {
	uint64_t first;
	uint64_t last;
	bool has_fallen;
};

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

/* Everything decoding goes by; the gets of one pass move on from segment to segment. */
struct decoder {
	struct ht_get columns[HT_N_COLUMNS];
	uint64_t *expected;
	const uint32_t *leads;
	const uint32_t *leads_end;
	struct ht_event_group *groups;
	struct tick_range range;
	bool has_free_nodes;
};

/* How many of 8 bytes end a number. */
static inline unsigned count_ends(const uint8_t *pos)
{
	const uint64_t lowest_bits = UINT64_MAX / 255;
	uint64_t word;

	memcpy(&word, pos, sizeof(word));
	return (unsigned)((~word >> 7 & lowest_bits) * lowest_bits >> 56);
}

/* Behind n numbers from pos, or NULL when there are not as many. */
static const uint8_t *skip(const uint8_t *pos, const uint8_t *end, uint64_t n)
{
	/* None are left over only when the last byte, too, ended one. */
	for (; n >= 8 && end - pos >= 8; pos += 8)
		n -= count_ends(pos);
	while (n > 0 && pos != end)
		n -= *pos++ < 128;
	return n ? NULL : pos;
}

/* The node of each group, and no leads yet. */
static bool read_nodes(struct ht_event_block *events, struct ht_get *nodes, uint32_t *ret_n_groups)
{
	uint64_t node = 0;
	uint64_t all_nodes = 0;
	uint32_t n = 1; /* group 0 has no node */

	/* As many as bytes at most, and the bytes are there. */
	events->groups = ht_xalloc_grow(events->groups, &events->groups_capacity,
	                                ht_get_left(nodes) + 1, sizeof(*events->groups));
	events->groups[0] = (struct ht_event_group){ 0 };
	while (ht_get_left(nodes)) {
		node = take_diff(nodes, node);
		all_nodes |= node;
		events->groups[n++] = (struct ht_event_group){ .node = (uint32_t)node };
	}
	*ret_n_groups = n;
	return !nodes->is_bad && all_nodes <= UINT32_MAX;
}

/* The group of each lead. */
static bool read_leads(struct ht_event_block *events, struct ht_get *leads, uint32_t n_groups,
                       size_t *ret_n_leads)
{
	uint64_t group = 0;
	size_t n = 0;

	events->leads = ht_xalloc_grow(events->leads, &events->leads_capacity, ht_get_left(leads),
	                               sizeof(*events->leads));
	while (ht_get_left(leads)) {
		group = take_diff(leads, group);
		if (group >= n_groups)
			return false;
		events->groups[group].n_leads++;
		events->leads[n++] = (uint32_t)group;
	}
	*ret_n_leads = n;
	return !leads->is_bad;
}

/* Where the ends of each group are: how many it has is in its tails. */
static bool find_ends(struct ht_event_group *groups, uint32_t n_groups, const uint8_t *tails_end,
                      struct ht_get *ends)
{
	for (uint32_t i = 0; i < n_groups; i++) {
		struct ht_get tails = ht_get_init(groups[i].tails, (size_t)(tails_end - groups[i].tails));
		uint64_t n = 0;

		for (uint32_t k = groups[i].n_leads; k > 0; k--) {
			uint64_t tail = take(&tails);
			uint64_t kind = tail & ((1u << HT_TAIL_BITS) - 1);

			n += (tail >> HT_TAIL_BITS) +
			     (kind == HT_TAIL_REALLOC || kind == HT_TAIL_REALLOC_MOVED);
			if (n > ht_get_left(ends))
				return false;
		}
		groups[i].ends = ends->pos;

		const uint8_t *pos = skip(ends->pos, ends->end, n);

		if (!pos)
			return false;
		ends->pos = pos;
	}
	return ht_get_left(ends) == 0;
}

/* Find where each group's numbers begin; false when columns are too short or too long for the leads. */
static bool begin_groups(struct decoder *d, enum ht_end_rule rule, uint32_t n_groups)
{
	struct ht_get *tails = &d->columns[HT_COLUMN_TAILS];
	struct ht_get *sizes = &d->columns[HT_COLUMN_SIZES];

	for (uint32_t i = 0; i < n_groups; i++) {
		struct ht_event_group *group = &d->groups[i];

		group->tails = tails->pos;
		group->sizes = sizes->pos;
		tails->pos = skip(tails->pos, tails->end, group->n_leads);
		if (i > 0 && tails->pos)
			sizes->pos = skip(sizes->pos, sizes->end, group->n_leads);
		if (!tails->pos || !sizes->pos)
			return false;
	}
	if (ht_get_left(tails) || ht_get_left(sizes))
		return false;
	return rule != HT_ENDS_GROUPED ||
	       find_ends(d->groups, n_groups, tails->end, &d->columns[HT_COLUMN_ENDS]);
}

/* What decoding of a segment has in hand: copies, so that they live in registers. */
struct cursor {
	struct ht_get ticks;
	struct ht_get ends;
	struct ht_tick_steps steps;
	struct ht_ends ended;
	uint64_t next_id;
	bool has_tick; /* of an event before, in this segment */
	bool is_good;
};

/* A line of several events goes on from its first tick to its last one: only these need to be looked at. */
static inline void begin_line(struct cursor *c, struct tick_range *range)
{
	uint64_t n_more = take(&c->ticks);
	uint64_t distance = ht_unzigzag(take(&c->ticks));
	uint64_t before = c->steps.tick;
	uint64_t last = before + distance;

	c->is_good &= ht_tick_steps_begin(&c->steps, n_more, distance) &&
	              (n_more == 0 || last >= before);
	if (!c->is_good) {
		c->steps.n_left = 1; /* what it says is of no use any more */
		return;
	}

	uint64_t first = before + c->steps.step;

	range->has_fallen |= first < before && c->has_tick;
	c->has_tick = true;
	if (first < range->first)
		range->first = first;
	if (last > range->last)
		range->last = last;
}

static inline __attribute__((always_inline)) uint64_t next_tick(struct cursor *c,
                                                                struct tick_range *range)
{
	if (c->steps.n_left == 0)
		begin_line(c, range);
	return ht_tick_steps_next(&c->steps);
}

/* The next id that ended, behind a lead of the group. */
static inline __attribute__((always_inline)) uint64_t next_end(struct cursor *c, struct decoder *d,
                                                               enum ht_end_rule rule,
                                                               struct ht_event_group *group)
{
	uint64_t v = rule == HT_ENDS_GROUPED ?
	                     take_at(&group->ends, d->columns[HT_COLUMN_ENDS].end, &c->is_good) :
	                     take(&c->ends);

	return ht_ends_get(&c->ended, rule, d->expected, c->next_id, v);
}

static inline __attribute__((always_inline)) uint32_t next_free_node(struct cursor *c, struct decoder *d)
{
	uint64_t node = d->has_free_nodes ? take(&d->columns[HT_COLUMN_FREE_NODES]) : 0;

	c->is_good &= node <= UINT32_MAX;
	return (uint32_t)node;
}

/* A lead of group 0 that is an event, as *e; false when it is none. */
static inline __attribute__((always_inline)) bool read_other(struct cursor *c, struct decoder *d, struct ht_event *e)
{
	struct ht_get *others = &d->columns[HT_COLUMN_OTHERS];
	uint32_t what = (uint32_t)take(others);

	*e = (struct ht_event){ .kind = what };
	switch (what) {
	case HT_OTHER_START: return false;
	case HT_OTHER_NEW_RANGE: c->next_id = take_diff(others, c->next_id); return false;
	case HT_EVENT_MISSED_FREE: e->id = take_diff(others, c->next_id); break;
	case HT_EVENT_LOST: e->size = take(others); break;
	case HT_EVENT_UNKNOWN_FREE:
		e->id = take(others);
		e->node = next_free_node(c, d);
		break;
	default: c->is_good = false; return false;
	}
	return true;
}

/*
 * Decode the n_events of one segment, with one check of the columns' ends per segment: until then gets
 * behind an end give 0, which harms nobody. rule is a constant, so that each has code of its own. False
 * when something is impossible.
 */
static inline __attribute__((always_inline)) bool
decode_segment(const struct ht_segment *segment, enum ht_end_rule rule, struct decoder *d,
               struct ht_event *events)
{
	static const uint32_t kinds[] = { HT_EVENT_ALLOC, HT_EVENT_REALLOC, HT_EVENT_REALLOC_MOVED };
	struct cursor c = {
		.ticks = d->columns[HT_COLUMN_TICKS],
		.ends = d->columns[HT_COLUMN_ENDS],
		.steps = { .tick = segment->first_tick },
		.ended = { .base = segment->next_id },
		.next_id = segment->next_id,
		.is_good = true,
	};
	const uint8_t *tails_end = d->columns[HT_COLUMN_TAILS].end;
	const uint8_t *sizes_end = d->columns[HT_COLUMN_SIZES].end;
	const struct ht_event *end = events + segment->n_events;
	struct tick_range range = d->range;
	uint64_t all_sizes = 0; /* ORed; sums of larger ones could overflow */

	while (events != end) {
		if (d->leads == d->leads_end || !c.is_good)
			return false;

		struct ht_event_group *group = &d->groups[*d->leads++];
		uint64_t tail = take_at(&group->tails, tails_end, &c.is_good);
		uint64_t n_frees = tail >> HT_TAIL_BITS;
		uint32_t kind = tail & ((1u << HT_TAIL_BITS) - 1);

		if (group != d->groups) {
			if (kind == HT_TAIL_OTHER)
				return false;
			*events = (struct ht_event){
				.kind = kinds[kind],
				.tick = next_tick(&c, &range),
				.node = group->node,
				.size = take_at(&group->sizes, sizes_end, &c.is_good),
				.id = c.next_id++,
			};
			all_sizes |= events->size;
			c.ended.base = c.next_id;
			if (kind != HT_TAIL_ALLOC)
				events->old_id = next_end(&c, d, rule, group);
			events++;
		} else {
			struct ht_event e;

			if (kind != HT_TAIL_OTHER)
				return false;
			if (read_other(&c, d, &e)) {
				e.tick = next_tick(&c, &range);
				*events++ = e;
			}
		}
		if (n_frees > (uint64_t)(end - events))
			return false;
		for (; n_frees > 0; n_frees--) {
			*events++ = (struct ht_event){
				.kind = HT_EVENT_FREE,
				.tick = next_tick(&c, &range),
				.id = next_end(&c, d, rule, group),
				.node = next_free_node(&c, d),
			};
		}
	}
	d->columns[HT_COLUMN_TICKS] = c.ticks;
	if (rule != HT_ENDS_GROUPED)
		d->columns[HT_COLUMN_ENDS] = c.ends;
	d->range = range;
	return c.is_good && c.steps.n_left == 0 && all_sizes <= HT_MAX_ALLOCATION_BYTES;
}

/* Number of the first impossible segment, or n_segments. */
static inline __attribute__((always_inline)) size_t
decode_segments(const struct ht_event_block *events, enum ht_end_rule rule, struct decoder *d)
{
	size_t i_event = 0;

	for (size_t i = 0; i < events->n_segments; i++) {
		if (!decode_segment(&events->segments[i], rule, d, events->events + i_event))
			return i;
		i_event += events->segments[i].n_events;
	}
	return events->n_segments;
}

static size_t decode_by_rule(struct ht_event_block *events, enum ht_end_rule rule, struct decoder *d)
{
	size_t n_bytes = (1u << HT_END_DISTANCE_BITS) * sizeof(*events->expected);

	switch (rule) {
	case HT_ENDS_NEAREST: return decode_segments(events, HT_ENDS_NEAREST, d);
	case HT_ENDS_GROUPED: return decode_segments(events, HT_ENDS_GROUPED, d);
	case HT_ENDS_EXPECTED:
		if (!events->expected)
			events->expected = ht_xalloc(n_bytes);
		memset(events->expected, 0, n_bytes);
		d->expected = events->expected;
		return decode_segments(events, HT_ENDS_EXPECTED, d);
	default: return decode_segments(events, HT_ENDS_PLAIN, d);
	}
}

/* The columns, each behind the lengths of all of them. */
static bool find_columns(struct ht_get *get, struct ht_get columns[HT_N_COLUMNS])
{
	uint64_t n_bytes[HT_N_COLUMNS];

	for (int i = 0; i < HT_N_COLUMNS; i++)
		n_bytes[i] = ht_get_u64(get);
	for (int i = 0; i < HT_N_COLUMNS; i++) {
		if (get->is_bad || n_bytes[i] > ht_get_left(get))
			return false;
		columns[i] = ht_get_init(get->pos, (size_t)n_bytes[i]);
		get->pos += n_bytes[i];
	}
	return ht_get_left(get) == 0;
}

enum ht_err ht_event_block_decode(struct ht_event_block *events, const struct ht_block *block,
                                  const uint8_t *body, size_t n_bytes, struct ht_diag *diag)
{
	struct ht_get get = ht_get_init(body, n_bytes);
	struct decoder d = { .range = { UINT64_MAX, 0, false } };
	uint32_t n_groups;
	size_t n_leads;

	if (!decode_heads(events, block, &get))
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "the segments of an event block are impossible");

	uint64_t rule = ht_get_u64(&get);

	/* Every event is a lead or has an end. */
	if (!find_columns(&get, d.columns) || rule >= HT_N_END_RULES ||
	    events->n_events > ht_get_left(&d.columns[HT_COLUMN_LEADS]) +
	                               ht_get_left(&d.columns[HT_COLUMN_ENDS]))
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "the columns of an event block do not fit it");
	if (!read_nodes(events, &d.columns[HT_COLUMN_NODES], &n_groups) ||
	    !read_leads(events, &d.columns[HT_COLUMN_LEADS], n_groups, &n_leads))
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "the groups of an event block are impossible");
	d.groups = events->groups;
	d.leads = events->leads;
	d.leads_end = events->leads + n_leads;
	d.has_free_nodes = ht_get_left(&d.columns[HT_COLUMN_FREE_NODES]) != 0;
	if (!begin_groups(&d, (enum ht_end_rule)rule, n_groups))
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "the columns of an event block do not fit its groups");
	events->events = ht_xalloc_grow(events->events, &events->events_capacity, events->n_events,
	                                sizeof(*events->events));

	size_t n_good = decode_by_rule(events, (enum ht_end_rule)rule, &d);

	if (n_good < events->n_segments)
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "an event of segment %zu is impossible", n_good);
	for (int i = 0; i < HT_N_COLUMNS; i++) {
		if (d.columns[i].is_bad || ht_get_left(&d.columns[i]) != 0)
			return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
			                   "column %d of an event block has a wrong length", i);
	}
	if (d.leads != d.leads_end)
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "an event block has more leads than events");
	events->has_rising_ticks = !d.range.has_fallen;
	if (events->n_events > 0 &&
	    (d.range.first < block->first_tick || d.range.last > block->last_tick))
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "events are outside the time that their block says");
	return HT_OK;
}
