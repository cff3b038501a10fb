/* SPDX-License-Identifier: MIT */
/* Files with sums of recordings, record by record: no more than one of each file is in memory. Analyzer. */
#include "analyzer/export/sum_stream.h"

#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"

#include <heaptide/trace_codec.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <zstd.h>

/* A skippable frame of zstd, of which this is all. */
static const uint8_t magic[] = { 0x59, 0x2a, 0x4d, 0x18, 4, 0, 0, 0, 'H', 'T', 'S', '1' };

#define LEVEL            6
#define WINDOW_LOG       17 /* so that hundreds of files can be read at once */
#define IN_BYTES         (16u << 10)
#define MIN_BUFFER       (64u << 10)
#define MAX_RECORD_BYTES (64u << 20)

struct ht_sum_reader {
	FILE *file;
	const char *name;
	ZSTD_DCtx *zstd;
	uint8_t in_bytes[IN_BYTES];
	ZSTD_inBuffer in;
	size_t frame_left; /* what zstd said last: 0 at the end of the frame */
	uint8_t *buffer;
	size_t capacity;
	size_t first; /* not taken yet: from here */
	size_t end;
	bool is_over;
	bool has_end;
};

struct ht_sum_writer {
	FILE *out;
	ZSTD_CCtx *zstd;
	uint8_t *bytes;
	size_t capacity;
};

static bool has_magic(FILE *file)
{
	uint8_t bytes[sizeof(magic)];

	return fread(bytes, 1, sizeof(bytes), file) == sizeof(bytes) &&
	       memcmp(bytes, magic, sizeof(magic)) == 0;
}

bool ht_sum_is_sum(const char *path)
{
	struct stat status;
	/* What is read from a pipe would be missing afterwards. */
	bool is_regular = stat(path, &status) == 0 && S_ISREG(status.st_mode);
	FILE *file = is_regular ? fopen(path, "r") : NULL;
	bool is_sum = file && has_magic(file);

	if (file)
		fclose(file);
	return is_sum;
}

enum ht_err ht_sum_reader_refuse(const struct ht_sum_reader *reader, struct ht_diag *diag)
{
	return ht_diag_set(diag, HT_ERR_CORRUPT, UINT64_MAX, UINT64_MAX,
	                   "%s: the summary is damaged", reader->name);
}

enum ht_err ht_sum_reader_open(FILE *file, const char *name, struct ht_sum_reader **ret_reader,
                               struct ht_diag *diag)
{
	if (!has_magic(file)) {
		fclose(file);
		return ht_diag_set(diag, HT_ERR_NOT_A_TRACE, 0, UINT64_MAX, "%s: not a summary",
		                   name);
	}

	struct ht_sum_reader *reader = ht_xalloc_zeroed(1, sizeof(*reader));

	reader->file = file;
	reader->name = name;
	reader->zstd = ZSTD_createDCtx();
	reader->in.src = reader->in_bytes;
	ZSTD_DCtx_setParameter(reader->zstd, ZSTD_d_windowLogMax, WINDOW_LOG);
	*ret_reader = reader;
	return HT_OK;
}

void ht_sum_reader_close(struct ht_sum_reader *reader)
{
	if (!reader)
		return;
	fclose(reader->file);
	ZSTD_freeDCtx(reader->zstd);
	free(reader->buffer);
	free(reader);
}

/* Make the buffer hold n bytes from first on, if there are so many. */
static enum ht_err fill(struct ht_sum_reader *reader, size_t n, struct ht_diag *diag)
{
	while (reader->end - reader->first < n && !reader->is_over) {
		if (reader->in.pos == reader->in.size) {
			reader->in.size = fread(reader->in_bytes, 1, IN_BYTES, reader->file);
			reader->in.pos = 0;
			if (reader->in.size == 0) {
				reader->is_over = true;
				break;
			}
		}
		if (reader->first > 0) {
			memmove(reader->buffer, reader->buffer + reader->first,
			        reader->end - reader->first);
			reader->end -= reader->first;
			reader->first = 0;
		}
		if (reader->capacity - reader->end < MIN_BUFFER)
			reader->buffer = ht_xalloc_grow(reader->buffer, &reader->capacity,
			                                reader->end + MIN_BUFFER, 1);

		ZSTD_outBuffer out = { reader->buffer, reader->capacity, reader->end };

		reader->frame_left = ZSTD_decompressStream(reader->zstd, &out, &reader->in);
		if (ZSTD_isError(reader->frame_left))
			return ht_sum_reader_refuse(reader, diag);
		reader->end = out.pos;
	}
	return HT_OK;
}

