/* SPDX-License-Identifier: MIT */
/*
 * Bounded reading of unwind data: bytes, LEB128, encoded pointers. Reading past the end gives zeros
 * and marks the cursor bad. Target, any thread, may not allocate.
 */
#ifndef HT_CFI_CURSOR_H
#define HT_CFI_CURSOR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_cfi_cursor {
	const uint8_t *at;
	const uint8_t *end;
	bool is_bad;
};

/* DW_EH_PE_*: how a pointer is stored (low 4 bits) and what it is relative to (next 3). */
enum ht_cfi_pointer {
	HT_CFI_PTR_ABS = 0x00,
	HT_CFI_PTR_ULEB = 0x01,
	HT_CFI_PTR_U16 = 0x02,
	HT_CFI_PTR_U32 = 0x03,
	HT_CFI_PTR_U64 = 0x04,
	HT_CFI_PTR_SLEB = 0x09,
	HT_CFI_PTR_S16 = 0x0a,
	HT_CFI_PTR_S32 = 0x0b,
	HT_CFI_PTR_S64 = 0x0c,
	HT_CFI_PTR_PCREL = 0x10,
	HT_CFI_PTR_DATAREL = 0x30,
	HT_CFI_PTR_INDIRECT = 0x80,
	HT_CFI_PTR_OMIT = 0xff,
};

static inline struct ht_cfi_cursor ht_cfi_cursor_make(uint64_t addr, uint64_t end_addr)
{
	return (struct ht_cfi_cursor){ (const uint8_t *)addr, (const uint8_t *)end_addr,
		                       addr > end_addr };
}

static inline size_t ht_cfi_left(const struct ht_cfi_cursor *c)
{
	return c->is_bad ? 0 : (size_t)(c->end - c->at);
}

static inline void ht_cfi_skip(struct ht_cfi_cursor *c, uint64_t n_bytes)
{
	if (n_bytes > ht_cfi_left(c)) {
		c->is_bad = true;
		c->at = c->end;
		return;
	}
	c->at += n_bytes;
}

#define HT_CFI_READ(type)                              \
	type value = 0;                                \
                                                       \
	if (ht_cfi_left(c) < sizeof value) {           \
		c->is_bad = true;                      \
		c->at = c->end;                        \
		return 0;                              \
	}                                              \
	__builtin_memcpy(&value, c->at, sizeof value); \
	c->at += sizeof value;                         \
	return value

static inline uint8_t ht_cfi_u8(struct ht_cfi_cursor *c)
{
	HT_CFI_READ(uint8_t);
}
static inline uint16_t ht_cfi_u16(struct ht_cfi_cursor *c)
{
	HT_CFI_READ(uint16_t);
}
static inline uint32_t ht_cfi_u32(struct ht_cfi_cursor *c)
{
	HT_CFI_READ(uint32_t);
}
static inline uint64_t ht_cfi_u64(struct ht_cfi_cursor *c)
{
	HT_CFI_READ(uint64_t);
}
#undef HT_CFI_READ

static inline uint64_t ht_cfi_uleb(struct ht_cfi_cursor *c)
{
	uint64_t value = 0;

	for (unsigned shift = 0;; shift += 7) {
		uint8_t byte = ht_cfi_u8(c);

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		if (!(byte & 0x80) || c->is_bad)
			return value;
	}
}

static inline int64_t ht_cfi_sleb(struct ht_cfi_cursor *c)
{
	uint64_t value = 0;

	for (unsigned shift = 0;;) {
		uint8_t byte = ht_cfi_u8(c);

		if (shift < 64)
			value |= (uint64_t)(byte & 0x7f) << shift;
		shift += 7;
		if (!(byte & 0x80) || c->is_bad) {
			if (shift < 64 && (byte & 0x40))
				value |= ~0ull << shift;
			return (int64_t)value;
		}
	}
}

/*
 * An encoded pointer; datarel_addr is what DATAREL is relative to. Indirect pointers give the
 * address of the pointer. An unknown encoding makes the cursor bad.
 */
static inline uint64_t ht_cfi_pointer(struct ht_cfi_cursor *c, uint8_t encoding,
                                      uint64_t datarel_addr)
{
	uint64_t base = 0;
	uint64_t value = 0;

	switch (encoding & 0x70) {
	case 0: break;
	case HT_CFI_PTR_PCREL: base = (uint64_t)c->at; break;
	case HT_CFI_PTR_DATAREL: base = datarel_addr; break;
	default: c->is_bad = true; return 0;
	}
	switch (encoding & 0x0f) {
	case HT_CFI_PTR_ABS:
	case HT_CFI_PTR_U64:
	case HT_CFI_PTR_S64: value = ht_cfi_u64(c); break;
	case HT_CFI_PTR_ULEB: value = ht_cfi_uleb(c); break;
	case HT_CFI_PTR_SLEB: value = (uint64_t)ht_cfi_sleb(c); break;
	case HT_CFI_PTR_U16: value = ht_cfi_u16(c); break;
	case HT_CFI_PTR_S16: value = (uint64_t)(int64_t)(int16_t)ht_cfi_u16(c); break;
	case HT_CFI_PTR_U32: value = ht_cfi_u32(c); break;
	case HT_CFI_PTR_S32: value = (uint64_t)(int64_t)(int32_t)ht_cfi_u32(c); break;
	default: c->is_bad = true; return 0;
	}
	return value == 0 ? 0 : value + base;
}

#endif
