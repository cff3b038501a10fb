/* SPDX-License-Identifier: MIT */
/*
 * Bytes of block bodies: variable-length numbers and strings. Each put has its get beside it. Both sides,
 * any thread, no allocation, no I/O, no libc call but memcpy and memchr.
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

/* Bytes as they are. */
static inline void ht_put_raw(struct ht_put *p, const void *bytes, size_t n_bytes)
{
	if (p->is_full || (size_t)(p->end - p->pos) < n_bytes) {
		p->is_full = true;
		return;
	}
	memcpy(p->pos, bytes, n_bytes);
	p->pos += n_bytes;
}

/* Length, then bytes. */
static inline void ht_put_bytes(struct ht_put *p, const void *bytes, size_t n_bytes)
{
	ht_put_u64(p, n_bytes);
	ht_put_raw(p, bytes, n_bytes);
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

/* Whether a mark can have this label: what both sides refuse otherwise. */
static inline bool ht_mark_is_possible(const char *label, uint64_t n_bytes)
{
	return n_bytes > 0 && n_bytes <= HT_MARK_LABEL_MAX_BYTES && memchr(label, 0, (size_t)n_bytes) == NULL;
}

/* Whether a pool can have this name; an empty one is none. */
static inline bool ht_told_name_is_possible(const char *name, uint64_t n_bytes)
{
	return n_bytes <= HT_POOL_NAME_MAX_BYTES && memchr(name, 0, (size_t)n_bytes) == NULL;
}

/* Whether a program can have told this: what both sides refuse otherwise. */
static inline bool ht_told_is_possible(uint64_t kind, uint64_t pool, uint64_t addr, uint64_t n_bytes)
{
	if (kind == HT_TOLD_POOL_ALLOC || kind == HT_TOLD_POOL_RESIZE)
		return n_bytes <= HT_MAX_ALLOCATION_BYTES;
	if (n_bytes || kind == 0 || kind >= HT_N_TOLD_KINDS)
		return false;
	return kind == HT_TOLD_POOL_FREE || (addr == 0 && (pool == 0 || kind >= HT_TOLD_POOL_NAME));
}

/* Whether there can be a misuse like this: what both sides refuse otherwise. */
static inline bool ht_misuse_is_possible(uint64_t kind, uint64_t call, uint64_t id, uint64_t form)
{
	if (kind <= HT_MISUSE_NONE || kind >= HT_N_MISUSE_KINDS || call == 0 || call >= HT_N_MISUSE_CALLS)
		return false;
	if (kind == HT_MISUSE_MISMATCH)
		return id && form < HT_N_BLOCK_FORMS && form != ht_misuse_call_form((uint32_t)call);
	return form == 0 && (kind == HT_MISUSE_DOUBLE_FREE || id == 0);
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

#endif
