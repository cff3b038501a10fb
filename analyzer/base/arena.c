/* SPDX-License-Identifier: MIT */
/* Chunks of growing memory, released all at once. Analyzer. */
#include "analyzer/base/arena.h"

#include "analyzer/base/xalloc.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CHUNK_BYTES (64u << 10)

struct ht_arena_chunk {
	struct ht_arena_chunk *older;
	size_t n_bytes;
	alignas(max_align_t) char bytes[];
};

void ht_arena_done(struct ht_arena *arena)
{
	if (!arena)
		return;
	while (arena->newest) {
		struct ht_arena_chunk *older = arena->newest->older;

		free(arena->newest);
		arena->newest = older;
	}
	arena->used_bytes = 0;
}

void *ht_arena_alloc(struct ht_arena *arena, size_t n_bytes)
{
	const size_t align = alignof(max_align_t);

	if (n_bytes > SIZE_MAX / 2)
		return ht_xalloc(n_bytes); /* cannot be had: reports and exits */
	n_bytes = (n_bytes + align - 1) & ~(align - 1);
	if (!arena->newest || arena->newest->n_bytes - arena->used_bytes < n_bytes) {
		size_t chunk_bytes = n_bytes > CHUNK_BYTES ? n_bytes : CHUNK_BYTES;
		struct ht_arena_chunk *chunk = ht_xalloc(sizeof(*chunk) + chunk_bytes);

		chunk->older = arena->newest;
		chunk->n_bytes = chunk_bytes;
		arena->newest = chunk;
		arena->used_bytes = 0;
	}
	void *p = arena->newest->bytes + arena->used_bytes;

	arena->used_bytes += n_bytes;
	return p;
}

char *ht_arena_dup(struct ht_arena *arena, const void *bytes, size_t n_bytes)
{
	char *copy = ht_arena_alloc(arena, n_bytes + 1);

	if (n_bytes)
		memcpy(copy, bytes, n_bytes);
	copy[n_bytes] = '\0';
	return copy;
}
