/* SPDX-License-Identifier: MIT */
/* Allocation that reports and exits instead of failing. Analyzer, any thread. */
#include "analyzer/base/xalloc.h"

#include "analyzer/base/memory_limit.h"

#include <malloc.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIN_GROWN_ITEMS 16u

static _Noreturn void out_of_memory(size_t n, size_t item_bytes)
{
	fprintf(stderr, "heaptide: out of memory (%zu items of %zu bytes)\n", n, item_bytes);
	exit(2);
}

void *ht_xalloc(size_t n_bytes)
{
	ht_memory_limit_ask(n_bytes);

	void *p = malloc(n_bytes ? n_bytes : 1);

	if (!p)
		out_of_memory(1, n_bytes);
	return p;
}

void *ht_xalloc_zeroed(size_t n, size_t item_bytes)
{
	ht_memory_limit_ask(n * item_bytes); /* where that overflows calloc fails */

	void *p = calloc(n ? n : 1, item_bytes ? item_bytes : 1);

	if (!p)
		out_of_memory(n, item_bytes);
	return p;
}

void *ht_xalloc_resize(void *p, size_t n, size_t item_bytes)
{
	size_t n_bytes;

	if (__builtin_mul_overflow(n, item_bytes, &n_bytes))
		out_of_memory(n, item_bytes);

	size_t n_before = malloc_usable_size(p);

	if (n_bytes > n_before)
		ht_memory_limit_ask(n_bytes - n_before);
	p = realloc(p, n_bytes ? n_bytes : 1);
	if (!p)
		out_of_memory(n, item_bytes);
	return p;
}

void *ht_xalloc_grow(void *p, size_t *capacity, size_t n_needed, size_t item_bytes)
{
	if (n_needed <= *capacity)
		return p;
	size_t n = *capacity + *capacity / 2;

	if (n < n_needed)
		n = n_needed;
	if (n < MIN_GROWN_ITEMS)
		n = MIN_GROWN_ITEMS;
	p = ht_xalloc_resize(p, n, item_bytes);
	*capacity = n;
	return p;
}

void *ht_xalloc_dup(const void *bytes, size_t n_bytes)
{
	if (n_bytes == SIZE_MAX)
		out_of_memory(n_bytes, 1);
	char *copy = ht_xalloc(n_bytes + 1);

	if (n_bytes)
		memcpy(copy, bytes, n_bytes);
	copy[n_bytes] = '\0';
	return copy;
}

char *ht_xalloc_str(const char *s)
{
	return ht_xalloc_dup(s, strlen(s));
}
