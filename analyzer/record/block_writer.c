/* SPDX-License-Identifier: MIT */
/* Frames, compresses and writes the blocks of a trace file. Analyzer. */
#include "analyzer/record/block_writer.h"

#include "analyzer/base/human.h"

#include <heaptide/trace_codec.h>

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zlib.h>
#include <zstd.h>

/* Pieces that are no more together are one frame: each frame costs some 14 bytes. */
#define JOINED_MAX_BYTES 16384u

/*
 * The compressor's hash table (ZSTD_c_hashLog) at the levels that need no other: 384 KiB with its tags instead
 * of up to 6 MiB. Frames are columns of some 250 KiB, which it suits: they become 0.1 % longer.
 */
#define HASH_LOG       16
#define HASH_MIN_LEVEL 5
#define HASH_MAX_LEVEL 12

/* Takes a fifth of the time of level 9. */
#define HURRIED_LEVEL 3

struct index_entry {
	uint32_t type;
	uint64_t off_bytes;
	uint64_t n_bytes;
	uint64_t n_items;
	uint64_t first_tick;
	uint64_t last_tick;
};

struct ht_block_writer {
	int fd;
	const struct ht_clock_source *clock;
	struct ht_clock_reading time; /* of every block, with has_time */
	bool has_time;
	ZSTD_CCtx *zstd;
	int level;
	int level_now; /* that of zstd */
	uint64_t file_bytes;
	uint64_t limit_bytes; /* 0: none */
	bool is_at_limit;
	uint32_t next_seq;

	uint8_t *joined; /* of JOINED_MAX_BYTES */
	uint8_t *frame;  /* prefix and frames of one block */
	size_t frame_size;

	struct index_entry *index;
	size_t n_index;
	size_t index_size;
	uint64_t start_tick; /* of the first block: the INDEX counts from it */
};

static enum ht_err io_error(struct ht_diag *diag, const struct ht_block_writer *w, int sys_errno)
{
	*diag = (struct ht_diag){ HT_ERR_IO, sys_errno, w->file_bytes, w->next_seq, "" };
	snprintf(diag->msg, sizeof(diag->msg), "%s", strerror(sys_errno));
	return HT_ERR_IO;
}

static void set_level(struct ht_block_writer *w, int level)
{
	bool is_small = level >= HASH_MIN_LEVEL && level <= HASH_MAX_LEVEL;

	if (level == w->level_now)
		return;
	/* Neither fails between two frames. 0: the table's size is the level's own. */
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_compressionLevel, level);
	ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_hashLog, is_small ? HASH_LOG : 0);
	w->level_now = level;
}

enum ht_err ht_block_writer_new(int fd, const struct ht_clock_source *clock, int level,
				struct ht_block_writer **ret_writer)
{
	struct ht_block_writer *w = calloc(1, sizeof(*w));

	if (!w)
		return HT_ERR_NOMEM;
	w->fd = fd;
	w->clock = clock;
	w->zstd = ZSTD_createCCtx();
	w->joined = malloc(JOINED_MAX_BYTES);
	if (!w->joined || !w->zstd ||
	    ZSTD_isError(ZSTD_CCtx_setParameter(w->zstd, ZSTD_c_checksumFlag, 1))) {
		ht_block_writer_free(w);
		return HT_ERR_NOMEM;
	}
	w->level = level;
	set_level(w, level);
	*ret_writer = w;
	return HT_OK;
}

void ht_block_writer_free(struct ht_block_writer *w)
{
	if (!w)
		return;
	ZSTD_freeCCtx(w->zstd);
	free(w->joined);
	free(w->frame);
	free(w->index);
	free(w);
}

void ht_block_writer_hurry(struct ht_block_writer *w, bool is_hurried)
{
	set_level(w, is_hurried && w->level > HURRIED_LEVEL ? HURRIED_LEVEL : w->level);
}

uint64_t ht_block_writer_file_bytes(const struct ht_block_writer *w)
{
	return w->file_bytes;
}

