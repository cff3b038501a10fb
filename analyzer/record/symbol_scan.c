/* SPDX-License-Identifier: MIT */
/*
 * Finds the places in code that a growing trace names. Analyzer.
 *
 * Modules are opened as soon as the trace has them, before the program may replace or remove them.
 * Of nodes only the addresses matter here: most were seen before, and a small cache knows that.
 */
#include "analyzer/record/symbol_scan.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/model/module_list.h"
#include "analyzer/model/process_list.h"
#include "analyzer/read/block_body.h"
#include "analyzer/read/block_prefix.h"
#include "analyzer/read/file_bytes.h"
#include "analyzer/symbols/symbolizer.h"

#include <heaptide/trace_codec.h>

#include <stdlib.h>

#define N_RECENT 8192u /* a power of two */

/* Places whose module is not known yet; beyond that they stay without a stored name. */
#define MAX_PENDING 65536u

/* An address of a process. serial 0: none. */
struct place {
	uint64_t addr; /* with HT_NODE_EXACT */
	uint32_t serial;
	uint32_t generation;
};

struct ht_symbol_scan {
	struct ht_file_bytes file;
	uint64_t done_bytes;
	struct ht_body body;
	struct ht_process_list processes;
	struct ht_module_list modules;
	bool has_new_modules; /* not sorted in yet */
	struct ht_symbolizer *symbolizer;
	size_t *module_of_image; /* in symbolizer */
	size_t n_module_of_image, images_capacity;
	struct place recent[N_RECENT]; /* by hash */
	struct place *pending;
	size_t n_pending, pending_capacity;
};

struct ht_symbol_scan *ht_symbol_scan_new(int fd)
{
	struct ht_symbol_scan *scan = ht_xalloc_zeroed(1, sizeof(*scan));

	scan->file.fd = fd;
	scan->symbolizer = ht_symbolizer_new();
	return scan;
}

void ht_symbol_scan_free(struct ht_symbol_scan *scan)
{
	if (!scan)
		return;
	ht_body_done(&scan->body);
	ht_process_list_done(&scan->processes);
	ht_module_list_done(&scan->modules);
	ht_symbolizer_free(scan->symbolizer);
	free(scan->module_of_image);
	free(scan->pending);
	free(scan);
}

/* Let the symbolizer open the files of new images. */
static void open_images(struct ht_symbol_scan *scan)
{
	const struct ht_module_list *list = &scan->modules;

	scan->module_of_image = ht_xalloc_grow(scan->module_of_image, &scan->images_capacity,
					       list->n_images, sizeof(*scan->module_of_image));
	for (size_t i = scan->n_module_of_image; i < list->n_images; i++) {
		const struct ht_symbol_query query = {
			.module_path = list->images[i].path,
			.build_id = list->images[i].build_id,
			.build_id_bytes = list->images[i].build_id_bytes,
		};

		scan->module_of_image[i] = ht_symbolizer_module(scan->symbolizer, &query);
	}
	scan->n_module_of_image = list->n_images;
}

/* Look the place up. False when its module is not known. */
static bool resolve(struct ht_symbol_scan *scan, const struct place *p)
{
	uint64_t addr = (p->addr & ~HT_NODE_EXACT) - !(p->addr & HT_NODE_EXACT);
	uint32_t process = ht_process_list_find(&scan->processes, p->serial);
	size_t m = process == HT_NO_PROCESS ? HT_NO_MODULE :
					      ht_module_list_find(&scan->modules, &scan->processes,
								  process, addr, p->generation);

	if (m == HT_NO_MODULE)
		return false;

	const struct ht_module *module = &scan->modules.modules[m];

	ht_symbolizer_prepare(scan->symbolizer, scan->module_of_image[module->image],
			      addr - module->load_bias);
	return true;
}

static void add_place(struct ht_symbol_scan *scan, const struct place *p)
{
	uint64_t hash = ht_u64_mix(p->addr ^ (uint64_t)p->serial << 48 ^ p->generation);
	struct place *recent = &scan->recent[hash % N_RECENT];

	if (recent->addr == p->addr && recent->serial == p->serial &&
	    recent->generation == p->generation)
		return;
	*recent = *p;
	if (resolve(scan, p) || scan->n_pending == MAX_PENDING)
		return;
	scan->pending = ht_xalloc_grow(scan->pending, &scan->pending_capacity, scan->n_pending + 1,
				       sizeof(*scan->pending));
	scan->pending[scan->n_pending++] = *p;
}

