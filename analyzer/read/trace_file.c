/* SPDX-License-Identifier: MIT */
/* A trace file as a list of blocks; their bodies on demand. Analyzer. */
#include "analyzer/read/trace_file.h"

#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/read/block_list.h"
#include "analyzer/read/block_prefix.h"
#include "analyzer/read/file_bytes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

/* How far into a file whose first bytes are wrong a block is looked for before it is no trace. */
#define FIRST_BLOCK_WITHIN_BYTES (4u << 20)

struct ht_trace_file {
	struct ht_file_bytes bytes;
	struct ht_block_list list;
	enum ht_file_end end;
	struct ht_diag damages[HT_MAX_KEPT_DAMAGES];
	uint64_t n_damages;
};

void ht_trace_file_note_damage(struct ht_trace_file *file, const struct ht_diag *diag)
{
	/* Who reads the same block again meets the same damage again. */
	for (size_t i = 0; i < file->n_damages && i < HT_MAX_KEPT_DAMAGES; i++) {
		if (diag->off_bytes != UINT64_MAX && file->damages[i].off_bytes == diag->off_bytes &&
		    strcmp(file->damages[i].msg, diag->msg) == 0)
			return;
	}
	if (file->n_damages < HT_MAX_KEPT_DAMAGES)
		file->damages[file->n_damages] = *diag;
	file->n_damages++;
}

static void note_damage(void *context, const struct ht_diag *diag)
{
	ht_trace_file_note_damage(context, diag);
}

enum ht_err ht_trace_file_load(const struct ht_trace_file *file, const struct ht_block *block,
                               struct ht_body *body, struct ht_diag *diag)
{
	struct ht_block_header header;

	/* Lists hold no block longer than the limit, and none that leaves the file. */
	enum ht_err err = ht_body_read(body, &file->bytes, block->off_bytes,
	                               (size_t)block->length_bytes, diag);

	if (err)
		return err;
	if (!ht_block_prefix_parse(body->frame, &header))
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "the header of a block is damaged");
	if (header.seq != block->seq || header.type != block->type ||
	    header.n_items != block->n_items || header.first_tick != block->first_tick ||
	    header.last_tick != block->last_tick ||
	    header.frame_bytes != block->length_bytes - HT_BLOCK_PREFIX_BYTES)
		return ht_diag_set(diag, HT_ERR_CORRUPT, block->off_bytes, block->seq,
		                   "the header of a block is not what the index says");
	return ht_body_decompress(body, &header, block->off_bytes, diag);
}

/* The clock pair of the header at off_bytes. */
static bool clock_at(const struct ht_trace_file *file, uint64_t off_bytes,
                     struct ht_block_header *ret_header)
{
	uint8_t bytes[HT_BLOCK_PREFIX_BYTES];

	return ht_file_bytes_read(&file->bytes, off_bytes, bytes, sizeof(bytes), NULL) == HT_OK &&
	       ht_block_prefix_parse(bytes, ret_header);
}

/*
 * List the blocks that the INDEX block at index_off_bytes names into *list. HT_OK or an error with
 * *diag filled.
 */
static enum ht_err read_index(const struct ht_trace_file *file, uint64_t index_off_bytes,
                              struct ht_block_list *list, struct ht_diag *diag)
{
	struct ht_block_header first, header;
	struct ht_body body = { 0 };

	if (!clock_at(file, 0, &first) || !clock_at(file, index_off_bytes, &header) ||
	    header.type != HT_BLOCK_INDEX ||
	    header.frame_bytes > file->bytes.n_bytes - index_off_bytes - HT_BLOCK_PREFIX_BYTES)
		return ht_diag_set(diag, HT_ERR_CORRUPT, index_off_bytes, UINT64_MAX,
		                   "the index is damaged; blocks were searched instead");
	struct ht_block block = {
		.off_bytes = index_off_bytes,
		.length_bytes = HT_BLOCK_PREFIX_BYTES + header.frame_bytes,
		.n_items = header.n_items,
		.first_tick = header.first_tick,
		.last_tick = header.last_tick,
		.seq = header.seq,
		.type = header.type,
	};
	enum ht_err err = ht_trace_file_load(file, &block, &body, diag);

