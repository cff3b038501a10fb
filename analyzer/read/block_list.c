/* SPDX-License-Identifier: MIT */
/* Finding the blocks of a trace. Analyzer. */
#include "analyzer/read/block_list.h"

#include "analyzer/base/checked.h"
#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/read/block_prefix.h"

#include <heaptide/trace_codec.h>

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define SEARCH_BYTES (1u << 20)

void ht_block_list_done(struct ht_block_list *list)
{
	if (!list)
		return;
	free(list->blocks);
	*list = (struct ht_block_list){ 0 };
}

static void append(struct ht_block_list *list, const struct ht_block *block)
{
	list->blocks = ht_xalloc_grow(list->blocks, &list->capacity, list->n_blocks + 1,
	                              sizeof(*list->blocks));
	list->blocks[list->n_blocks++] = *block;
}

void ht_block_list_add(struct ht_block_list *list, const struct ht_block_header *header,
                       uint64_t off_bytes)
{
	struct ht_clock_pair pair = { header->clock_tick, header->clock_ns };

	if (!list->has_clock)
		list->first_clock = pair;
	list->last_clock = pair;
	list->has_clock = true;
	if (header->type == HT_BLOCK_INDEX) {
		list->index_off_bytes = off_bytes;
		return;
	}
	append(list, &(struct ht_block){
	                     .off_bytes = off_bytes,
	                     .length_bytes = HT_BLOCK_PREFIX_BYTES + header->frame_bytes,
	                     .n_items = header->n_items,
	                     .first_tick = header->first_tick,
	                     .last_tick = header->last_tick,
	                     .seq = header->seq,
	                     .type = header->type,
	             });
}

/* One walk through a file. */
struct scan {
	const struct ht_file_bytes *file;
	ht_block_damage_fn *damage;
	void *context;
	uint8_t *search_buf;
};

static void __attribute__((format(printf, 5, 6)))
report(const struct scan *scan, enum ht_err err, uint64_t off_bytes, uint64_t seq,
       const char *format, ...)
{
	struct ht_diag diag;
	char text[sizeof(diag.msg)];
	va_list args;

	va_start(args, format);
	vsnprintf(text, sizeof(text), format, args);
	va_end(args);
	ht_diag_set(&diag, err, off_bytes, seq, "%s", text);
	scan->damage(scan->context, &diag);
}

static bool prefix_at(const struct scan *scan, uint64_t off_bytes,
                      struct ht_block_header *ret_header)
{
	uint8_t bytes[HT_BLOCK_PREFIX_BYTES];

	return ht_file_bytes_read(scan->file, off_bytes, bytes, sizeof(bytes), NULL) == HT_OK &&
	       ht_block_prefix_parse(bytes, ret_header);
}

/* The place of the next valid prefix from off_bytes on, or UINT64_MAX. */
static uint64_t find_prefix(struct scan *scan, uint64_t off_bytes)
{
	if (!scan->search_buf)
		scan->search_buf = ht_xalloc(SEARCH_BYTES);
	while (off_bytes < scan->file->n_bytes &&
	       scan->file->n_bytes - off_bytes >= HT_BLOCK_PREFIX_BYTES) {
		uint64_t left = scan->file->n_bytes - off_bytes;
		size_t n = left < SEARCH_BYTES ? (size_t)left : SEARCH_BYTES;

		if (ht_file_bytes_read(scan->file, off_bytes, scan->search_buf, n, NULL))
			return UINT64_MAX;
		for (uint8_t *pos = scan->search_buf, *end = pos + n;;) {
			struct ht_block_header header;

			pos = memmem(pos, (size_t)(end - pos), ht_block_signature,
			             HT_BLOCK_SIGNATURE_BYTES);
			if (!pos)
				break;
			if (prefix_at(scan, off_bytes + (uint64_t)(pos - scan->search_buf),
			              &header))
				return off_bytes + (uint64_t)(pos - scan->search_buf);
			pos++;
		}
		if (n == left)
			break;
		/* Signatures across the border are found by the next round. */
		off_bytes += n - (HT_BLOCK_SIGNATURE_BYTES - 1);
	}
	return UINT64_MAX;
}

static bool trailer_at(const struct scan *scan, uint64_t off_bytes)
{
	uint8_t bytes[HT_TRAILER_FILE_BYTES];
	struct ht_trailer trailer;

	return ht_file_bytes_read(scan->file, off_bytes, bytes, sizeof(bytes), NULL) == HT_OK &&
	       ht_trailer_parse(bytes, &trailer);
}

