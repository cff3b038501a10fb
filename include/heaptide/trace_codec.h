/* SPDX-License-Identifier: MIT */
/*
 * Bytes of block bodies: variable-length numbers, strings, and the columns of EVENTS blocks. Each
 * put has its get beside it. Both sides, any thread, no allocation, no I/O, no libc call but memcpy.
 */
#ifndef HEAPTIDE_TRACE_CODEC_H
#define HEAPTIDE_TRACE_CODEC_H

#include <heaptide/error.h>
#include <heaptide/trace_format.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#define HT_VARINT_MAX_BYTES 10u

/* Where a put writes. Past end nothing is written and is_full stays set. */
struct ht_put {
	uint8_t *pos;
	uint8_t *end;
	bool is_full;
};

/* Where a get reads. Past end, or on an impossible value, gets give 0 and is_bad stays set. */
struct ht_get {
	const uint8_t *pos;
	const uint8_t *end;
	bool is_bad;
};

static inline struct ht_put ht_put_init(void *buf, size_t n_bytes)
{
	/* Of no bytes, buf may be NULL, to which nothing may be added, not even 0. */
	return (struct ht_put){ buf, n_bytes ? (uint8_t *)buf + n_bytes : buf, false };
}

static inline struct ht_get ht_get_init(const void *buf, size_t n_bytes)
{
	return (struct ht_get){ buf, n_bytes ? (const uint8_t *)buf + n_bytes : buf, false };
}

static inline size_t ht_get_left(const struct ht_get *g)
{
	return (size_t)(g->end - g->pos);
}

/* LEB128, unsigned: 7 bits a byte, low first. */
static inline void ht_put_u64(struct ht_put *p, uint64_t v)
{
	do {
		if (p->pos == p->end) {
			p->is_full = true;
			return;
		}
		*p->pos++ = (uint8_t)(v | (v > 127 ? 128 : 0));
		v >>= 7;
	} while (v);
}

static inline uint64_t ht_get_u64(struct ht_get *g)
{
	uint64_t v = 0;

	for (unsigned shift = 0; shift < 64; shift += 7) {
		if (g->pos == g->end)
			break;
		uint8_t b = *g->pos++;

		if (shift == 63 && b > 1)
			break;
		v |= (uint64_t)(b & 127) << shift;
		if (b < 128)
			return v;
	}
	g->is_bad = true;
	g->pos = g->end;
	return 0;
}

static inline uint32_t ht_get_u32(struct ht_get *g)
{
	uint64_t v = ht_get_u64(g);

	if (v > UINT32_MAX) {
		g->is_bad = true;
		return 0;
	}
	return (uint32_t)v;
}

/* Signed numbers as zigzag: 0 -1 1 -2 ... become 0 1 2 3 ... Differences wrap modulo 2^64. */
static inline uint64_t ht_zigzag(uint64_t diff)
{
	return diff << 1 ^ (0 - (diff >> 63));
}

static inline uint64_t ht_unzigzag(uint64_t v)
{
	return v >> 1 ^ (0 - (v & 1));
}

static inline void ht_put_diff(struct ht_put *p, uint64_t now, uint64_t before)
{
	ht_put_u64(p, ht_zigzag(now - before));
}

static inline uint64_t ht_get_diff(struct ht_get *g, uint64_t before)
{
	return before + ht_unzigzag(ht_get_u64(g));
}

/* Length, then bytes. */
static inline void ht_put_bytes(struct ht_put *p, const void *bytes, size_t n_bytes)
{
	ht_put_u64(p, n_bytes);
	if (p->is_full || (size_t)(p->end - p->pos) < n_bytes) {
		p->is_full = true;
		return;
	}
	memcpy(p->pos, bytes, n_bytes);
	p->pos += n_bytes;
}

/* Points *ret_bytes into the input and returns the length; 0 and is_bad when it does not fit. */
static inline size_t ht_get_bytes(struct ht_get *g, const uint8_t **ret_bytes)
{
	uint64_t n_bytes = ht_get_u64(g);

	*ret_bytes = g->pos;
	if (g->is_bad || n_bytes > ht_get_left(g)) {
		g->is_bad = true;
		return 0;
	}
	g->pos += n_bytes;
	return (size_t)n_bytes;
}

/*
 * The columns of an EVENTS block, in file order. Every event has a byte in KINDS; which others it has
 * depends on its kind (FORMAT.md, EVENTS). TICKS are of tick_line.h.
 */
enum ht_column {
	HT_COLUMN_KINDS = 0,
	HT_COLUMN_TICKS = 1,
	HT_COLUMN_NODES = 2,
	HT_COLUMN_SIZES = 3,
	HT_COLUMN_IDS = 4, /* new ids that are not the expected next one */
	HT_COLUMN_ENDS = 5, /* ids that ended, see ht_column_state.end_base */
	HT_N_COLUMNS = 6,
};

