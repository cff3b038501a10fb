/* SPDX-License-Identifier: MIT */
/* A limit to the memory that heaptide itself uses. Analyzer, any thread. */
#ifndef HT_MEMORY_LIMIT_H
#define HT_MEMORY_LIMIT_H

#include <stddef.h>
#include <stdint.h>

/*
 * From now on, rather than have more than n_bytes of its own resident (RssAnon of proc(5): not the pages of files),
 * the process says so on stderr and exits with 2. xalloc asks for all that it gives; what libraries take
 * is found then, or when somebody asks.
 */
void ht_memory_limit_set(uint64_t n_bytes);

/* UINT64_MAX when there is none. */
uint64_t ht_memory_limit(void);

/* Exits when n_bytes more would be too many. Looks only after every 256 KiB that were asked for; cheap without limit. */
void ht_memory_limit_ask(size_t n_bytes);

#endif