static void put_le32(uint8_t *at, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> 8 * i);
}

/* All or nothing: what a failed write left behind is cut off. */
static enum ht_err write_whole(struct ht_block_writer *w, const uint8_t *bytes, size_t n_bytes,
			       struct ht_diag *diag)
{
	size_t done = 0;

	while (done < n_bytes) {
		ssize_t n = write(w->fd, bytes + done, n_bytes - done);

		if (n > 0) {
			done += (size_t)n;
		} else if (n == 0 || errno != EINTR) {
			int sys_errno = n == 0 ? ENOSPC : errno;

			/* Fails for what is not a file; then a reader sees the cut block and stops. */
			if (ftruncate(w->fd, (off_t)w->file_bytes) == 0)
				lseek(w->fd, (off_t)w->file_bytes, SEEK_SET);
			return io_error(diag, w, sys_errno);
		}
	}
	w->file_bytes += n_bytes;
	return HT_OK;
}

static enum ht_err grow(void **array, size_t *size, size_t needed, size_t item_bytes)
{
	size_t size_now = *size ? *size : 64;

	while (size_now < needed)
		size_now *= 2;
	if (size_now == *size)
		return HT_OK;

	void *bigger = realloc(*array, size_now * item_bytes);

	if (!bigger)
		return HT_ERR_NOMEM;
	*array = bigger;
	*size = size_now;
	return HT_OK;
}

/* Write the block whose frames are in w->frame already, behind room for its prefix. header.crc32 is 0. */
static enum ht_err write_frame(struct ht_block_writer *w, struct ht_block_header *header,
			       struct ht_diag *diag)
{
	uint64_t off_bytes = w->file_bytes;

	header->crc32 = (uint32_t)crc32(0, (const Bytef *)header, sizeof(*header));
	put_le32(w->frame, HT_SKIPPABLE_MAGIC);
	put_le32(w->frame + 4, sizeof(*header));
	memcpy(w->frame + 8, header, sizeof(*header));

	enum ht_err err =
	        write_whole(w, w->frame, HT_BLOCK_PREFIX_BYTES + header->frame_bytes, diag);

	if (err != HT_OK)
		return err;
	if (w->next_seq++ == 0)
		w->start_tick = header->clock_tick;
	w->index[w->n_index++] = (struct index_entry){
		.type = header->type,
		.off_bytes = off_bytes,
		.n_bytes = w->file_bytes - off_bytes,
		.n_items = header->n_items,
		.first_tick = header->first_tick,
		.last_tick = header->last_tick,
	};
	return HT_OK;
}

/*
 * Whether the file would be too long with this block and those that end it. An entry of the INDEX has
 * some 20 bytes, an END block some hundreds.
 */
static bool exceeds_limit(const struct ht_block_writer *w, enum ht_block_type type,
                          size_t frame_bytes)
{
	uint64_t end_bytes = 4096 + 40 * (uint64_t)(w->n_index + 3);

	return w->limit_bytes && type != HT_BLOCK_END && type != HT_BLOCK_INDEX &&
	       w->file_bytes + HT_BLOCK_PREFIX_BYTES + frame_bytes + end_bytes > w->limit_bytes;
}

static size_t bytes_of(const struct ht_body_piece *pieces, size_t n_pieces)
{
	size_t n_bytes = 0;

	for (size_t i = 0; i < n_pieces; i++)
		n_bytes += pieces[i].n_bytes;
	return n_bytes;
}

/* The most that the frames of the pieces take. */
static size_t frames_bound(const struct ht_body_piece *pieces, size_t n_pieces)
{
	size_t bound = 0;

	for (size_t i = 0; i < n_pieces; i++)
		bound += ZSTD_compressBound(pieces[i].n_bytes);
	return bound;
}

