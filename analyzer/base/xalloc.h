/* SPDX-License-Identifier: MIT */
/* Memory of the analyzer: allocation that reports and exits instead of failing. */
#ifndef HT_XALLOC_H
#define HT_XALLOC_H

#include <stddef.h>

/*
 * All of these return memory to be released with free(), never NULL. When there is no memory (or
 * the product of the sizes overflows) they write "heaptide: out of memory ..." to stderr and exit
 * with status 2: callers validate lengths from files before they ask. [any thread]
 */

/* n_bytes, not initialised; 0 gives a unique pointer. */
void *ht_xalloc(size_t n_bytes) __attribute__((malloc, returns_nonnull));

/* n items of item_bytes, all zero. */
void *ht_xalloc_zeroed(size_t n, size_t item_bytes) __attribute__((malloc, returns_nonnull));

/* Like realloc of n items; p may be NULL. What is new is not initialised. */
void *ht_xalloc_resize(void *p, size_t n, size_t item_bytes) __attribute__((returns_nonnull));

/*
 * Make room for n_needed items in an array with *capacity items, growing by half at least, so that
 * appending is cheap. Returns the array (moved or not) and updates *capacity.
 */
void *ht_xalloc_grow(void *p, size_t *capacity, size_t n_needed, size_t item_bytes);

/* A copy of n_bytes at bytes, followed by a NUL that does not count. */
void *ht_xalloc_dup(const void *bytes, size_t n_bytes) __attribute__((returns_nonnull));

/* A copy of a string. */
char *ht_xalloc_str(const char *s) __attribute__((returns_nonnull));

#endif
