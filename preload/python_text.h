/* SPDX-License-Identifier: MIT */
/* Reads str and bytes objects and line tables of Python. Target, any thread, may not allocate. */
#ifndef HT_PYTHON_TEXT_H
#define HT_PYTHON_TEXT_H

#include "python_layout.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* An aligned word of memory that is known to be readable. */
static inline uint64_t ht_python_word(uint64_t addr)
{
	return *(const volatile uint64_t *)addr;
}

static inline uint32_t ht_python_int(uint64_t addr)
{
	return *(const volatile uint32_t *)addr;
}

/* Whether all of [addr, addr + n_bytes) can be read, asking the kernel; n_bytes may be 0. */
bool ht_python_is_readable(uint64_t addr, uint64_t n_bytes);

/* Whether there is an object of this type at addr. Asks the kernel. */
bool ht_python_is_object(uint64_t addr, uint64_t type);

/*
 * The text of the str at addr as UTF-8, at most max bytes of it, not terminated. Returns its length;
 * SIZE_MAX when there is no such object.
 */
size_t ht_python_text(uint64_t addr, char *text, size_t max);

/* The bytes of the bytes object at addr; NULL when there is no such object. */
const uint8_t *ht_python_bytes(uint64_t addr, size_t *ret_n);

/*
 * The line of the instruction off_bytes behind the first one, by a line table (n bytes) that begins with
 * line first_line. 0 when it has none.
 */
uint32_t ht_python_line(enum ht_python_lines kind, const uint8_t *table, size_t n,
                        uint32_t first_line, int64_t off_bytes);

#endif
