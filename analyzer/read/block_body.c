/* SPDX-License-Identifier: MIT */
/* Reads and decompresses the bodies of blocks. Analyzer, any thread, each with its own buffer. */
#include "analyzer/read/block_body.h"

#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/read/file_bytes.h"

#include <stdlib.h>
#include <zstd.h>

#define ZSTD_DESCRIPTOR_OFF      4u /* frame header descriptor, behind the magic (RFC 8878, 3.1.1.1.1) */
#define ZSTD_DESCRIPTOR_UNUSED   16u /* a bit that decoders ignore; we want it 0 */
#define ZSTD_DESCRIPTOR_CHECKSUM 4u
#define ZSTD_MAGIC_FIRST_BYTE    0x28u /* of 0xfd2fb528; skippable frames begin with 0x5. */

void ht_body_done(struct ht_body *body)
{
	if (!body)
		return;
	free(body->bytes);
	free(body->frame);
	ZSTD_freeDCtx(body->zstd);
	*body = (struct ht_body){ 0 };
}

enum ht_err ht_body_read(struct ht_body *body, const struct ht_file_bytes *file, uint64_t off_bytes,
                         size_t length_bytes, struct ht_diag *diag)
{
	body->frame = ht_xalloc_grow(body->frame, &body->frame_capacity, length_bytes, 1);
	return ht_file_bytes_read(file, off_bytes, body->frame, length_bytes, diag);
}

/* Frames, each with its length and a checksum, and nothing else: body_bytes in all. */
static enum ht_err check_frames(const uint8_t *frames, size_t n_bytes, size_t body_bytes,
                                uint64_t off_bytes, uint32_t seq, struct ht_diag *diag)
{
	size_t pos = 0;
	size_t left = body_bytes;

	do {
		const uint8_t *frame = frames + pos;
		size_t n = ZSTD_findFrameCompressedSize(frame, n_bytes - pos);
		unsigned long long content = ZSTD_getFrameContentSize(frame, n_bytes - pos);

		/* What is no frame at all, and what does not say its length, are numbers near 2^64. */
		if (ZSTD_isError(n) || content > left)
			return ht_diag_set(
			        diag, HT_ERR_CORRUPT, off_bytes, seq,
			        "a compressed block does not have the length it should have");

		uint8_t descriptor = frame[ZSTD_DESCRIPTOR_OFF];

		if (frame[0] != ZSTD_MAGIC_FIRST_BYTE || !(descriptor & ZSTD_DESCRIPTOR_CHECKSUM) ||
		    descriptor & ZSTD_DESCRIPTOR_UNUSED)
			return ht_diag_set(diag, HT_ERR_CORRUPT, off_bytes, seq,
			                   "a compressed block has no checksum");
		pos += n;
		left -= (size_t)content;
	} while (pos < n_bytes);
	if (left)
		return ht_diag_set(diag, HT_ERR_CORRUPT, off_bytes, seq,
		                   "a compressed block does not have the length it should have");
	return HT_OK;
}

enum ht_err ht_body_decompress(struct ht_body *body, const struct ht_block_header *header,
                               uint64_t off_bytes, struct ht_diag *diag)
{
	const uint8_t *frame = body->frame + HT_BLOCK_PREFIX_BYTES;
	size_t frame_bytes = (size_t)header->frame_bytes;
	size_t body_bytes = (size_t)header->body_bytes;

	if (check_frames(frame, frame_bytes, body_bytes, off_bytes, header->seq, diag) != HT_OK)
		return HT_ERR_CORRUPT;
	body->bytes = ht_xalloc_grow(body->bytes, &body->capacity, body_bytes, 1);
	if (!body->zstd)
		body->zstd = ZSTD_createDCtx();
	if (!body->zstd)
		return ht_diag_set(diag, HT_ERR_NOMEM, off_bytes, header->seq, "out of memory");
	size_t n = ZSTD_decompressDCtx(body->zstd, body->bytes, body_bytes, frame, frame_bytes);

	if (ZSTD_isError(n))
		return ht_diag_set(diag, HT_ERR_CORRUPT, off_bytes, header->seq,
		                   "a block cannot be decompressed: %s", ZSTD_getErrorName(n));
	if (n != body_bytes)
		return ht_diag_set(diag, HT_ERR_CORRUPT, off_bytes, header->seq,
		                   "a block is shorter than its header says");
	body->n_bytes = body_bytes;
	return HT_OK;
}