/* Copy short pieces into one. */
static struct ht_body_piece join(struct ht_block_writer *w, const struct ht_body_piece *pieces,
                                 size_t n_pieces)
{
	size_t n_bytes = 0;

	for (size_t i = 0; i < n_pieces; i++) {
		if (pieces[i].n_bytes)
			memcpy(w->joined + n_bytes, pieces[i].bytes, pieces[i].n_bytes);
		n_bytes += pieces[i].n_bytes;
	}
	return (struct ht_body_piece){ w->joined, n_bytes };
}

/* The frames of the pieces behind room for the prefix; their length, or 0. */
static size_t put_frames(struct ht_block_writer *w, const struct ht_body_piece *pieces,
                         size_t n_pieces, size_t bound)
{
	size_t done = 0;

	for (size_t i = 0; i < n_pieces; i++) {
		if (pieces[i].n_bytes == 0 && n_pieces > 1)
			continue;

		size_t n = ZSTD_compress2(w->zstd, w->frame + HT_BLOCK_PREFIX_BYTES + done,
		                          bound - done, pieces[i].bytes, pieces[i].n_bytes);

		if (ZSTD_isError(n))
			return 0;
		done += n;
	}
	return done;
}

static enum ht_err put_block(struct ht_block_writer *w, const struct ht_block_meta *meta,
                             const struct ht_body_piece *pieces, size_t n_pieces,
                             struct ht_diag *diag)
{
	size_t n_bytes = bytes_of(pieces, n_pieces);
	struct ht_body_piece joined;

	if (n_bytes <= JOINED_MAX_BYTES && n_pieces > 1) {
		joined = join(w, pieces, n_pieces);
		pieces = &joined;
		n_pieces = 1;
	}

	size_t bound = frames_bound(pieces, n_pieces);
	struct ht_clock_reading now = w->has_time ? w->time : ht_clock_source_pair(w->clock);
	struct ht_block_header header = {
		.magic = HT_BLOCK_MAGIC,
		.type = (uint16_t)meta->type,
		.seq = w->next_seq,
		.body_bytes = n_bytes,
		.n_items = meta->n_items,
		.first_tick = meta->has_ticks ? meta->first_tick : now.tick,
		.last_tick = meta->has_ticks ? meta->last_tick : now.tick,
		.clock_tick = now.tick,
		.clock_ns = now.ns,
	};

	if (n_bytes > HT_BLOCK_MAX_BODY_BYTES)
		return HT_ERR_LIMIT;
	if (grow((void **)&w->frame, &w->frame_size, HT_BLOCK_PREFIX_BYTES + bound, 1) != HT_OK ||
	    grow((void **)&w->index, &w->index_size, w->n_index + 1, sizeof(*w->index)) != HT_OK)
		return HT_ERR_NOMEM;
	header.frame_bytes = put_frames(w, pieces, n_pieces, bound);
	if (header.frame_bytes == 0)
		return HT_ERR_NOMEM;
	if (exceeds_limit(w, meta->type, header.frame_bytes)) {
		w->is_at_limit = true;
		return HT_ERR_LIMIT;
	}
	return write_frame(w, &header, diag);
}

void ht_block_writer_set_limit(struct ht_block_writer *w, uint64_t n_bytes)
{
	w->limit_bytes = n_bytes;
}

bool ht_block_writer_is_at_limit(const struct ht_block_writer *w)
{
	return w->is_at_limit;
}

void ht_block_writer_set_time(struct ht_block_writer *w, struct ht_clock_reading time)
{
	w->time = time;
	w->has_time = true;
}

enum ht_err ht_block_writer_copy(struct ht_block_writer *w, const struct ht_block_header *header,
				 const uint8_t *bytes, struct ht_diag *diag)
{
	struct ht_block_header h = *header;
	size_t n_bytes = HT_BLOCK_PREFIX_BYTES + (size_t)h.frame_bytes;

	if (grow((void **)&w->frame, &w->frame_size, n_bytes, 1) != HT_OK ||
	    grow((void **)&w->index, &w->index_size, w->n_index + 1, sizeof(*w->index)) != HT_OK) {
		*diag = (struct ht_diag){ HT_ERR_NOMEM, 0, w->file_bytes, w->next_seq,
					  "out of memory" };
		return HT_ERR_NOMEM;
	}
	memcpy(w->frame, bytes, n_bytes);
	h.seq = w->next_seq;
	h.crc32 = 0;
	return write_frame(w, &h, diag);
}

