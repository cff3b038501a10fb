/* SPDX-License-Identifier: MIT */
/* Writes blocks, index and trailer of a trace file, whole blocks or nothing. Analyzer. */
#ifndef HT_BLOCK_WRITER_H
#define HT_BLOCK_WRITER_H

#include "analyzer/record/clock_source.h"

#include <heaptide/error.h>
#include <heaptide/trace_format.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_block_writer;

/* What the rest of the body's header says; bytes and time are the writer's. */
struct ht_block_meta {
	enum ht_block_type type;
	uint64_t n_items;
	/* Of the events inside. has_ticks false: the time of writing stands for both. */
	bool has_ticks;
	uint64_t first_tick;
	uint64_t last_tick;
};

/*
 * A writer onto fd, which must be at offset 0 of an empty file and stays the caller's. clock must
 * outlive the writer; it may be NULL when ht_block_writer_set_time() is called at once. level is zstd's.
 * Release with ht_block_writer_free(). Errors: HT_ERR_NOMEM.
 */
enum ht_err ht_block_writer_new(int fd, const struct ht_clock_source *clock, int level,
				struct ht_block_writer **ret_writer) HT_MUST_CHECK;

void ht_block_writer_free(struct ht_block_writer *writer);

/* The least that ht_block_writer_set_limit() takes. */
#define HT_BLOCK_WRITER_MIN_LIMIT_BYTES 65536u

/* The file may grow to n_bytes, END, INDEX and trailer included, for which room is kept. */
void ht_block_writer_set_limit(struct ht_block_writer *writer, uint64_t n_bytes);

/* Whether a block was refused because of the limit. */
bool ht_block_writer_is_at_limit(const struct ht_block_writer *writer);

/*
 * Append one block. When the file cannot grow it is cut back to the last whole block.
 * Errors: HT_ERR_IO (*diag says why), HT_ERR_NOMEM, HT_ERR_LIMIT (body too long, or the file).
 */
enum ht_err ht_block_writer_put(struct ht_block_writer *writer, const struct ht_block_meta *meta,
                                const void *body, size_t n_bytes,
                                struct ht_diag *diag) HT_MUST_CHECK;

/* A part of a body. */
struct ht_body_piece {
	const void *bytes;
	size_t n_bytes;
};

/*
 * The same, of a body that is the pieces one after another. Where they are long each becomes a zstd frame
 * of its own: pieces should be of different kinds, which are better not mixed.
 */
enum ht_err ht_block_writer_put_pieces(struct ht_block_writer *writer,
                                       const struct ht_block_meta *meta,
                                       const struct ht_body_piece *pieces, size_t n_pieces,
                                       struct ht_diag *diag) HT_MUST_CHECK;

/* Compress blocks from here on fast rather than well; or, with false, with the writer's level again. */
void ht_block_writer_hurry(struct ht_block_writer *writer, bool is_hurried);

/*
 * From here on blocks say that they were written at this moment: for traces that are written anew,
 * whose time must not change.
 */
void ht_block_writer_set_time(struct ht_block_writer *writer, struct ht_clock_reading time);

/*
 * Append a block of another trace as it is there, with a new number. bytes are its prefix and frame,
 * header what the prefix says. Errors: HT_ERR_IO, HT_ERR_NOMEM.
 */
enum ht_err ht_block_writer_copy(struct ht_block_writer *writer,
                                 const struct ht_block_header *header, const uint8_t *bytes,
                                 struct ht_diag *diag) HT_MUST_CHECK;

/* Append the INDEX of all blocks so far, and the trailer. Nothing may follow. */
enum ht_err ht_block_writer_finish(struct ht_block_writer *writer,
                                   struct ht_diag *diag) HT_MUST_CHECK;

/* Whole blocks so far. */
uint64_t ht_block_writer_file_bytes(const struct ht_block_writer *writer);

#endif
