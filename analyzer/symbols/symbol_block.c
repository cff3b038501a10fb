/* SPDX-License-Identifier: MIT */
/* Collects names of addresses into columns and puts SYMBOLS bodies together. Analyzer. */
#include "analyzer/symbols/symbol_block.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/symbols/name_table.h"

#include <heaptide/symbol_codec.h>

#include <stdlib.h>
#include <string.h>

const struct ht_symbol_block_limits ht_symbol_block_default_limits = {
	.max_addresses = 65536,
	.max_bytes = 8u << 20,
};

/* Longer names are somebody's joke: unknown then. Keeps a block with one address within its limit. */
#define NAME_MAX_BYTES 65536u

/* Paths are up to 64 KiB long; these many are far below the limit of the format. */
#define MODULES_MAX 128u
static_assert(MODULES_MAX <= HT_BLOCK_MAX_SYMBOL_MODULES, "the reader takes them");

/* A body must stay below the limit of the format whatever one address adds to it. */
static_assert((16ull << 20) + 2ull * HT_SYMBOL_MAX_DEPTH * NAME_MAX_BYTES <
		      HT_BLOCK_MAX_BODY_BYTES,
	      "a full block and an address with the longest names fit");
static_assert(65536u * HT_SYMBOL_MAX_DEPTH >= HT_BLOCK_MAX_SYMBOL_FRAMES, "frames are limited too");

struct module {
	const char *path;
	const uint8_t *build_id;
	size_t build_id_bytes;
	const char *problem;
	uint64_t n_addresses;
};

struct column {
	uint8_t *bytes;
	size_t capacity;
};

struct ht_symbol_block {
	struct ht_symbol_block_limits limits;
	ht_symbol_block_fn *sink;
	void *context;
	bool is_refused; /* the sink wanted no more */

	struct ht_name_table functions;
	struct ht_name_table files;
	struct module *modules;
	size_t n_modules, modules_capacity;
	struct column columns[HT_N_SYMBOL_COLUMNS];
	struct ht_put puts[HT_N_SYMBOL_COLUMNS];
	struct ht_symbol_state state;
	size_t places_capacity;
	size_t n_addresses;
	size_t n_frames;
	uint64_t last_addr; /* of the current module, in whichever block */

	uint8_t *body;
	size_t body_capacity;
};

struct ht_symbol_block *ht_symbol_block_new(const struct ht_symbol_block_limits *limits,
					    ht_symbol_block_fn *sink, void *context)
{
	struct ht_symbol_block *b = ht_xalloc_zeroed(1, sizeof(*b));

	b->limits = limits ? *limits : ht_symbol_block_default_limits;
	b->sink = sink;
	b->context = context;
	return b;
}

void ht_symbol_block_free(struct ht_symbol_block *b)
{
	if (!b)
		return;
	ht_name_table_done(&b->functions);
	ht_name_table_done(&b->files);
	for (int i = 0; i < HT_N_SYMBOL_COLUMNS; i++)
		free(b->columns[i].bytes);
	free(b->modules);
	free(b->state.places);
	free(b->body);
	free(b);
}

/* Room for one more number in a column. */
static void reserve(struct ht_symbol_block *b, int i)
{
	size_t n = b->columns[i].bytes ? (size_t)(b->puts[i].pos - b->columns[i].bytes) : 0;

	if (b->columns[i].bytes && (size_t)(b->puts[i].end - b->puts[i].pos) >= HT_VARINT_MAX_BYTES)
		return;
	b->columns[i].bytes = ht_xalloc_grow(b->columns[i].bytes, &b->columns[i].capacity,
					     n + HT_VARINT_MAX_BYTES, 1);
	b->puts[i] = (struct ht_put){
		.pos = b->columns[i].bytes + n,
		.end = b->columns[i].bytes + b->columns[i].capacity,
	};
}

static size_t column_bytes(const struct ht_symbol_block *b, int i)
{
	return b->columns[i].bytes ? (size_t)(b->puts[i].pos - b->columns[i].bytes) : 0;
}

static size_t pending_bytes(const struct ht_symbol_block *b)
{
	size_t n = b->functions.n_bytes + b->files.n_bytes;

	for (int i = 0; i < HT_N_SYMBOL_COLUMNS; i++)
		n += column_bytes(b, i);
	return n;
}

void ht_symbol_block_module(struct ht_symbol_block *b, const char *path, const uint8_t *build_id,
			    size_t build_id_bytes, const char *problem)
{
	if (b->n_modules == MODULES_MAX)
		ht_symbol_block_flush(b);
	b->modules = ht_xalloc_grow(b->modules, &b->modules_capacity, b->n_modules + 1,
				    sizeof(*b->modules));
	b->modules[b->n_modules++] = (struct module){
		.path = path,
		.build_id = build_id,
		.build_id_bytes = build_id_bytes,
		.problem = problem,
	};
	b->last_addr = 0;
}

