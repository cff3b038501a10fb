/* SPDX-License-Identifier: MIT */
/* str and bytes objects and line tables of Python. Target, any thread, may not allocate. */
#include "python_text.h"

#include "sys_prim.h"

#define PAGE_BYTES 4096u

/* Of every object, and of those with a length. */
#define OBJECT_TYPE   8u
#define OBJECT_LENGTH 16u
#define STR_STATE     32u
#define BYTES_CONTENT 32u

/* No name and no line table is longer. */
#define MAX_CONTENT (1u << 24)

bool ht_python_is_readable(uint64_t addr, uint64_t n_bytes)
{
	if (addr >> 47 || n_bytes > MAX_CONTENT)
		return false;
	if (n_bytes == 0)
		return true;
	for (uint64_t at = addr & ~(uint64_t)(PAGE_BYTES - 1); at < addr + n_bytes;
	     at += PAGE_BYTES) {
		if (!ht_sys_is_readable(at))
			return false;
	}
	return true;
}

bool ht_python_is_object(uint64_t addr, uint64_t type)
{
	return addr != 0 && addr % 8 == 0 && ht_python_is_readable(addr, 40) &&
	       ht_python_word(addr + OBJECT_TYPE) == type;
}

static size_t put_utf8(char *text, size_t at, size_t max, uint32_t c)
{
	uint32_t n = c < 0x80 ? 1 : c < 0x800 ? 2 : c < 0x10000 ? 3 : 4;

	if (at + n > max)
		return SIZE_MAX;
	if (n == 1) {
		text[at] = (char)c;
		return at + 1;
	}
	for (uint32_t i = n - 1; i > 0; i--) {
		text[at + i] = (char)(0x80 | (c & 0x3f));
		c >>= 6;
	}
	text[at] = (char)((0xf00u >> n & 0xf0u) | c);
	return at + n;
}

static uint32_t character(uint64_t content, uint32_t kind, uint64_t i)
{
	switch (kind) {
	case 1: return *(const volatile uint8_t *)(content + i);
	case 2: return *(const volatile uint16_t *)(content + 2 * i);
	default: return *(const volatile uint32_t *)(content + 4 * i);
	}
}

size_t ht_python_text(uint64_t addr, char *text, size_t max)
{
	if (!ht_python_is_object(addr, ht_python.str_type))
		return SIZE_MAX;

	uint64_t length = ht_python_word(addr + OBJECT_LENGTH);
	uint32_t state = ht_python_int(addr + STR_STATE);
	uint32_t kind = state >> 2 & 7;
	bool is_compact = state >> 5 & 1;
	bool is_ascii = state >> 6 & 1;
	uint64_t content =
	        addr + (is_ascii ? ht_python.layout->ascii_text : ht_python.layout->compact_text);
	size_t n = 0;

	if (!is_compact || (kind != 1 && kind != 2 && kind != 4) || length > MAX_CONTENT / 4 ||
	    !ht_python_is_readable(content, length * kind))
		return SIZE_MAX;
	for (uint64_t i = 0; i < length; i++) {
		uint32_t c = character(content, kind, i);
		/* Surrogates stand for bytes of file names that are no UTF-8; NUL ends our strings. */
		bool is_odd = c == 0 || c > 0x10ffff || (c >= 0xd800 && c < 0xe000);
		size_t after = put_utf8(text, n, max, is_odd ? '?' : c);

		if (after == SIZE_MAX)
			break;
		n = after;
	}
	return n;
}

const uint8_t *ht_python_bytes(uint64_t addr, size_t *ret_n)
{
	if (!ht_python_is_object(addr, ht_python.bytes_type))
		return NULL;

	uint64_t n = ht_python_word(addr + OBJECT_LENGTH);

	if (n > MAX_CONTENT || !ht_python_is_readable(addr + BYTES_CONTENT, n))
		return NULL;
	*ret_n = n;
	return (const uint8_t *)(addr + BYTES_CONTENT);
}

/* Pairs (bytes, line delta): the deltas of all pairs that begin at or before the instruction. */
static uint32_t line_by_lnotab(const uint8_t *table, size_t n, uint32_t line, int64_t off_bytes)
{
	int64_t at = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		at += table[i];
		if (at > off_bytes)
			break;
		line += (uint32_t)(int32_t)(int8_t)table[i + 1];
	}
	return line;
}

/* Pairs (bytes, line delta): each is a range and its line; -128 says that it has none. */
static uint32_t line_by_ranges(const uint8_t *table, size_t n, uint32_t line, int64_t off_bytes)
{
	int64_t end = 0;

	for (size_t i = 0; i + 1 < n; i += 2) {
		int8_t delta = (int8_t)table[i + 1];

		if (delta != -128)
			line += (uint32_t)(int32_t)delta;
		end += table[i];
		if (end > off_bytes)
			return delta == -128 ? 0 : line;
	}
	return 0;
}

static int32_t signed_number(const uint8_t *table, size_t n, size_t at)
{
	uint32_t value = 0;

	for (uint32_t shift = 0; at < n && shift < 32; shift += 6, at++) {
		value |= (uint32_t)(table[at] & 63) << shift;
		if (!(table[at] & 64))
			break;
	}
	return value & 1 ? -(int32_t)(value >> 1) : (int32_t)(value >> 1);
}

/* Entries: a first byte with kind and length, then line and columns. */
static uint32_t line_by_locations(const uint8_t *table, size_t n, uint32_t line, int64_t off_bytes)
{
	int64_t end = 0;

	for (size_t i = 0; i < n;) {
		uint32_t kind = table[i] >> 3 & 15;

		end += 2 * ((table[i] & 7) + 1);
		if (kind == 13 || kind == 14)
			line += (uint32_t)signed_number(table, n, i + 1);
		else if (kind >= 10 && kind <= 12)
			line += kind - 10;
		if (end > off_bytes)
			return kind == 15 ? 0 : line;
		do {
			i++;
		} while (i < n && !(table[i] & 0x80));
	}
	return 0;
}

uint32_t ht_python_line(enum ht_python_lines kind, const uint8_t *table, size_t n,
                        uint32_t first_line, int64_t off_bytes)
{
	if (off_bytes < 0)
		return first_line;
	switch (kind) {
	case HT_PYTHON_LNOTAB: return line_by_lnotab(table, n, first_line, off_bytes);
	case HT_PYTHON_RANGES: return line_by_ranges(table, n, first_line, off_bytes);
	case HT_PYTHON_LOCATIONS: return line_by_locations(table, n, first_line, off_bytes);
	}
	return 0;
}