enum ht_err ht_sum_reader_next(struct ht_sum_reader *reader, enum ht_sum_kind *ret_kind,
                               const uint8_t **ret_bytes, size_t *ret_n_bytes, struct ht_diag *diag)
{
	enum ht_err err = fill(reader, HT_VARINT_MAX_BYTES, diag);

	if (err)
		return err;
	if (reader->first == reader->end) {
		if (ferror(reader->file))
			return ht_diag_set_errno(diag, "%s", reader->name);
		if (!reader->has_end || reader->frame_left != 0)
			return ht_diag_set(diag, HT_ERR_TRUNCATED, UINT64_MAX, UINT64_MAX,
			                   "%s: the summary ends early", reader->name);
		return HT_ERR_END;
	}

	struct ht_get get =
	        ht_get_init(reader->buffer + reader->first, reader->end - reader->first);
	uint64_t n = ht_get_u64(&get);

	if (get.is_bad || n == 0 || n > MAX_RECORD_BYTES || reader->has_end)
		return ht_sum_reader_refuse(reader, diag);
	reader->first = (size_t)(get.pos - reader->buffer);
	err = fill(reader, n, diag);
	if (err)
		return err;
	if (reader->end - reader->first < n)
		return ht_diag_set(diag, HT_ERR_TRUNCATED, UINT64_MAX, UINT64_MAX,
		                   "%s: the summary ends early", reader->name);

	const uint8_t *record = reader->buffer + reader->first;

	if (record[0] < HT_SUM_HEAD || record[0] > HT_SUM_END)
		return ht_sum_reader_refuse(reader, diag);
	reader->has_end = record[0] == HT_SUM_END;
	reader->first += n;
	*ret_kind = (enum ht_sum_kind)record[0];
	*ret_bytes = record + 1;
	*ret_n_bytes = n - 1;
	return HT_OK;
}

static void compress(struct ht_sum_writer *writer, const void *bytes, size_t n,
                     ZSTD_EndDirective what)
{
	ZSTD_inBuffer in = { bytes, n, 0 };
	size_t left;

	do {
		ZSTD_outBuffer out = { writer->bytes, writer->capacity, 0 };

		left = ZSTD_compressStream2(writer->zstd, &out, &in, what);
		if (fwrite(writer->bytes, 1, out.pos, writer->out) != out.pos)
			return;
	} while (in.pos < in.size || (what == ZSTD_e_end && left > 0 && !ZSTD_isError(left)));
}

struct ht_sum_writer *ht_sum_writer_new(FILE *out)
{
	struct ht_sum_writer *writer = ht_xalloc_zeroed(1, sizeof(*writer));

	writer->out = out;
	writer->capacity = ZSTD_CStreamOutSize();
	writer->bytes = ht_xalloc(writer->capacity);
	writer->zstd = ZSTD_createCCtx();
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_compressionLevel, LEVEL);
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_windowLog, WINDOW_LOG);
	ZSTD_CCtx_setParameter(writer->zstd, ZSTD_c_checksumFlag, 1);
	fwrite(magic, 1, sizeof(magic), out);
	return writer;
}

void ht_sum_writer_put(struct ht_sum_writer *writer, enum ht_sum_kind kind,
                       const struct ht_strbuf *record)
{
	uint8_t head[HT_VARINT_MAX_BYTES + 1];
	struct ht_put put = ht_put_init(head, sizeof(head));

	ht_put_u64(&put, record->n_bytes + 1);
	*put.pos++ = (uint8_t)kind;
	compress(writer, head, (size_t)(put.pos - head), ZSTD_e_continue);
	compress(writer, ht_strbuf_str(record), record->n_bytes, ZSTD_e_continue);
}

void ht_sum_writer_finish(struct ht_sum_writer *writer)
{
	compress(writer, NULL, 0, ZSTD_e_end);
	ZSTD_freeCCtx(writer->zstd);
	free(writer->bytes);
	free(writer);
}
