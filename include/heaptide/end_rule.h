/* SPDX-License-Identifier: MIT */
/*
 * How the ENDS column of an EVENTS block says which ids ended: FORMAT.md, EVENTS. Programs differ, so
 * each block has the rule that is shortest for it. Header only, any thread, no allocation.
 */
#ifndef HEAPTIDE_END_RULE_H
#define HEAPTIDE_END_RULE_H

#include <heaptide/event_columns.h>

enum ht_end_rule {
	HT_ENDS_PLAIN = 0,    /* counted from the newest id, or from the one that ended before */
	HT_ENDS_NEAREST = 1,  /* from the nearer one of the two */
	HT_ENDS_EXPECTED = 2, /* from the distance that followed the same distances before */
	HT_ENDS_GROUPED = 3,  /* as PLAIN, but in the order of the leads' groups */
	HT_N_END_RULES = 4,
};

#define HT_END_MULTIPLIER    0x9e3779b97f4a7c15ull
#define HT_END_DISTANCE_BITS 14u

/* What the rules remember within a segment; last and distances are 0 at its start. */
struct ht_ends {
	/*
	 * What the next distance counts from: the next expected id, so that blocks freed soon cost little,
	 * or, when an id ended and none began since, that one, so that a structure freed in the order of its
	 * making is a run of equal numbers. (CPython: 0.02 bytes a free; 1.4 when counted from the newest id
	 * always.)
	 */
	uint64_t base;
	uint64_t last;      /* the last id that ended */
	uint64_t distances; /* a hash of the last few distances, by sign and magnitude */
};

/* Index of the distance that HT_ENDS_EXPECTED expects next. */
static inline uint32_t ht_ends_index(const struct ht_ends *e)
{
	return (uint32_t)(e->distances * HT_END_MULTIPLIER >> (64 - HT_END_DISTANCE_BITS));
}

/* distance: base - the id that ended. */
static inline void ht_ends_note(struct ht_ends *e, uint64_t distance)
{
	uint64_t magnitude = distance >> 63 ? 0 - distance : distance;
	uint64_t v = distance;

	/* Large ones vary a little, from one round of a program's loops to the next. */
	if (magnitude > 64)
		v = (uint64_t)(64 - __builtin_clzll(magnitude)) << 8 | distance >> 63 << 16;
	v = (v + 1) * HT_END_MULTIPLIER;
	e->distances = e->distances * (HT_END_MULTIPLIER << 13) + (v ^ v >> 29);
}

/* A number that says with its lowest bit what it is; is_full when it has no room for that. */
static inline void ht_put_marked(struct ht_put *p, uint64_t v, unsigned mark)
{
	if (v >> 63)
		p->is_full = true;
	else
		ht_put_u64(p, v << 1 | mark);
}

/*
 * Put the id that ended at distance from the base into both, NEAREST and EXPECTED, and remember it.
 * expected: 1 << HT_END_DISTANCE_BITS distances, all 0 at the start of the block.
 */
static inline void ht_ends_put(struct ht_ends *e, uint64_t *expected, uint64_t next_id,
                               uint64_t distance, struct ht_put *nearest,
                               struct ht_put *by_expected)
{
	uint64_t id = e->base - distance;
	uint64_t from_next = ht_zigzag(next_id - id);
	uint64_t from_last = ht_zigzag(e->last - id);
	uint64_t *guess = &expected[ht_ends_index(e)];
	uint64_t plain = ht_zigzag(distance);
	uint64_t diff = ht_zigzag(distance - *guess);

	ht_put_marked(nearest, from_last < from_next ? from_last : from_next,
	              from_last < from_next);
	ht_put_marked(by_expected, plain < diff ? plain : diff, plain < diff);
	*guess = distance;
	ht_ends_note(e, distance);
	e->base = e->last = id;
}

/* The id that v says. rule is best a constant. */
static inline __attribute__((always_inline)) uint64_t ht_ends_get(struct ht_ends *e,
                                                                  enum ht_end_rule rule,
                                                                  uint64_t *expected,
                                                                  uint64_t next_id, uint64_t v)
{
	if (rule == HT_ENDS_PLAIN || rule == HT_ENDS_GROUPED)
		return e->base -= ht_unzigzag(v);
	if (rule == HT_ENDS_NEAREST)
		return e->last = (v & 1 ? e->last : next_id) - ht_unzigzag(v >> 1);

	uint64_t *guess = &expected[ht_ends_index(e)];
	uint64_t distance = ht_unzigzag(v >> 1) + (v & 1 ? 0 : *guess);

	*guess = distance;
	ht_ends_note(e, distance);
	return e->base -= distance;
}

#endif