/* Sequence numbers count up by one; anything else is a lost block. */
static void check_seq(const struct scan *scan, uint32_t expected,
                      const struct ht_block_header *header, uint64_t off_bytes)
{
	if (header->seq > expected)
		report(scan, HT_ERR_CORRUPT, off_bytes, expected,
		       "%u blocks are missing before this place", header->seq - expected);
	else if (header->seq < expected)
		report(scan, HT_ERR_CORRUPT, off_bytes, header->seq,
		       "a block is out of order: number %u comes again", header->seq);
}

void ht_block_list_scan(struct ht_block_list *list, const struct ht_file_bytes *file,
                        ht_block_damage_fn *damage, void *context)
{
	struct scan scan = { file, damage, context, NULL };
	uint64_t pos = 0;
	uint64_t search_from =
	        0; /* behind the last prefix: a damaged frame may hide the next one */
	uint32_t expected_seq = 0;

	list->index_off_bytes = UINT64_MAX;
	while (pos < file->n_bytes) {
		struct ht_block_header header;
		uint64_t left = file->n_bytes - pos;

		if (prefix_at(&scan, pos, &header)) {
			check_seq(&scan, expected_seq, &header, pos);
			expected_seq = header.seq + 1;
			search_from = pos + HT_BLOCK_PREFIX_BYTES;
			if (header.frame_bytes <= left - HT_BLOCK_PREFIX_BYTES) {
				ht_block_list_add(list, &header, pos);
				pos += HT_BLOCK_PREFIX_BYTES + header.frame_bytes;
				continue;
			}
			report(&scan, HT_ERR_TRUNCATED, pos, header.seq,
			       "the file ends inside this block, %llu bytes too early",
			       (unsigned long long)(header.frame_bytes -
			                            (left - HT_BLOCK_PREFIX_BYTES)));
		} else if (trailer_at(&scan, pos)) {
			list->has_trailer = true;
			pos += HT_TRAILER_FILE_BYTES;
			if (pos < file->n_bytes)
				report(&scan, HT_ERR_CORRUPT, pos, UINT64_MAX,
				       "%llu bytes follow the end of the trace",
				       (unsigned long long)(file->n_bytes - pos));
			break;
		} else {
			report(&scan,
			       left < HT_TRAILER_FILE_BYTES ? HT_ERR_TRUNCATED : HT_ERR_CORRUPT,
			       pos, expected_seq,
			       "no block begins here, %llu bytes before the end of the file",
			       (unsigned long long)left);
			if (search_from == pos)
				search_from++;
		}
		pos = find_prefix(&scan, search_from);
		if (pos == UINT64_MAX)
			break;
	}
	free(scan.search_buf);
}

bool ht_block_list_from_index(struct ht_block_list *list, const uint8_t *body, size_t n_bytes,
                              uint64_t n_entries, uint64_t index_off_bytes, uint64_t zero_tick,
                              struct ht_diag *diag)
{
	struct ht_get get = ht_get_init(body, n_bytes);
	uint64_t end = 0; /* of the previous block */

	for (uint64_t i = 0; i < n_entries && !get.is_bad; i++) {
		struct ht_block block = { .seq = (uint32_t)i };

		block.type = ht_get_u32(&get);
		block.off_bytes = ht_get_diff(&get, end);
		block.length_bytes = ht_get_u64(&get);
		block.n_items = ht_get_u64(&get);
		block.first_tick = ht_get_diff(&get, zero_tick);
		block.last_tick = ht_get_diff(&get, block.first_tick);
		if (get.is_bad || block.off_bytes != end || i > UINT32_MAX ||
		    block.length_bytes <= HT_BLOCK_PREFIX_BYTES ||
		    block.length_bytes > HT_BLOCK_PREFIX_BYTES + HT_BLOCK_MAX_FRAME_BYTES ||
		    !ht_add_u64(end, block.length_bytes, &end) || end > index_off_bytes) {
			get.is_bad = true;
			break;
		}
		append(list, &block);
	}
	if (!get.is_bad && ht_get_left(&get) == 0 && end == index_off_bytes && list->n_blocks > 0)
		return true;
	list->n_blocks = 0;
	ht_diag_set(diag, HT_ERR_CORRUPT, index_off_bytes, UINT64_MAX,
	            "the index does not fit the file; blocks were searched instead");
	return false;
}
