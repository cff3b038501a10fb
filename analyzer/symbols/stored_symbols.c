/* SPDX-License-Identifier: MIT */
/* Reads SYMBOLS blocks, which may be hostile, and finds addresses in them. Analyzer. */
#include "analyzer/symbols/stored_symbols.h"

#include "analyzer/base/arena.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/symbols/name_table.h"

#include <heaptide/shared_region.h>
#include <heaptide/symbol_codec.h>

#include <stdlib.h>
#include <string.h>

struct module {
	const char *problem;
	struct ht_u64_map entries; /* address -> index of entries */
};

/* The names of one block. */
struct block {
	const char **functions;
	const char **files;
};

struct entry {
	size_t first_frame;
	uint32_t n_frames;
	uint32_t block;
};

struct ht_stored_symbols {
	struct ht_arena arena; /* strings and arrays of strings */
	struct ht_name_table keys; /* the number of a module's key is 1 + its index */
	struct module *modules;
	size_t n_modules, modules_capacity;
	struct block *blocks;
	size_t n_blocks, blocks_capacity;
	struct entry *entries;
	size_t n_entries, entries_capacity;
	struct ht_symbol_frame *frames;
	size_t n_frames, frames_capacity;
};

/* A module as a block being read describes it. */
struct new_module {
	const uint8_t *path, *build_id, *problem;
	size_t path_bytes, build_id_bytes, problem_bytes;
	uint64_t n_addresses;
};

/* A block being read; nothing of it counts before all of it was found good. */
struct reader {
	struct ht_stored_symbols *stored;
	struct ht_get get;
	struct ht_get columns[HT_N_SYMBOL_COLUMNS];
	struct ht_symbol_state state;
	const uint8_t *function_bytes, *file_bytes;
	size_t n_function_bytes, n_file_bytes;
	struct new_module *modules;
	uint64_t n_modules;
	uint64_t *addrs; /* of all modules, one after another */
	uint64_t n_addrs;
	size_t n_frames;
};

struct ht_stored_symbols *ht_stored_symbols_new(void)
{
	return ht_xalloc_zeroed(1, sizeof(struct ht_stored_symbols));
}

void ht_stored_symbols_free(struct ht_stored_symbols *stored)
{
	if (!stored)
		return;
	for (size_t i = 0; i < stored->n_modules; i++)
		ht_u64_map_done(&stored->modules[i].entries);
	ht_name_table_done(&stored->keys);
	free(stored->modules);
	free(stored->blocks);
	free(stored->entries);
	free(stored->frames);
	ht_arena_done(&stored->arena);
	free(stored);
}

/* A table of names: a count, and bytes with exactly so many NULs, the last one at the end. */
static bool read_names(struct ht_get *get, uint32_t *ret_n, const uint8_t **ret_bytes,
		       size_t *ret_n_bytes)
{
	uint32_t n = ht_get_u32(get), n_found = 0;
	size_t n_bytes = ht_get_bytes(get, ret_bytes);

	if (get->is_bad || (n_bytes && (*ret_bytes)[n_bytes - 1] != '\0'))
		return false;
	for (size_t i = 0; i < n_bytes; i++)
		n_found += (*ret_bytes)[i] == '\0';
	*ret_n = n;
	*ret_n_bytes = n_bytes;
	return n_found == n;
}

static bool read_modules(struct reader *r)
{
	uint64_t n = ht_get_u64(&r->get);

	if (r->get.is_bad || n > HT_BLOCK_MAX_SYMBOL_MODULES)
		return false;
	r->modules = ht_xalloc_zeroed(n, sizeof(*r->modules));
	r->n_modules = n;
	for (uint64_t i = 0; i < n; i++) {
		struct new_module *m = &r->modules[i];

		m->build_id_bytes = ht_get_bytes(&r->get, &m->build_id);
		m->path_bytes = ht_get_bytes(&r->get, &m->path);
		m->problem_bytes = ht_get_bytes(&r->get, &m->problem);
		m->n_addresses = ht_get_u64(&r->get);
		if (r->get.is_bad || m->build_id_bytes > HT_BUILD_ID_MAX_BYTES ||
		    memchr(m->path, 0, m->path_bytes) || memchr(m->problem, 0, m->problem_bytes))
			return false;
	}
	return true;
}