	if (!err && !ht_block_list_from_index(list, body.bytes, body.n_bytes, header.n_items,
	                                      index_off_bytes, first.clock_tick, diag))
		err = diag->err;
	if (!err && header.seq != list->n_blocks)
		err = ht_diag_set(
		        diag, HT_ERR_CORRUPT, index_off_bytes, header.seq,
		        "the index does not name every block; blocks were searched instead");
	ht_body_done(&body);
	if (err)
		return err;
	list->first_clock = (struct ht_clock_pair){ first.clock_tick, first.clock_ns };
	list->last_clock = (struct ht_clock_pair){ header.clock_tick, header.clock_ns };
	list->has_clock = true;
	return HT_OK;
}

/* True when the file ends with a trailer that fits it. */
static bool read_trailer(const struct ht_trace_file *file, struct ht_trailer *ret_trailer)
{
	uint8_t bytes[HT_TRAILER_FILE_BYTES];
	uint64_t n_bytes = file->bytes.n_bytes;

	return n_bytes >= HT_TRAILER_FILE_BYTES &&
	       ht_file_bytes_read(&file->bytes, n_bytes - HT_TRAILER_FILE_BYTES, bytes,
	                          sizeof(bytes), NULL) == HT_OK &&
	       ht_trailer_parse(bytes, ret_trailer) && ret_trailer->file_bytes == n_bytes &&
	       ret_trailer->index_off_bytes <= n_bytes - HT_TRAILER_FILE_BYTES;
}

/* Compare what a walk found with what the index says. */
static void compare_with_index(struct ht_trace_file *file, const struct ht_block_list *index)
{
	struct ht_diag diag;

	for (size_t i = 0; i < index->n_blocks; i++) {
		const struct ht_block *a = &index->blocks[i];
		const struct ht_block *b = i < file->list.n_blocks ? &file->list.blocks[i] : NULL;

		if (b && a->off_bytes == b->off_bytes && a->length_bytes == b->length_bytes &&
		    a->n_items == b->n_items && a->first_tick == b->first_tick &&
		    a->last_tick == b->last_tick && a->seq == b->seq && a->type == b->type)
			continue;
		ht_diag_set(&diag, HT_ERR_CORRUPT, a->off_bytes, a->seq,
		            "the index says otherwise about this block than its header");
		ht_trace_file_note_damage(file, &diag);
		return;
	}
}

static void list_blocks(struct ht_trace_file *file, bool is_scanning)
{
	struct ht_block_list index = { 0 };
	struct ht_trailer trailer;
	struct ht_diag diag;
	bool has_index = false;
	bool has_trailer = read_trailer(file, &trailer);

	if (has_trailer) {
		has_index = read_index(file, trailer.index_off_bytes, &index, &diag) == HT_OK;
		if (!has_index)
			ht_trace_file_note_damage(file, &diag);
	}
	if (has_index && !is_scanning) {
		file->list = index;
		return;
	}
	ht_block_list_scan(&file->list, &file->bytes, note_damage, file);
	if (!has_trailer || !has_index)
		file->end = has_trailer || file->list.has_trailer ? HT_FILE_END_DAMAGED
		                                                  : HT_FILE_END_MISSING;
	if (has_index)
		compare_with_index(file, &index);
	ht_block_list_done(&index);
}

/* Is the file a trace at all? Asked before it is walked through, which may take long. */
static enum ht_err check_beginning(const struct ht_trace_file *file, const char *path,
                                   struct ht_diag *diag)
{
	uint8_t bytes[HT_BLOCK_PREFIX_BYTES] = { 0 };
	uint64_t n_bytes = file->bytes.n_bytes;
	size_t n = n_bytes < sizeof(bytes) ? (size_t)n_bytes : sizeof(bytes);
	struct ht_block_header header;

	if (n == 0)
		return ht_diag_set(diag, HT_ERR_NOT_A_TRACE, 0, UINT64_MAX, "%s is empty", path);
	enum ht_err err = ht_file_bytes_read(&file->bytes, 0, bytes, n, diag);

	if (err)
		return err;
	size_t n_signature = n < HT_BLOCK_SIGNATURE_BYTES ? n : HT_BLOCK_SIGNATURE_BYTES;
	bool is_ours = memcmp(bytes, ht_block_signature, n_signature) == 0;

