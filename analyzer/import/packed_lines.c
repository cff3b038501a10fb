/* SPDX-License-Identifier: MIT */
/* Lines of a text file that may be gzip or zstd. Analyzer, one thread at a time. */
#include "analyzer/import/packed_lines.h"

#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <zlib.h>
#include <zstd.h>

#define INPUT_BYTES  (128u << 10)
#define OUTPUT_BYTES (256u << 10)

struct ht_packed_lines {
	char *path;
	/* One of these: plain text comes through gzip as it is. */
	gzFile gzip;
	FILE *file;
	ZSTD_DCtx *zstd;
	uint8_t *input;
	ZSTD_inBuffer in;
	size_t zstd_wants; /* 0 between frames */

	char *bytes; /* unpacked, from pos to n_bytes not given out yet */
	size_t pos;
	size_t n_bytes;
	size_t capacity;
	bool is_at_end;
	uint64_t n_lines;
};

static bool is_zstd(FILE *file)
{
	static const uint8_t magic[4] = { 0x28, 0xb5, 0x2f, 0xfd };
	uint8_t found[4];
	bool is = fread(found, 1, sizeof(found), file) == sizeof(found) &&
	          memcmp(found, magic, sizeof(magic)) == 0;

	rewind(file);
	return is;
}

enum ht_err ht_packed_lines_open(const char *path, struct ht_packed_lines **ret_lines,
                                 struct ht_diag *diag)
{
	FILE *file = fopen(path, "re");
	struct ht_packed_lines *lines;

	if (!file)
		return ht_diag_set_errno(diag, "cannot open %s", path);
	lines = ht_xalloc_zeroed(1, sizeof(*lines));
	lines->path = ht_xalloc_str(path);
	if (is_zstd(file)) {
		lines->file = file;
		lines->zstd = ZSTD_createDCtx();
		lines->input = ht_xalloc(INPUT_BYTES);
		lines->in.src = lines->input;
	} else {
		fclose(file);
		lines->gzip = gzopen(path, "rb");
	}
	if (!lines->zstd && !lines->gzip) {
		enum ht_err err = ht_diag_set_errno(diag, "cannot open %s", path);

		ht_packed_lines_close(lines);
		return err;
	}
	*ret_lines = lines;
	return HT_OK;
}

void ht_packed_lines_close(struct ht_packed_lines *lines)
{
	if (!lines)
		return;
	if (lines->gzip)
		gzclose(lines->gzip);
	if (lines->file)
		fclose(lines->file);
	ZSTD_freeDCtx(lines->zstd);
	free(lines->input);
	free(lines->bytes);
	free(lines->path);
	free(lines);
}

static enum ht_err corrupt(const struct ht_packed_lines *lines, const char *what,
                           struct ht_diag *diag)
{
	return ht_diag_set(diag, HT_ERR_CORRUPT, UINT64_MAX, UINT64_MAX, "%s: %s", lines->path,
	                   what);
}

static enum ht_err fill_from_gzip(struct ht_packed_lines *lines, struct ht_diag *diag)
{
	int n = gzread(lines->gzip, lines->bytes + lines->n_bytes, OUTPUT_BYTES);
	int code;
	const char *message = gzerror(lines->gzip, &code);

	if (n < 0 || (code != Z_OK && code != Z_STREAM_END))
		return corrupt(lines, code == Z_BUF_ERROR ? "the file is cut off" : message, diag);
	lines->n_bytes += (size_t)n;
	lines->is_at_end = n == 0;
	return HT_OK;
}

static enum ht_err fill_from_zstd(struct ht_packed_lines *lines, struct ht_diag *diag)
{
	ZSTD_outBuffer out = { lines->bytes + lines->n_bytes, OUTPUT_BYTES, 0 };

	if (lines->in.pos == lines->in.size) {
		lines->in.pos = 0;
		lines->in.size = fread(lines->input, 1, INPUT_BYTES, lines->file);
		if (ferror(lines->file))
			return ht_diag_set_errno(diag, "cannot read %s", lines->path);
		if (lines->in.size == 0 && lines->zstd_wants == 0) {
			lines->is_at_end = true;
			return HT_OK;
		}
	}

	bool was_empty = lines->in.size == 0;

	lines->zstd_wants = ZSTD_decompressStream(lines->zstd, &out, &lines->in);
	if (ZSTD_isError(lines->zstd_wants))
		return corrupt(lines, ZSTD_getErrorName(lines->zstd_wants), diag);
	if (was_empty && out.pos == 0)
		return corrupt(lines, "the file is cut off", diag);
	lines->n_bytes += out.pos;
	return HT_OK;
}

static enum ht_err fill(struct ht_packed_lines *lines, struct ht_diag *diag)
{
	if (lines->pos > 0) {
		memmove(lines->bytes, lines->bytes + lines->pos, lines->n_bytes - lines->pos);
		lines->n_bytes -= lines->pos;
		lines->pos = 0;
	}
	if (lines->n_bytes > HT_PACKED_LINE_MAX_BYTES)
		return ht_diag_set(diag, HT_ERR_LIMIT, UINT64_MAX, UINT64_MAX,
		                   "%s: line %llu is too long", lines->path,
		                   (unsigned long long)lines->n_lines + 1);
	lines->bytes = ht_xalloc_grow(lines->bytes, &lines->capacity,
	                              lines->n_bytes + OUTPUT_BYTES + 1, 1);
	return lines->gzip ? fill_from_gzip(lines, diag) : fill_from_zstd(lines, diag);
}

enum ht_err ht_packed_lines_next(struct ht_packed_lines *lines, char **ret_line,
                                 size_t *ret_n_bytes, struct ht_diag *diag)
{
	size_t n_searched = 0;

	for (;;) {
		size_t n = lines->n_bytes - lines->pos;
		char *line = lines->bytes ? lines->bytes + lines->pos : NULL;
		char *end = n > n_searched ? memchr(line + n_searched, '\n', n - n_searched) : NULL;

		if (!end && lines->is_at_end && n == 0)
			return HT_ERR_END;
		if (end || lines->is_at_end) {
			size_t length = end ? (size_t)(end - line) : n;

			line[length] = '\0';
			lines->pos += length + (end != NULL);
			lines->n_lines++;
			*ret_line = line;
			*ret_n_bytes = length;
			return HT_OK;
		}
		n_searched = n;

		enum ht_err err = fill(lines, diag);

		if (err)
			return err;
	}
}

uint64_t ht_packed_lines_count(const struct ht_packed_lines *lines)
{
	return lines->n_lines;
}