static bool read_columns(struct reader *r, uint64_t n_items)
{
	uint64_t left = n_items;

	for (int i = 0; i < HT_N_SYMBOL_COLUMNS; i++) {
		const uint8_t *bytes;
		size_t n_bytes = ht_get_bytes(&r->get, &bytes);

		r->columns[i] = ht_get_init(bytes, n_bytes);
	}
	for (uint64_t i = 0; i < r->n_modules; i++) {
		if (r->modules[i].n_addresses == 0 || r->modules[i].n_addresses > left)
			return false;
		left -= r->modules[i].n_addresses;
	}
	/* Each address has a byte at least in these two. */
	return !r->get.is_bad && ht_get_left(&r->get) == 0 && left == 0 &&
	       n_items <= ht_get_left(&r->columns[HT_SYMBOL_ADDRESSES]) &&
	       n_items <= ht_get_left(&r->columns[HT_SYMBOL_DEPTHS]);
}

/* One address: its entry and its frames go behind those that count. */
static bool read_address(struct reader *r, bool is_first, uint64_t before)
{
	struct ht_stored_symbols *stored = r->stored;
	uint64_t distance = ht_get_u64(&r->columns[HT_SYMBOL_ADDRESSES]);
	uint64_t depth = ht_get_u64(&r->columns[HT_SYMBOL_DEPTHS]);
	uint64_t addr;

	if (r->columns[HT_SYMBOL_ADDRESSES].is_bad || r->columns[HT_SYMBOL_DEPTHS].is_bad ||
	    (!is_first && distance == 0) || __builtin_add_overflow(before, distance, &addr) ||
	    depth > HT_SYMBOL_MAX_DEPTH || r->n_frames + depth > HT_BLOCK_MAX_SYMBOL_FRAMES ||
	    depth > ht_get_left(&r->columns[HT_SYMBOL_FUNCTIONS]))
		return false;

	size_t first = stored->n_frames + r->n_frames;

	stored->frames = ht_xalloc_grow(stored->frames, &stored->frames_capacity, first + depth,
					sizeof(*stored->frames));
	for (uint64_t i = 0; i < depth; i++) {
		if (!ht_symbol_get_frame(r->columns, &r->state, &stored->frames[first + i]))
			return false;
	}
	stored->entries[stored->n_entries + r->n_addrs] = (struct entry){
		.first_frame = first,
		.n_frames = (uint32_t)depth,
		.block = (uint32_t)stored->n_blocks,
	};
	r->addrs[r->n_addrs++] = addr;
	r->n_frames += depth;
	return true;
}

static bool read_addresses(struct reader *r, uint64_t n_items)
{
	struct ht_stored_symbols *stored = r->stored;

	stored->entries = ht_xalloc_grow(stored->entries, &stored->entries_capacity,
					 stored->n_entries + n_items, sizeof(*stored->entries));
	r->addrs = ht_xalloc_zeroed(n_items, sizeof(*r->addrs));
	r->state.places =
		ht_xalloc_zeroed((size_t)r->state.n_functions + 1, sizeof(*r->state.places));
	for (uint64_t m = 0; m < r->n_modules; m++) {
		for (uint64_t i = 0; i < r->modules[m].n_addresses; i++) {
			if (!read_address(r, i == 0, i ? r->addrs[r->n_addrs - 1] : 0))
				return false;
		}
	}
	for (int i = 0; i < HT_N_SYMBOL_COLUMNS; i++) {
		if (r->columns[i].is_bad || ht_get_left(&r->columns[i]) != 0)
			return false;
	}
	return true;
}

static const char **take_names(struct ht_stored_symbols *stored, const uint8_t *bytes,
			       size_t n_bytes, uint32_t n)
{
	const char *text = ht_arena_dup(&stored->arena, bytes, n_bytes);
	const char **names = ht_arena_alloc(&stored->arena, n * sizeof(*names) + 1);

	for (uint32_t i = 0; i < n; i++) {
		names[i] = text;
		text += strlen(text) + 1;
	}
	return names;
}

