/* SPDX-License-Identifier: MIT */
/*
 * Shapes of an EVENTS block: its segments, and the columns that hold their events. FORMAT.md, EVENTS, says
 * what is in each. Header only, any thread, no allocation.
 */
#ifndef HEAPTIDE_EVENT_COLUMNS_H
#define HEAPTIDE_EVENT_COLUMNS_H

#include <heaptide/trace_codec.h>
#include <heaptide/trace_format.h>

/*
 * The columns, in file order. Events are told as leads, each with the frees that come right after it. A
 * lead is in the group of its node; TAILS and SIZES are in the order of groups, because what was allocated
 * in one place is of alike sizes and lives alike.
 */
enum ht_column {
	HT_COLUMN_TICKS = 0,  /* lines, of tick_line.h */
	HT_COLUMN_NODES = 1,  /* the groups' nodes, from group 1 on, in the order of their first leads */
	HT_COLUMN_LEADS = 2,  /* of each lead, its group */
	HT_COLUMN_TAILS = 3,  /* by groups: of each lead, HT_TAIL_* and how many frees follow */
	HT_COLUMN_SIZES = 4,  /* by groups: of each allocation, its bytes */
	HT_COLUMN_OTHERS = 5, /* what the leads of group 0 are */
	HT_COLUMN_ENDS = 6,   /* ids that ended, by end_rule.h */
	HT_COLUMN_FREE_NODES = 7, /* none, or of each free its node */
	HT_N_COLUMNS = 8,
};

/* The low two bits of a number in TAILS: what the lead is. The others are the number of frees. */
#define HT_TAIL_ALLOC         0u
#define HT_TAIL_REALLOC       1u
#define HT_TAIL_REALLOC_MOVED 2u
#define HT_TAIL_OTHER         3u /* of group 0, and only there */
#define HT_TAIL_BITS          2u

/* In OTHERS, beside event kinds: leads that are no events. */
#define HT_OTHER_START     0u  /* where a segment begins with frees */
#define HT_OTHER_NEW_RANGE 16u /* the next id is not the one expected */

/* A run of events of one thread inside an EVENTS block. */
struct ht_segment {
	uint32_t process_serial;
	uint32_t thread_serial;
	uint32_t tid;
	uint32_t n_events;
	uint64_t first_tick; /* where the first line of TICKS begins */
	uint64_t next_id;    /* the one expected at its start */
	uint32_t tolerance_ticks; /* how far off the ticks may be, either way; 0: they are exact */
};

static inline void ht_put_segment(struct ht_put *p, const struct ht_segment *s)
{
	ht_put_u64(p, s->process_serial);
	ht_put_u64(p, s->thread_serial);
	ht_put_u64(p, s->tid);
	ht_put_u64(p, s->n_events);
	ht_put_u64(p, s->first_tick);
	ht_put_u64(p, s->next_id);
	ht_put_u64(p, s->tolerance_ticks);
}

static inline void ht_get_segment(struct ht_get *g, struct ht_segment *ret_segment)
{
	ret_segment->process_serial = ht_get_u32(g);
	ret_segment->thread_serial = ht_get_u32(g);
	ret_segment->tid = ht_get_u32(g);
	ret_segment->n_events = ht_get_u32(g);
	ret_segment->first_tick = ht_get_u64(g);
	ret_segment->next_id = ht_get_u64(g);
	ret_segment->tolerance_ticks = ht_get_u32(g);
}

#endif