	if (is_ours && n_bytes < HT_BLOCK_PREFIX_BYTES)
		return ht_diag_set(diag, HT_ERR_TRUNCATED, 0, 0,
		                   "%s ends after %llu bytes, inside its first block", path,
		                   (unsigned long long)n_bytes);
	if (is_ours && ht_block_prefix_parse(bytes, &header))
		return HT_OK;

	/* The first header is damaged: then another one must be near. */
	size_t n_near =
	        n_bytes < FIRST_BLOCK_WITHIN_BYTES ? (size_t)n_bytes : FIRST_BLOCK_WITHIN_BYTES;
	uint8_t *near = ht_xalloc(n_near);

	err = ht_file_bytes_read(&file->bytes, 0, near, n_near, diag);
	for (size_t i = 1; !err && i + HT_BLOCK_PREFIX_BYTES <= n_near; i++) {
		uint8_t *pos =
		        memmem(near + i, n_near - i, ht_block_signature, HT_BLOCK_SIGNATURE_BYTES);

		if (!pos || (size_t)(near + n_near - pos) < HT_BLOCK_PREFIX_BYTES)
			break;
		if (ht_block_prefix_parse(pos, &header)) {
			free(near);
			return HT_OK;
		}
		i = (size_t)(pos - near);
	}
	free(near);
	return err ? err
	           : ht_diag_set(diag, HT_ERR_NOT_A_TRACE, 0, UINT64_MAX,
	                         "%s is not a heaptide trace", path);
}

static enum ht_err open_file(const char *path, bool is_scanning, struct ht_trace_file **ret_file,
                             struct ht_diag *diag)
{
	struct ht_trace_file *file = ht_xalloc_zeroed(1, sizeof(*file));
	enum ht_err err = ht_file_bytes_open(path, &file->bytes, diag);

	if (err) {
		free(file);
		return err;
	}
	err = check_beginning(file, path, diag);
	if (!err) {
		list_blocks(file, is_scanning);
		if (file->list.n_blocks == 0)
			err = ht_diag_set(diag, HT_ERR_TRUNCATED, 0, 0, "%s has no whole block",
			                  path);
	}
	if (err) {
		ht_trace_file_close(file);
		return err;
	}
	*ret_file = file;
	return HT_OK;
}

enum ht_err ht_trace_file_open(const char *path, struct ht_trace_file **ret_file,
                               struct ht_diag *diag)
{
	return open_file(path, false, ret_file, diag);
}

enum ht_err ht_trace_file_open_scanning(const char *path, struct ht_trace_file **ret_file,
                                        struct ht_diag *diag)
{
	return open_file(path, true, ret_file, diag);
}

void ht_trace_file_close(struct ht_trace_file *file)
{
	if (!file)
		return;
	ht_block_list_done(&file->list);
	ht_file_bytes_close(&file->bytes);
	free(file);
}

bool ht_trace_file_is_being_recorded(const char *path)
{
	struct stat st;
	bool is_locked;

	/* Only regular files: opening and closing a FIFO would end its writer. */
	if (stat(path, &st) < 0 || !S_ISREG(st.st_mode))
		return false;
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);

	if (fd < 0)
		return false;
	is_locked = flock(fd, LOCK_SH | LOCK_NB) < 0 && errno == EWOULDBLOCK;
	close(fd); /* gives the lock back */
	return is_locked;
}

const struct ht_block *ht_trace_file_blocks(const struct ht_trace_file *file, size_t *ret_n_blocks)
{
	*ret_n_blocks = file->list.n_blocks;
	return file->list.blocks;
}

uint64_t ht_trace_file_n_bytes(const struct ht_trace_file *file)
{
	return file->bytes.n_bytes;
}

enum ht_file_end ht_trace_file_end(const struct ht_trace_file *file)
{
	return file->end;
}

struct ht_clock_pair ht_trace_file_first_clock(const struct ht_trace_file *file)
{
	return file->list.first_clock;
}

struct ht_clock_pair ht_trace_file_last_clock(const struct ht_trace_file *file)
{
	return file->list.last_clock;
}

uint64_t ht_trace_file_n_damages(const struct ht_trace_file *file)
{
	return file->n_damages;
}

const struct ht_diag *ht_trace_file_damages(const struct ht_trace_file *file, size_t *ret_n_kept)
{
	*ret_n_kept = file->n_damages < HT_MAX_KEPT_DAMAGES ? (size_t)file->n_damages
	                                                    : HT_MAX_KEPT_DAMAGES;
	return file->damages;
}
