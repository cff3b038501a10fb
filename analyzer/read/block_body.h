/* SPDX-License-Identifier: MIT */
/* The bodies of blocks, decompressed and checked. Analyzer, any thread, each with its own buffer. */
#ifndef HT_BLOCK_BODY_H
#define HT_BLOCK_BODY_H

#include <heaptide/error.h>
#include <heaptide/trace_format.h>

#include <stddef.h>
#include <stdint.h>

struct ht_file_bytes;

/* A buffer for bodies, to be used again and again. All zero is an empty one. */
struct ht_body {
	uint8_t *bytes;
	size_t n_bytes;
	size_t capacity;
	uint8_t *frame; /* the compressed form, behind its prefix */
	size_t frame_capacity;
	struct ZSTD_DCtx_s *zstd;
};

void ht_body_done(struct ht_body *body);

/*
 * Read the block of length_bytes (prefix and frame) at off_bytes into body->frame, without looking at
 * it. Errors: HT_ERR_IO, HT_ERR_TRUNCATED.
 */
enum ht_err ht_body_read(struct ht_body *body, const struct ht_file_bytes *file, uint64_t off_bytes,
                         size_t length_bytes, struct ht_diag *diag) HT_MUST_CHECK;

/*
 * Decompress what ht_body_read() brought into body->bytes. *header is what the prefix says, known to be
 * good, and of a frame as long as what was read. Errors: HT_ERR_CORRUPT, HT_ERR_NOMEM.
 */
enum ht_err ht_body_decompress(struct ht_body *body, const struct ht_block_header *header,
                               uint64_t off_bytes, struct ht_diag *diag) HT_MUST_CHECK;

#endif
