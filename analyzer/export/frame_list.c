/* SPDX-License-Identifier: MIT */
/* Every distinct frame of a trace with its name, numbered; stacks as lists of those numbers. Analyzer, one thread. */
#include "analyzer/export/frame_list.h"

#include "analyzer/base/arena.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/*
 * Names that were met, by the pointers that the symbolizer gave: comparing those is enough for all but the
 * first time. Other pointers may lead to the same text.
 */
struct alias {
	struct ht_named_frame named;
	uint32_t frame;
	uint32_t next; /* index + 1 of another with the same hash */
};

struct ht_frame_list {
	const struct ht_trace_model *model;
	struct ht_symbolizer *symbolizer;
	struct ht_arena arena;
	struct ht_named_stack stack;
	uint32_t *ids;
	size_t ids_capacity;

	struct ht_listed_frame *frames;
	size_t n_frames;
	size_t frames_capacity;
	uint32_t *next_frame; /* per frame: index + 1 of another with the same hash */
	size_t next_capacity;
	struct ht_u64_map frame_of;

	struct alias *aliases;
	size_t n_aliases;
	size_t aliases_capacity;
	struct ht_u64_map alias_of;
};

struct ht_frame_list *ht_frame_list_new(const struct ht_trace_model *model,
                                        struct ht_symbolizer *symbolizer)
{
	struct ht_frame_list *list = ht_xalloc_zeroed(1, sizeof(*list));

	list->model = model;
	list->symbolizer = symbolizer;
	return list;
}

void ht_frame_list_free(struct ht_frame_list *list)
{
	if (!list)
		return;
	ht_arena_done(&list->arena);
	ht_named_stack_done(&list->stack);
	free(list->ids);
	free(list->frames);
	free(list->next_frame);
	ht_u64_map_done(&list->frame_of);
	free(list->aliases);
	ht_u64_map_done(&list->alias_of);
	free(list);
}

const char *ht_base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash && slash[1] ? slash + 1 : path;
}

static uint64_t hash_text(uint64_t hash, const char *text)
{
	if (!text)
		return ht_u64_mix(hash + 1);
	for (; *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return ht_u64_mix(hash);
}

static bool is_same_text(const char *a, const char *b)
{
	return a == b || (a && b && strcmp(a, b) == 0);
}

static bool is_same_frame(const struct ht_listed_frame *a, const struct ht_named_frame *b)
{
	return a->name.line == b->name.line && a->name.is_inlined == b->name.is_inlined &&
	       (a->name.function || a->addr == b->addr) &&
	       is_same_text(a->name.function, b->name.function) &&
	       is_same_text(a->name.file, b->name.file) &&
	       is_same_text(a->name.module, b->name.module);
}

static const char *make_label(struct ht_frame_list *list, const struct ht_named_frame *named)
{
	char text[512];
	int n;

	if (named->name.function)
		return named->name.function;
	if (named->name.module)
		n = snprintf(text, sizeof(text), "%.400s+0x%llx", ht_base_name(named->name.module),
		             (unsigned long long)named->addr);
	else
		n = snprintf(text, sizeof(text), "0x%llx", (unsigned long long)named->addr);
	return ht_arena_dup(&list->arena, text, (size_t)n);
}

/* The frame that reads like named, made when there is none. */
static uint32_t need_frame(struct ht_frame_list *list, const struct ht_named_frame *named)
{
	uint64_t hash =
	        hash_text(named->name.line * 2u + named->name.is_inlined, named->name.function);

	hash = hash_text(hash_text(hash, named->name.file), named->name.module);
	if (!named->name.function)
		hash = ht_u64_mix(hash ^ named->addr);

	uint64_t *first = ht_u64_map_put(&list->frame_of, hash);

	for (uint64_t i = *first; i; i = list->next_frame[i - 1]) {
		if (is_same_frame(&list->frames[i - 1], named))
			return (uint32_t)i - 1;
	}
	list->frames = ht_xalloc_grow(list->frames, &list->frames_capacity, list->n_frames + 1,
	                              sizeof(*list->frames));
	list->next_frame = ht_xalloc_grow(list->next_frame, &list->next_capacity,
	                                  list->n_frames + 1, sizeof(*list->next_frame));
	list->frames[list->n_frames] =
	        (struct ht_listed_frame){ named->name, named->addr, make_label(list, named) };
	list->next_frame[list->n_frames] = (uint32_t)*first;
	*first = ++list->n_frames;
	return (uint32_t)list->n_frames - 1;
}

static uint32_t find_frame(struct ht_frame_list *list, const struct ht_named_frame *named)
{
	uint64_t hash = ht_u64_mix((uintptr_t)named->name.function) ^ named->addr;

	hash = ht_u64_mix(hash + (uintptr_t)named->name.file);
	hash = ht_u64_mix(hash + (uintptr_t)named->name.module) + named->name.line * 2u +
	       named->name.is_inlined;

	uint64_t *first = ht_u64_map_put(&list->alias_of, hash);

	for (uint64_t i = *first; i; i = list->aliases[i - 1].next) {
		const struct ht_named_frame *known = &list->aliases[i - 1].named;

		if (known->addr == named->addr && known->name.function == named->name.function &&
		    known->name.file == named->name.file &&
		    known->name.module == named->name.module &&
		    known->name.line == named->name.line &&
		    known->name.is_inlined == named->name.is_inlined)
			return list->aliases[i - 1].frame;
	}

	uint32_t frame = need_frame(list, named);

	list->aliases = ht_xalloc_grow(list->aliases, &list->aliases_capacity, list->n_aliases + 1,
	                               sizeof(*list->aliases));
	list->aliases[list->n_aliases] = (struct alias){ *named, frame, (uint32_t)*first };
	*first = ++list->n_aliases;
	return frame;
}

const uint32_t *ht_frame_list_stack(struct ht_frame_list *list, uint32_t stack,
                                    size_t *ret_n_frames)
{
	size_t n = 0;

	ht_stack_names_resolve(list->model, list->symbolizer, stack, &list->stack);
	list->ids = ht_xalloc_grow(list->ids, &list->ids_capacity, list->stack.n_frames + 1,
	                           sizeof(*list->ids));
	for (; n < list->stack.n_frames; n++)
		list->ids[n] = find_frame(list, &list->stack.frames[n]);

	const char *why = ht_truncation_text(list->stack.truncation);

	if (why || n == 0) {
		char text[128];
		struct ht_named_frame end = { 0 };
		int length = why ? snprintf(text, sizeof(text), "[truncated: %s]", why)
		                 : snprintf(text, sizeof(text), "[no stack]");

		end.name.function = ht_arena_dup(&list->arena, text, (size_t)length);
		list->ids[n++] = need_frame(list, &end);
	}
	*ret_n_frames = n;
	return list->ids;
}

uint64_t ht_frame_list_addr(const struct ht_frame_list *list, size_t i)
{
	return i < list->stack.n_frames ? list->stack.frames[i].addr : 0;
}

uint32_t ht_frame_list_count(const struct ht_frame_list *list)
{
	return (uint32_t)list->n_frames;
}

const struct ht_listed_frame *ht_frame_list_get(const struct ht_frame_list *list, uint32_t frame)
{
	return &list->frames[frame];
}