static void retry_pending(struct ht_symbol_scan *scan)
{
	size_t n = 0;

	for (size_t i = 0; i < scan->n_pending; i++) {
		if (!resolve(scan, &scan->pending[i]))
			scan->pending[n++] = scan->pending[i];
	}
	scan->n_pending = n;
}

/* The addresses of a NODES body; the columns of ids and parents are passed over. */
static bool take_nodes(struct ht_symbol_scan *scan, struct ht_get *get, uint64_t n_items)
{
	struct place p = { .serial = ht_get_u32(get) };
	struct ht_get columns[4];

	for (int i = 0; i < 4; i++) {
		const uint8_t *bytes = (const uint8_t *)"";
		size_t n = i < 3 || ht_get_left(get) ? ht_get_bytes(get, &bytes) : 0;

		columns[i] = ht_get_init(bytes, n);
	}
	if (get->is_bad || n_items > ht_get_left(&columns[2]))
		return false;

	bool has_generations = ht_get_left(&columns[3]) != 0;

	for (uint64_t i = 0; i < n_items; i++) {
		p.addr = ht_get_diff(&columns[2], p.addr);
		p.generation = has_generations ? ht_get_u32(&columns[3]) : 0;
		if (columns[2].is_bad || columns[3].is_bad)
			return false;
		if (!(p.addr & (HT_NODE_PYTHON | HT_NODE_JOIN)))
			add_place(scan, &p);
	}
	return true;
}

/* Decompress the block at off_bytes, whose header is known. */
static bool load(struct ht_symbol_scan *scan, uint64_t off_bytes,
		 const struct ht_block_header *header)
{
	size_t length_bytes = HT_BLOCK_PREFIX_BYTES + (size_t)header->frame_bytes;
	struct ht_diag diag;

	return ht_body_read(&scan->body, &scan->file, off_bytes, length_bytes, &diag) == HT_OK &&
	       ht_body_decompress(&scan->body, header, off_bytes, &diag) == HT_OK;
}

static bool take_block(struct ht_symbol_scan *scan, const struct ht_block_header *header)
{
	struct ht_get get = ht_get_init(scan->body.bytes, scan->body.n_bytes);

	switch (header->type) {
	case HT_BLOCK_PROCESS:
		return ht_process_list_add_starts(&scan->processes, &get, header->n_items);
	case HT_BLOCK_MODULES:
		scan->has_new_modules = true;
		return ht_module_list_add(&scan->modules, &scan->processes, &get, header->n_items);
	default: return take_nodes(scan, &get, header->n_items);
	}
}

/*
 * One pass over what is new, with the blocks of these types: processes and modules first, so that
 * nodes find them.
 */
static bool pass(struct ht_symbol_scan *scan, bool is_for_nodes)
{
	uint64_t off_bytes = scan->done_bytes;

	while (off_bytes < scan->file.n_bytes) {
		uint8_t prefix[HT_BLOCK_PREFIX_BYTES];
		struct ht_block_header header;
		struct ht_diag diag;

		if (ht_file_bytes_read(&scan->file, off_bytes, prefix, sizeof(prefix), &diag) !=
			    HT_OK ||
		    !ht_block_prefix_parse(prefix, &header))
			return false;

		bool is_wanted = is_for_nodes ? header.type == HT_BLOCK_NODES :
						header.type == HT_BLOCK_PROCESS ||
							header.type == HT_BLOCK_MODULES;

		if (is_wanted && !(load(scan, off_bytes, &header) && take_block(scan, &header)))
			return false;
		off_bytes += HT_BLOCK_PREFIX_BYTES + header.frame_bytes;
	}
	return off_bytes == scan->file.n_bytes;
}

bool ht_symbol_scan_to(struct ht_symbol_scan *scan, uint64_t end_bytes)
{
	scan->file.n_bytes = end_bytes;
	if (!pass(scan, false))
		return false;
	if (scan->has_new_modules) {
		ht_module_list_sort(&scan->modules);
		open_images(scan);
		retry_pending(scan);
		scan->has_new_modules = false;
	}
	if (!pass(scan, true))
		return false;
	scan->done_bytes = end_bytes;
	return true;
}

bool ht_symbol_scan_save(const struct ht_symbol_scan *scan, struct ht_symbol_block *block)
{
	return ht_symbolizer_save(scan->symbolizer, block);
}