/* Everything that is about one block only. The current module goes on in the next one. */
static void reset(struct ht_symbol_block *b)
{
	ht_name_table_clear(&b->functions);
	ht_name_table_clear(&b->files);
	for (int i = 0; i < HT_N_SYMBOL_COLUMNS; i++)
		b->puts[i].pos = b->columns[i].bytes;
	if (b->state.places)
		memset(b->state.places, 0, b->places_capacity * sizeof(*b->state.places));
	b->state = (struct ht_symbol_state){ .places = b->state.places };
	if (b->n_modules) {
		b->modules[0] = b->modules[b->n_modules - 1];
		b->modules[0].n_addresses = 0;
		b->n_modules = 1;
	}
	b->n_addresses = 0;
	b->n_frames = 0;
	b->last_addr = 0;
}

static size_t body_bound(const struct ht_symbol_block *b)
{
	size_t n = pending_bytes(b) + (5 + HT_N_SYMBOL_COLUMNS) * HT_VARINT_MAX_BYTES;

	for (size_t i = 0; i < b->n_modules; i++)
		n += strlen(b->modules[i].path) + b->modules[i].build_id_bytes +
		     strlen(b->modules[i].problem) + 4 * HT_VARINT_MAX_BYTES;
	return n;
}

/* What is empty may not even have memory. */
static void put_table(struct ht_put *p, const void *bytes, size_t n_bytes)
{
	ht_put_bytes(p, n_bytes ? bytes : "", n_bytes);
}

static size_t encode(struct ht_symbol_block *b)
{
	size_t bound = body_bound(b);
	uint64_t n_modules = 0;

	b->body = ht_xalloc_grow(b->body, &b->body_capacity, bound, 1);

	struct ht_put p = ht_put_init(b->body, bound);

	ht_put_u64(&p, b->functions.n_names);
	put_table(&p, b->functions.bytes, b->functions.n_bytes);
	ht_put_u64(&p, b->files.n_names);
	put_table(&p, b->files.bytes, b->files.n_bytes);
	for (size_t i = 0; i < b->n_modules; i++)
		n_modules += b->modules[i].n_addresses != 0;
	ht_put_u64(&p, n_modules);
	for (size_t i = 0; i < b->n_modules; i++) {
		const struct module *m = &b->modules[i];

		if (!m->n_addresses)
			continue;
		put_table(&p, m->build_id, m->build_id_bytes);
		ht_put_bytes(&p, m->path, strlen(m->path));
		ht_put_bytes(&p, m->problem, strlen(m->problem));
		ht_put_u64(&p, m->n_addresses);
	}
	for (int i = 0; i < HT_N_SYMBOL_COLUMNS; i++)
		put_table(&p, b->columns[i].bytes, column_bytes(b, i));
	return (size_t)(p.pos - b->body);
}

bool ht_symbol_block_flush(struct ht_symbol_block *b)
{
	if (b->n_addresses && !b->is_refused) {
		size_t n_bytes = encode(b);

		b->is_refused = !b->sink(b->context, b->body, n_bytes, b->n_addresses);
	}
	reset(b);
	return !b->is_refused;
}

/* Of a name too long for anybody nothing is kept. */
static const char *usable(const char *name)
{
	return name && strnlen(name, NAME_MAX_BYTES) < NAME_MAX_BYTES ? name : NULL;
}

static void put_frame(struct ht_symbol_block *b, const struct ht_frame_name *name)
{
	struct ht_symbol_frame f = {
		.function = ht_name_table_number(&b->functions, usable(name->function)),
		.file = ht_name_table_number(&b->files, usable(name->file)),
		.line = name->line,
	};
	size_t n_before = b->places_capacity;

	b->state.places = ht_xalloc_grow(b->state.places, &b->places_capacity,
					 (size_t)f.function + 1, sizeof(*b->state.places));
	memset(b->state.places + n_before, 0,
	       (b->places_capacity - n_before) * sizeof(*b->state.places));
	for (int i = HT_SYMBOL_FUNCTIONS; i < HT_N_SYMBOL_COLUMNS; i++)
		reserve(b, i);
	ht_symbol_put_frame(b->puts, &b->state, &f);
	b->n_frames++;
}

static bool is_known(const struct ht_frame_name *frames, size_t n_frames)
{
	return n_frames > 1 ||
	       (n_frames == 1 && (frames[0].function || frames[0].file || frames[0].line));
}

void ht_symbol_block_address(struct ht_symbol_block *b, uint64_t addr,
			     const struct ht_frame_name *frames, size_t n_frames)
{
	if (b->n_addresses &&
	    (b->n_addresses >= b->limits.max_addresses || pending_bytes(b) >= b->limits.max_bytes ||
	     b->n_frames + HT_SYMBOL_MAX_DEPTH > HT_BLOCK_MAX_SYMBOL_FRAMES))
		ht_symbol_block_flush(b);
	if (n_frames > HT_SYMBOL_MAX_DEPTH)
		n_frames = HT_SYMBOL_MAX_DEPTH;
	if (!is_known(frames, n_frames))
		n_frames = 0;
	reserve(b, HT_SYMBOL_ADDRESSES);
	reserve(b, HT_SYMBOL_DEPTHS);
	ht_put_u64(&b->puts[HT_SYMBOL_ADDRESSES], addr - b->last_addr);
	ht_put_u64(&b->puts[HT_SYMBOL_DEPTHS], n_frames);
	for (size_t i = 0; i < n_frames; i++)
		put_frame(b, &frames[i]);
	b->modules[b->n_modules - 1].n_addresses++;
	b->n_addresses++;
	b->last_addr = addr;
}
