/* SPDX-License-Identifier: MIT */
/* Memory that is released all at once. Analyzer, one thread at a time. */
#ifndef HT_ARENA_H
#define HT_ARENA_H

#include <stddef.h>

struct ht_arena_chunk;

/* All zero is an empty arena. */
struct ht_arena {
	struct ht_arena_chunk *newest;
	size_t used_bytes; /* in the newest chunk */
};

/* Release everything; the arena is empty afterwards. NULL is fine. */
void ht_arena_done(struct ht_arena *arena);

/* n_bytes aligned for any object, not initialised, valid until ht_arena_done. Never NULL. */
void *ht_arena_alloc(struct ht_arena *arena, size_t n_bytes) __attribute__((returns_nonnull));

/* A copy of n_bytes with a NUL after them. */
char *ht_arena_dup(struct ht_arena *arena, const void *bytes, size_t n_bytes)
        __attribute__((returns_nonnull));

#endif