/* Set in a kind byte when IDS says by how much the new id is not the one expected. */
#define HT_KIND_NEW_RANGE 0x10u

/*
 * What the coder of one segment remembers. Reset at the start of each segment; both sides keep it
 * alike. All differences are modulo 2^64, so no value is impossible to code.
 */
struct ht_column_state {
	uint64_t next_id;
	/*
	 * What the next number in ENDS counts from: the next expected id, so that blocks freed soon
	 * cost little, or, when an id ended and none began since, that one, so that a structure freed
	 * in the order of its making is a run of equal numbers. (CPython: 0.02 bytes a free; 1.4 when
	 * counted from the newest id always.)
	 */
	uint64_t end_base;
	uint32_t node;
};

/* The state at the start of a segment. */
static inline struct ht_column_state ht_column_state_init(uint64_t next_id)
{
	return (struct ht_column_state){ .next_id = next_id, .end_base = next_id };
}

static inline bool ht_kind_has_new_id(uint32_t kind)
{
	return kind == HT_EVENT_ALLOC || kind == HT_EVENT_REALLOC || kind == HT_EVENT_REALLOC_MOVED;
}

static inline bool ht_kind_ends_id(uint32_t kind)
{
	return kind == HT_EVENT_FREE || kind == HT_EVENT_MISSED_FREE || kind == HT_EVENT_REALLOC ||
	       kind == HT_EVENT_REALLOC_MOVED;
}

/* Bytes an event can add to any one column: writers keep that much room in each. */
#define HT_COLUMN_MAX_BYTES_PER_EVENT (HT_VARINT_MAX_BYTES + 3) /* the most: TICKS */

/*
 * Append *e, but for its tick (tick_line.h). Columns must have room (HT_COLUMN_MAX_BYTES_PER_EVENT
 * each), else is_full is set.
 */
static inline void ht_columns_put(struct ht_put columns[HT_N_COLUMNS], struct ht_column_state *s,
				  const struct ht_event *e)
{
	uint32_t kind = e->kind;
	bool has_new_id = ht_kind_has_new_id(kind);
	bool is_new_range = has_new_id && e->id != s->next_id;

	ht_put_u64(&columns[HT_COLUMN_KINDS], kind | (is_new_range ? HT_KIND_NEW_RANGE : 0));

	if (kind != HT_EVENT_LOST && kind != HT_EVENT_MISSED_FREE) {
		/* A free without a stack of its own costs one zero byte, which zstd makes vanish. */
		if (kind == HT_EVENT_FREE || kind == HT_EVENT_UNKNOWN_FREE) {
			ht_put_u64(&columns[HT_COLUMN_NODES], e->node);
		} else {
			ht_put_diff(&columns[HT_COLUMN_NODES], e->node, s->node);
			s->node = e->node;
		}
	}
	if (has_new_id || kind == HT_EVENT_LOST)
		ht_put_u64(&columns[HT_COLUMN_SIZES], e->size);
	if (is_new_range)
		ht_put_diff(&columns[HT_COLUMN_IDS], e->id, s->next_id);
	if (has_new_id)
		s->end_base = s->next_id = e->id + 1;
	if (kind == HT_EVENT_UNKNOWN_FREE) {
		ht_put_u64(&columns[HT_COLUMN_ENDS], e->id);
	} else if (ht_kind_ends_id(kind)) {
		uint64_t ended = has_new_id ? e->old_id : e->id;

		ht_put_diff(&columns[HT_COLUMN_ENDS], s->end_base, ended);
		s->end_base = ended;
	}
}

/* Whether there can be a mapping like this: what both sides refuse otherwise. */
static inline bool ht_mapping_is_possible(uint64_t kind, uint64_t addr, uint64_t n_bytes,
					  uint64_t old_addr, uint64_t old_bytes)
{
	return kind >= HT_MAPPING_MAP && kind <= HT_MAPPING_BREAK && n_bytes > 0 &&
	       addr <= HT_MAX_ALLOCATION_BYTES && n_bytes <= HT_MAX_ALLOCATION_BYTES - addr &&
	       old_addr <= HT_MAX_ALLOCATION_BYTES && old_bytes <= HT_MAX_ALLOCATION_BYTES - old_addr &&
	       (kind == HT_MAPPING_REMAP || old_bytes == 0);
}

/* A run of events of one thread inside an EVENTS block. */
struct ht_segment {
	uint32_t process_serial;
	uint32_t thread_serial;
	uint32_t tid;
	uint32_t n_events;
	uint64_t first_tick; /* where the first line of TICKS begins */
	uint64_t next_id;    /* ht_column_state.next_id at its start */
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
