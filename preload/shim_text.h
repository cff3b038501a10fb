/* SPDX-License-Identifier: MIT */
/* The few string operations of the shim, without libc. Target, any thread, may not allocate. */
#ifndef HT_SHIM_TEXT_H
#define HT_SHIM_TEXT_H

#include <stdbool.h>
#include <stddef.h>

static inline size_t ht_text_length(const char *s)
{
	size_t n = 0;

	while (s[n])
		n++;
	return n;
}

static inline bool ht_text_starts_with(const char *s, const char *prefix)
{
	while (*prefix) {
		if (*s++ != *prefix++)
			return false;
	}
	return true;
}

/* Copy from to to[at] on, cut so that to (size bytes) stays terminated; where it ends now. */
static inline size_t ht_text_append(char *to, size_t at, size_t size, const char *from)
{
	while (*from && at + 1 < size)
		to[at++] = *from++;
	to[at] = '\0';
	return at;
}

/* The same with a number, in decimal. */
static inline size_t ht_text_append_number(char *to, size_t at, size_t size, unsigned long v)
{
	char digits[24];
	size_t n = sizeof(digits);

	digits[--n] = '\0';
	do {
		digits[--n] = (char)('0' + v % 10);
		v /= 10;
	} while (v);
	return ht_text_append(to, at, size, digits + n);
}

/*
 * The directory of the shim's own file with its last slash, and its length; 0 when unknown.
 * [before main: asks the loader]
 */
size_t ht_shim_directory(char *path, size_t size);

#endif