enum ht_err ht_block_writer_put_pieces(struct ht_block_writer *w, const struct ht_block_meta *meta,
                                       const struct ht_body_piece *pieces, size_t n_pieces,
                                       struct ht_diag *diag)
{
	enum ht_err err = put_block(w, meta, pieces, n_pieces, diag);

	if (err != HT_OK && err != HT_ERR_IO) {
		*diag = (struct ht_diag){ err, 0, w->file_bytes, w->next_seq, "" };
		char limit[HT_HUMAN_BYTES];

		if (err == HT_ERR_LIMIT && w->is_at_limit)
			snprintf(diag->msg, sizeof(diag->msg), "it reached its size limit of %s",
				 ht_human_bytes(limit, w->limit_bytes));
		else
			snprintf(diag->msg, sizeof(diag->msg), "%s", ht_err_str(err));
	}
	return err;
}

enum ht_err ht_block_writer_put(struct ht_block_writer *w, const struct ht_block_meta *meta,
                                const void *body, size_t n_bytes, struct ht_diag *diag)
{
	struct ht_body_piece piece = { body, n_bytes };

	return ht_block_writer_put_pieces(w, meta, &piece, 1, diag);
}

static enum ht_err write_trailer(struct ht_block_writer *w, uint64_t index_off_bytes,
				 struct ht_diag *diag)
{
	uint8_t bytes[HT_TRAILER_FILE_BYTES];
	struct ht_trailer trailer = {
		.magic = HT_TRAILER_MAGIC,
		.index_off_bytes = index_off_bytes,
		.file_bytes = w->file_bytes + sizeof(bytes),
	};

	trailer.crc32 = (uint32_t)crc32(0, (const Bytef *)&trailer, sizeof(trailer));
	put_le32(bytes, HT_SKIPPABLE_MAGIC);
	put_le32(bytes + 4, sizeof(trailer));
	memcpy(bytes + 8, &trailer, sizeof(trailer));
	return write_whole(w, bytes, sizeof(bytes), diag);
}

enum ht_err ht_block_writer_finish(struct ht_block_writer *w, struct ht_diag *diag)
{
	/* Six numbers a block. */
	size_t size = w->n_index * 6 * HT_VARINT_MAX_BYTES + 1;
	uint8_t *body = malloc(size);
	struct ht_put p = ht_put_init(body, body ? size : 0);
	struct ht_block_meta meta = { .type = HT_BLOCK_INDEX, .n_items = w->n_index };
	uint64_t end_bytes = 0;
	uint64_t index_off_bytes = w->file_bytes;

	for (size_t i = 0; i < w->n_index; i++) {
		const struct index_entry *e = &w->index[i];

		ht_put_u64(&p, e->type);
		ht_put_diff(&p, e->off_bytes, end_bytes);
		ht_put_u64(&p, e->n_bytes);
		ht_put_u64(&p, e->n_items);
		ht_put_diff(&p, e->first_tick, w->start_tick);
		ht_put_diff(&p, e->last_tick, e->first_tick);
		end_bytes = e->off_bytes + e->n_bytes;
	}

	enum ht_err err;

	if (!body || p.is_full) {
		err = HT_ERR_NOMEM;
		*diag = (struct ht_diag){ err, 0, w->file_bytes, w->next_seq, "out of memory" };
	} else {
		err = ht_block_writer_put(w, &meta, body, (size_t)(p.pos - body), diag);
	}
	if (err == HT_OK)
		err = write_trailer(w, index_off_bytes, diag);
	free(body);
	return err;
}
