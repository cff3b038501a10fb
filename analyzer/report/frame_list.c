/* SPDX-License-Identifier: MIT */
/* Every distinct frame of a trace with its name, numbered; stacks as lists of those numbers. Analyzer, one thread. */
#include "analyzer/report/frame_list.h"

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
	uint32_t flags; /* by the rules */
	uint32_t next;  /* index + 1 of another with the same hash */
};

struct ht_frame_list {
	const struct ht_trace_model *model;
	struct ht_symbolizer *symbolizer;
	struct ht_arena arena;
	struct ht_named_stack stack;
	const struct ht_frame_rules *rules; /* NULL: none */
	enum ht_frame_grain grain;
	uint32_t *ids;
	size_t ids_capacity;
	uint32_t *flags;
	size_t flags_capacity;
	uint32_t seen; /* flags of all frames of the last stack */

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
	free(list->flags);
	free(list->frames);
	free(list->next_frame);
	ht_u64_map_done(&list->frame_of);
	free(list->aliases);
	ht_u64_map_done(&list->alias_of);
	free(list);
}

void ht_frame_list_set_grain(struct ht_frame_list *list, enum ht_frame_grain grain)
{
	list->grain = grain;
}

void ht_frame_list_set_rules(struct ht_frame_list *list, const struct ht_frame_rules *rules)
{
	list->rules = rules;
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

	if (list->grain == HT_GRAIN_FILE || list->grain == HT_GRAIN_MODULE) {
		const char *name = named->name.file ? named->name.file : named->name.module;

		return name ? name : named->name.function ? named->name.function : "[not known]";
	}
	if (named->name.function)
		return named->name.function;
	if (named->name.module)
		n = snprintf(text, sizeof(text), "%.400s+0x%llx", ht_base_name(named->name.module),
		             (unsigned long long)named->addr);
	else
		n = snprintf(text, sizeof(text), "0x%llx", (unsigned long long)named->addr);
	return ht_arena_dup(&list->arena, text, (size_t)n);
}

/* What of a frame counts. */
static struct ht_named_frame reduce(const struct ht_named_frame *named, enum ht_frame_grain grain)
{
	struct ht_named_frame frame = { .addr = named->addr };

	switch (grain) {
	case HT_GRAIN_FUNCTION: frame.name.function = named->name.function; break;
	case HT_GRAIN_FILE: frame.name.file = named->name.file; break;
	case HT_GRAIN_MODULE: break;
	case HT_GRAIN_LINE: return *named;
	}
	if (!frame.name.file)
		frame.name.module = named->name.module;
	if (grain != HT_GRAIN_FUNCTION)
		frame.addr = 0;
	return frame;
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

static const struct alias *find_frame(struct ht_frame_list *list,
                                      const struct ht_named_frame *named)
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
			return &list->aliases[i - 1];
	}

	struct ht_named_frame reduced = reduce(named, list->grain);
	uint32_t frame = need_frame(list, &reduced);
	uint32_t flags = list->rules ? ht_frame_rules_of(list->rules, &named->name) : 0;

	list->aliases = ht_xalloc_grow(list->aliases, &list->aliases_capacity, list->n_aliases + 1,
	                               sizeof(*list->aliases));
	list->aliases[list->n_aliases] = (struct alias){ *named, frame, flags, (uint32_t)*first };
	*first = ++list->n_aliases;
	return &list->aliases[list->n_aliases - 1];
}

/* A frame that stands for what is not there. */
static void add_note(struct ht_frame_list *list, const char *text, size_t *n)
{
	struct ht_named_frame note = { 0 };

	note.name.function = ht_arena_dup(&list->arena, text, strlen(text));
	list->flags[*n] = 0;
	list->ids[(*n)++] = need_frame(list, &note);
}

/* Leave out what the rules say; how many of n frames there are then. */
static size_t strip(struct ht_frame_list *list, size_t n)
{
	size_t n_kept = 0;

	list->seen = 0;
	for (size_t i = 0; i < n; i++)
		list->seen |= list->flags[i];
	if (!(list->seen & (HT_FRAME_HIDDEN | HT_FRAME_ALLOCATOR)))
		return n;
	for (size_t i = ht_frame_rules_n_allocators(list->flags, n); i < n; i++) {
		if (list->flags[i] & HT_FRAME_HIDDEN)
			continue;
		list->ids[n_kept] = list->ids[i];
		list->flags[n_kept++] = list->flags[i];
	}
	return n_kept;
}

const uint32_t *ht_frame_list_stack(struct ht_frame_list *list, uint32_t stack,
                                    size_t *ret_n_frames)
{
	size_t n = 0;

	ht_stack_names_resolve(list->model, list->symbolizer, stack, &list->stack);
	list->ids = ht_xalloc_grow(list->ids, &list->ids_capacity, list->stack.n_frames + 1,
	                           sizeof(*list->ids));
	list->flags = ht_xalloc_grow(list->flags, &list->flags_capacity, list->stack.n_frames + 1,
	                             sizeof(*list->flags));
	for (; n < list->stack.n_frames; n++) {
		const struct alias *alias = find_frame(list, &list->stack.frames[n]);

		list->ids[n] = alias->frame;
		list->flags[n] = alias->flags;
	}

	bool is_empty = n == 0;

	n = strip(list, n);

	const char *why = ht_truncation_text(list->stack.truncation);

	if (why) {
		char text[128];

		snprintf(text, sizeof(text), "[truncated: %s]", why);
		add_note(list, text, &n);
	} else if (n == 0) {
		add_note(list, is_empty ? "[no stack]" : "[hidden]", &n);
	}
	*ret_n_frames = n;
	return list->ids;
}

uint64_t ht_frame_list_addr(const struct ht_frame_list *list, size_t i)
{
	return i < list->stack.n_frames ? list->stack.frames[i].addr : 0;
}

bool ht_frame_list_holds(const struct ht_frame_list *list)
{
	return !list->rules || ht_frame_rules_hold(list->rules, list->seen);
}

uint32_t ht_frame_list_flags(const struct ht_frame_list *list, size_t i)
{
	return list->flags[i];
}

uint32_t ht_frame_list_count(const struct ht_frame_list *list)
{
	return (uint32_t)list->n_frames;
}

const struct ht_listed_frame *ht_frame_list_get(const struct ht_frame_list *list, uint32_t frame)
{
	return &list->frames[frame];
}
