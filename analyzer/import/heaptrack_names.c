/* SPDX-License-Identifier: MIT */
/* Strings and code addresses of a heaptrack trace, as modules and stored names of a heaptide trace. Analyzer. */
#include "analyzer/import/heaptrack_names.h"

#include "analyzer/base/arena.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/symbols/symbol_block.h"

#include <heaptide/shared_region.h>

#include <limits.h>
#include <stdlib.h>
#include <string.h>

#define PROCESS_SERIAL 1u
#define RANGE_SHIFT    48u
#define MAX_MODULES    32766u

/* No file has it, so none is taken for the module: its addresses are not those of the file. */
static const uint8_t build_id[] = "heaptrack's address";

struct place {
	uint64_t ip;
	uint32_t module; /* 0: none */
	uint32_t first_frame;
	uint32_t n_frames;
};

struct ht_heaptrack_names {
	struct ht_arena arena;
	const char **strings;
	size_t n_strings, strings_capacity;
	struct place *places;
	size_t n_places, places_capacity;
	struct ht_frame_name *frames;
	size_t n_frames, frames_capacity;
	struct ht_u64_map module_of; /* string -> module */
	const char **modules;        /* paths; module 1 is the first */
	size_t n_modules, modules_capacity;
};

struct ht_heaptrack_names *ht_heaptrack_names_new(void)
{
	return ht_xalloc_zeroed(1, sizeof(struct ht_heaptrack_names));
}

void ht_heaptrack_names_free(struct ht_heaptrack_names *names)
{
	if (!names)
		return;
	ht_arena_done(&names->arena);
	ht_u64_map_done(&names->module_of);
	free(names->strings);
	free(names->places);
	free(names->frames);
	free(names->modules);
	free(names);
}

void ht_heaptrack_names_add_string(struct ht_heaptrack_names *names, const char *text, size_t n)
{
	names->strings = ht_xalloc_grow(names->strings, &names->strings_capacity,
	                                names->n_strings + 1, sizeof(*names->strings));
	names->strings[names->n_strings++] = ht_arena_dup(&names->arena, text, n);
}

static uint32_t need_module(struct ht_heaptrack_names *names, uint64_t string,
                            struct ht_column_writer *columns)
{
	uint64_t *module = ht_u64_map_put(&names->module_of, string);
	const char *path = names->strings[string - 1];
	size_t n_bytes = strlen(path);

	if (*module || names->n_modules == MAX_MODULES)
		return (uint32_t)*module;
	names->modules = ht_xalloc_grow(names->modules, &names->modules_capacity,
	                                names->n_modules + 1, sizeof(*names->modules));
	names->modules[names->n_modules] = path;
	*module = ++names->n_modules;

	struct ht_module_record record = {
		.map_start_addr = *module << RANGE_SHIFT,
		.map_end_addr = (*module + 1) << RANGE_SHIFT,
		.load_bias = *module << RANGE_SHIFT,
		.build_id_bytes = sizeof(build_id),
		.path_bytes = n_bytes < PATH_MAX ? (uint16_t)n_bytes : PATH_MAX - 1,
	};

	memcpy(record.build_id, build_id, sizeof(build_id));
	ht_column_writer_module(columns, PROCESS_SERIAL, (uint32_t)*module, &record, path);
	return (uint32_t)*module;
}

bool ht_heaptrack_names_add_ip(struct ht_heaptrack_names *names, const uint64_t *numbers, size_t n,
                               struct ht_column_writer *columns)
{
	struct place place = { .ip = n ? numbers[0] : 0, .first_frame = (uint32_t)names->n_frames };

	if (n < 1 || place.ip >= (1ull << RANGE_SHIFT) - 1 || names->n_frames > UINT32_MAX / 2)
		return false;
	if (n > 1 && numbers[1] > names->n_strings)
		return false;
	if (n > 1 && numbers[1])
		place.module = need_module(names, numbers[1], columns);
	for (size_t i = 2; i < n; i += 3) {
		uint64_t function = numbers[i], file = i + 1 < n ? numbers[i + 1] : 0;
		uint64_t line = i + 2 < n ? numbers[i + 2] : 0;

		if (function > names->n_strings || file > names->n_strings || line > INT_MAX)
			return false;
		if (!function)
			break;
		names->frames = ht_xalloc_grow(names->frames, &names->frames_capacity,
		                               names->n_frames + 1, sizeof(*names->frames));
		if (place.n_frames > 0)
			names->frames[names->n_frames - 1].is_inlined = true;
		names->frames[names->n_frames++] = (struct ht_frame_name){
			.function = names->strings[function - 1],
			.file = file ? names->strings[file - 1] : NULL,
			.line = file ? (uint32_t)line : 0,
		};
		place.n_frames++;
	}
	names->places = ht_xalloc_grow(names->places, &names->places_capacity, names->n_places + 1,
	                               sizeof(*names->places));
	names->places[names->n_places++] = place;
	return true;
}

bool ht_heaptrack_names_address(const struct ht_heaptrack_names *names, uint64_t ip,
                                uint64_t *ret_addr)
{
	if (ip == 0 || ip > names->n_places)
		return false;

	const struct place *place = &names->places[ip - 1];

	/* heaptrack has taken 1 off already; we do so when we read. */
	*ret_addr = ((uint64_t)place->module << RANGE_SHIFT) + place->ip + 1;
	return true;
}

static int compare(const void *va, const void *vb)
{
	const struct place *a = va, *b = vb;

	if (a->module != b->module)
		return a->module < b->module ? -1 : 1;
	if (a->ip != b->ip)
		return a->ip < b->ip ? -1 : 1;
	return a->n_frames > b->n_frames ? -1 : a->n_frames < b->n_frames;
}

struct sink {
	struct ht_block_writer *blocks;
	enum ht_err err;
	struct ht_diag diag;
};

static bool put_body(void *context, const uint8_t *body, size_t n_bytes, uint64_t n_items)
{
	struct sink *sink = context;
	const struct ht_block_meta meta = { .type = HT_BLOCK_SYMBOLS, .n_items = n_items };

	sink->err = ht_block_writer_put(sink->blocks, &meta, body, n_bytes, &sink->diag);
	return sink->err == HT_OK;
}

enum ht_err ht_heaptrack_names_write(struct ht_heaptrack_names *names,
                                     struct ht_block_writer *blocks, struct ht_diag *diag)
{
	struct sink sink = { .blocks = blocks };
	struct ht_symbol_block *block = ht_symbol_block_new(NULL, put_body, &sink);
	uint32_t module = 0;
	const struct place *last = NULL;

	if (names->n_places > 0)
		qsort(names->places, names->n_places, sizeof(*names->places), compare);
	for (size_t i = 0; i < names->n_places; i++) {
		const struct place *p = &names->places[i];

		if (p->module == 0 || (last && last->module == p->module && last->ip == p->ip))
			continue;
		last = p;
		if (p->module != module) {
			module = p->module;
			ht_symbol_block_module(block, names->modules[module - 1], build_id,
			                       sizeof(build_id), "");
		}
		/* No frames at all may be no array. */
		ht_symbol_block_address(block, p->ip,
		                        p->n_frames > 0 ? names->frames + p->first_frame : NULL, p->n_frames);
	}
	ht_symbol_block_flush(block);
	ht_symbol_block_free(block);
	if (sink.err)
		*diag = sink.diag;
	return sink.err;
}