/* Path and build-id as one string, to be released. */
static char *module_key(const void *path, size_t path_bytes, const uint8_t *build_id,
			size_t build_id_bytes)
{
	struct ht_strbuf key = {0};

	for (size_t i = 0; i < build_id_bytes; i++)
		ht_strbuf_addf(&key, "%02x", build_id[i]);
	ht_strbuf_add_char(&key, ':');
	ht_strbuf_add(&key, path, path_bytes);
	return ht_strbuf_take(&key);
}

static struct module *need_module(struct ht_stored_symbols *stored, const struct new_module *n)
{
	char *key = module_key(n->path, n->path_bytes, n->build_id, n->build_id_bytes);
	uint32_t number = ht_name_table_number(&stored->keys, key);

	free(key);
	if (number <= stored->n_modules)
		return &stored->modules[number - 1];
	stored->modules = ht_xalloc_grow(stored->modules, &stored->modules_capacity, number,
					 sizeof(*stored->modules));
	stored->modules[stored->n_modules] = (struct module){
		.problem = ht_arena_dup(&stored->arena, n->problem, n->problem_bytes),
	};
	return &stored->modules[stored->n_modules++];
}

/* The block is good: let it count. */
static void take(struct reader *r)
{
	struct ht_stored_symbols *stored = r->stored;
	uint64_t next = 0;

	stored->blocks = ht_xalloc_grow(stored->blocks, &stored->blocks_capacity,
					stored->n_blocks + 1, sizeof(*stored->blocks));
	stored->blocks[stored->n_blocks++] = (struct block){
		.functions = take_names(stored, r->function_bytes, r->n_function_bytes,
					r->state.n_functions),
		.files = take_names(stored, r->file_bytes, r->n_file_bytes, r->state.n_files),
	};
	for (uint64_t m = 0; m < r->n_modules; m++) {
		struct module *module = need_module(stored, &r->modules[m]);

		for (uint64_t i = 0; i < r->modules[m].n_addresses; i++, next++)
			*ht_u64_map_put(&module->entries, r->addrs[next]) = stored->n_entries + next;
	}
	stored->n_entries += r->n_addrs;
	stored->n_frames += r->n_frames;
}

bool ht_stored_symbols_add(struct ht_stored_symbols *stored, const uint8_t *body, size_t n_bytes,
			   uint64_t n_items)
{
	struct reader r = { .stored = stored, .get = ht_get_init(body, n_bytes) };
	bool is_good = read_names(&r.get, &r.state.n_functions, &r.function_bytes,
				  &r.n_function_bytes) &&
		       read_names(&r.get, &r.state.n_files, &r.file_bytes, &r.n_file_bytes) &&
		       read_modules(&r) && read_columns(&r, n_items) && read_addresses(&r, n_items);

	if (is_good)
		take(&r);
	free(r.modules);
	free(r.addrs);
	free(r.state.places);
	return is_good;
}

uint64_t ht_stored_symbols_count(const struct ht_stored_symbols *stored)
{
	return stored->n_entries;
}

size_t ht_stored_symbols_module(const struct ht_stored_symbols *stored, const char *path,
				const uint8_t *build_id, size_t build_id_bytes)
{
	char *key = module_key(path, strlen(path), build_id, build_id_bytes);
	uint32_t number = ht_name_table_find(&stored->keys, key);

	free(key);
	return number ? number - 1 : HT_NO_STORED_MODULE;
}

const char *ht_stored_symbols_problem(const struct ht_stored_symbols *stored, size_t module)
{
	return stored->modules[module].problem;
}

bool ht_stored_symbols_find(const struct ht_stored_symbols *stored, size_t module, uint64_t addr,
			    struct ht_frame_name *frames, size_t max, size_t *ret_n_frames)
{
	const uint64_t *i = ht_u64_map_get(&stored->modules[module].entries, addr);

	if (!i)
		return false;

	const struct entry *e = &stored->entries[*i];
	const struct block *block = &stored->blocks[e->block];
	size_t n = e->n_frames < max ? e->n_frames : max;

	for (size_t k = 0; k < n; k++) {
		const struct ht_symbol_frame *f = &stored->frames[e->first_frame + k];

		frames[k] = (struct ht_frame_name){
			.function = f->function ? block->functions[f->function - 1] : NULL,
			.file = f->file ? block->files[f->file - 1] : NULL,
			.line = f->line,
			.is_inlined = k + 1 < n,
		};
	}
	*ret_n_frames = n;
	return true;
}
