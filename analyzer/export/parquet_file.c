/* SPDX-License-Identifier: MIT */
/* Tables as Apache Parquet: plain values in columns, zstd, rows in groups. Analyzer, one thread at a time. */
#include "config.h"

#include "analyzer/export/parquet_file.h"

#include "analyzer/base/utf8.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/export/proto_buffer.h"
#include "analyzer/export/thrift_buffer.h"

#include <assert.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <zstd.h>

#define GROUP_ROWS  65536u
#define GROUP_BYTES (8u << 20)
#define ZSTD_LEVEL  6

static const char magic[4] = { 'P', 'A', 'R', '1' };

/* Numbers of fields and values in parquet.thrift, structure by structure. */
enum {
	FILE_VERSION = 1,
	FILE_SCHEMA = 2,
	FILE_ROWS = 3,
	FILE_GROUPS = 4,
	FILE_CREATOR = 6,
	ELEMENT_TYPE = 1,
	ELEMENT_REPETITION = 3,
	ELEMENT_NAME = 4,
	ELEMENT_CHILDREN = 5,
	ELEMENT_CONVERTED = 6,
	GROUP_COLUMNS = 1,
	GROUP_SIZE = 2,
	GROUP_N_ROWS = 3,
	CHUNK_OFFSET = 2,
	CHUNK_META = 3,
	META_TYPE = 1,
	META_ENCODINGS = 2,
	META_PATH = 3,
	META_CODEC = 4,
	META_VALUES = 5,
	META_PLAIN_SIZE = 6,
	META_SIZE = 7,
	META_PAGE_OFFSET = 9,
	PAGE_TYPE = 1,
	PAGE_PLAIN_SIZE = 2,
	PAGE_SIZE = 3,
	PAGE_DATA = 5,
	DATA_VALUES = 1,
	DATA_ENCODING = 2,
	DATA_DEFINITIONS = 3,
	DATA_REPETITIONS = 4,

	TYPE_INT64 = 2,
	TYPE_BYTES = 6,
	REPETITION_OPTIONAL = 1,
	CONVERTED_UTF8 = 0,
	CONVERTED_TIME_US = 10,
	CODEC_NONE = 0,
	CODEC_ZSTD = 6,
	ENCODING_PLAIN = 0,
	ENCODING_RLE = 3,
	PAGE_IS_DATA = 0,
};

struct column_chunk {
	uint64_t off_bytes;
	uint64_t plain_bytes; /* both with the header of the page */
	uint64_t n_bytes;
	bool is_plain; /* not compressed */
};

struct row_group {
	struct column_chunk *chunks;
	uint64_t n_rows;
};

/* Of the group that is being filled. */
struct column {
	struct ht_strbuf values;
	uint8_t *is_there; /* a bit for each row */
};

struct ht_parquet_file {
	const struct ht_parquet_column *described;
	struct column *columns;
	size_t n_columns;
	size_t next_column;
	uint64_t n_rows; /* whole ones, of this group */
	struct row_group *groups;
	size_t n_groups;
	size_t groups_capacity;
	uint64_t n_written_bytes;
	FILE *out;
};

struct ht_parquet_file *ht_parquet_file_new(const struct ht_parquet_column *columns,
                                            size_t n_columns, FILE *out)
{
	struct ht_parquet_file *file = ht_xalloc_zeroed(1, sizeof(*file));

	file->described = columns;
	file->n_columns = n_columns;
	file->columns = ht_xalloc_zeroed(n_columns, sizeof(*file->columns));
	for (size_t c = 0; c < n_columns; c++)
		file->columns[c].is_there = ht_xalloc_zeroed(GROUP_ROWS / 8, 1);
	file->out = out;
	fwrite(magic, 1, sizeof(magic), out);
	file->n_written_bytes = sizeof(magic);
	return file;
}

static void put_u32(struct ht_strbuf *s, uint32_t value)
{
	for (int i = 0; i < 4; i++)
		ht_strbuf_add_char(s, (char)(value >> 8 * i));
}

static void write_bytes(struct ht_parquet_file *file, const void *bytes, size_t n)
{
	fwrite(bytes, 1, n, file->out);
	file->n_written_bytes += n;
}

/* What a page has before its values: for each row a bit that says whether it has one. */
static void begin_page(struct ht_strbuf *page, const struct column *column, uint64_t n_rows)
{
	struct ht_strbuf run = { 0 };
	const uint64_t n_bytes = (n_rows + 7) / 8;

	ht_proto_packed(&run, n_bytes << 1 | 1);
	put_u32(page, (uint32_t)(run.n_bytes + n_bytes));
	ht_strbuf_add(page, run.text, run.n_bytes);
	ht_strbuf_add(page, column->is_there, n_bytes);
	ht_strbuf_done(&run);
}

static void write_chunk(struct ht_parquet_file *file, struct column *column,
                        struct column_chunk *chunk)
{
	struct ht_strbuf page = { 0 };
	struct ht_thrift_buffer header = { 0 };

	begin_page(&page, column, file->n_rows);
	ht_strbuf_add(&page, ht_strbuf_str(&column->values), column->values.n_bytes);

	const size_t bound = ZSTD_compressBound(page.n_bytes);
	char *compressed = ht_xalloc(bound);
	size_t n = ZSTD_compress(compressed, bound, page.text, page.n_bytes, ZSTD_LEVEL);

	/* There was no memory for it. */
	chunk->is_plain = ZSTD_isError(n);
	if (chunk->is_plain)
		n = page.n_bytes;
	ht_thrift_i32(&header, PAGE_TYPE, PAGE_IS_DATA);
	ht_thrift_i32(&header, PAGE_PLAIN_SIZE, (int32_t)page.n_bytes);
	ht_thrift_i32(&header, PAGE_SIZE, (int32_t)n);
	ht_thrift_begin(&header, PAGE_DATA);
	ht_thrift_i32(&header, DATA_VALUES, (int32_t)file->n_rows);
	ht_thrift_i32(&header, DATA_ENCODING, ENCODING_PLAIN);
	ht_thrift_i32(&header, DATA_DEFINITIONS, ENCODING_RLE);
	ht_thrift_i32(&header, DATA_REPETITIONS, ENCODING_RLE);
	ht_thrift_end(&header);
	ht_thrift_end(&header);
	chunk->off_bytes = file->n_written_bytes;
	chunk->plain_bytes = header.bytes.n_bytes + page.n_bytes;
	chunk->n_bytes = header.bytes.n_bytes + n;
	write_bytes(file, header.bytes.text, header.bytes.n_bytes);
	write_bytes(file, chunk->is_plain ? page.text : compressed, n);
	free(compressed);
	ht_strbuf_done(&header.bytes);
	ht_strbuf_done(&page);
	ht_strbuf_clear(&column->values);
	memset(column->is_there, 0, GROUP_ROWS / 8);
}

static void write_group(struct ht_parquet_file *file)
{
	if (file->n_rows == 0)
		return;
	file->groups = ht_xalloc_grow(file->groups, &file->groups_capacity, file->n_groups + 1,
	                              sizeof(*file->groups));

	struct row_group *group = &file->groups[file->n_groups++];

	group->n_rows = file->n_rows;
	group->chunks = ht_xalloc_zeroed(file->n_columns, sizeof(*group->chunks));
	for (size_t c = 0; c < file->n_columns; c++)
		write_chunk(file, &file->columns[c], &group->chunks[c]);
	file->n_rows = 0;
}

static void end_value(struct ht_parquet_file *file)
{
	uint64_t n_bytes = 0;

	if (++file->next_column < file->n_columns)
		return;
	file->next_column = 0;
	file->n_rows++;
	for (size_t c = 0; c < file->n_columns; c++)
		n_bytes += file->columns[c].values.n_bytes;
	if (file->n_rows == GROUP_ROWS || n_bytes > GROUP_BYTES)
		write_group(file);
}

/* The column of the next value, which is there. */
static struct column *begin_value(struct ht_parquet_file *file)
{
	struct column *column = &file->columns[file->next_column];

	column->is_there[file->n_rows / 8] |= (uint8_t)(1u << file->n_rows % 8);
	return column;
}

void ht_parquet_file_put_null(struct ht_parquet_file *file)
{
	end_value(file);
}

void ht_parquet_file_put_text(struct ht_parquet_file *file, const char *text)
{
	assert(file->described[file->next_column].kind == HT_PARQUET_TEXT);
	if (text) {
		struct ht_strbuf *values = &begin_value(file)->values;
		struct ht_strbuf clean = { 0 };

		ht_utf8_clean(&clean, text);
		put_u32(values, (uint32_t)clean.n_bytes);
		ht_strbuf_add(values, ht_strbuf_str(&clean), clean.n_bytes);
		ht_strbuf_done(&clean);
	}
	end_value(file);
}

void ht_parquet_file_put_number(struct ht_parquet_file *file, uint64_t number)
{
	assert(file->described[file->next_column].kind != HT_PARQUET_TEXT);

	struct ht_strbuf *values = &begin_value(file)->values;

	put_u32(values, (uint32_t)number);
	put_u32(values, (uint32_t)(number >> 32));
	end_value(file);
}

static int32_t type_of(const struct ht_parquet_column *column)
{
	return column->kind == HT_PARQUET_TEXT ? TYPE_BYTES : TYPE_INT64;
}

static void put_schema(struct ht_thrift_buffer *meta, const struct ht_parquet_file *file)
{
	ht_thrift_list(meta, FILE_SCHEMA, HT_THRIFT_STRUCT, file->n_columns + 1);
	ht_thrift_begin_item(meta);
	ht_thrift_text(meta, ELEMENT_NAME, "schema");
	ht_thrift_i32(meta, ELEMENT_CHILDREN, (int32_t)file->n_columns);
	ht_thrift_end(meta);
	for (size_t c = 0; c < file->n_columns; c++) {
		const struct ht_parquet_column *column = &file->described[c];

		ht_thrift_begin_item(meta);
		ht_thrift_i32(meta, ELEMENT_TYPE, type_of(column));
		ht_thrift_i32(meta, ELEMENT_REPETITION, REPETITION_OPTIONAL);
		ht_thrift_text(meta, ELEMENT_NAME, column->name);
		if (column->kind == HT_PARQUET_TEXT)
			ht_thrift_i32(meta, ELEMENT_CONVERTED, CONVERTED_UTF8);
		else if (column->kind == HT_PARQUET_TIME)
			ht_thrift_i32(meta, ELEMENT_CONVERTED, CONVERTED_TIME_US);
		ht_thrift_end(meta);
	}
}

static void put_chunk(struct ht_thrift_buffer *meta, const struct ht_parquet_column *column,
                      const struct column_chunk *chunk, uint64_t n_rows)
{
	ht_thrift_begin_item(meta);
	ht_thrift_i64(meta, CHUNK_OFFSET, (int64_t)chunk->off_bytes);
	ht_thrift_begin(meta, CHUNK_META);
	ht_thrift_i32(meta, META_TYPE, type_of(column));
	ht_thrift_list(meta, META_ENCODINGS, HT_THRIFT_I32, 2);
	ht_thrift_i32_item(meta, ENCODING_PLAIN);
	ht_thrift_i32_item(meta, ENCODING_RLE);
	ht_thrift_list(meta, META_PATH, HT_THRIFT_TEXT, 1);
	ht_thrift_text_item(meta, column->name);
	ht_thrift_i32(meta, META_CODEC, chunk->is_plain ? CODEC_NONE : CODEC_ZSTD);
	ht_thrift_i64(meta, META_VALUES, (int64_t)n_rows);
	ht_thrift_i64(meta, META_PLAIN_SIZE, (int64_t)chunk->plain_bytes);
	ht_thrift_i64(meta, META_SIZE, (int64_t)chunk->n_bytes);
	ht_thrift_i64(meta, META_PAGE_OFFSET, (int64_t)chunk->off_bytes);
	ht_thrift_end(meta);
	ht_thrift_end(meta);
}

static void put_groups(struct ht_thrift_buffer *meta, const struct ht_parquet_file *file)
{
	uint64_t n_rows = 0;

	for (size_t g = 0; g < file->n_groups; g++)
		n_rows += file->groups[g].n_rows;
	ht_thrift_i64(meta, FILE_ROWS, (int64_t)n_rows);
	ht_thrift_list(meta, FILE_GROUPS, HT_THRIFT_STRUCT, file->n_groups);
	for (size_t g = 0; g < file->n_groups; g++) {
		const struct row_group *group = &file->groups[g];
		uint64_t plain_bytes = 0;

		ht_thrift_begin_item(meta);
		ht_thrift_list(meta, GROUP_COLUMNS, HT_THRIFT_STRUCT, file->n_columns);
		for (size_t c = 0; c < file->n_columns; c++) {
			put_chunk(meta, &file->described[c], &group->chunks[c], group->n_rows);
			plain_bytes += group->chunks[c].plain_bytes;
		}
		ht_thrift_i64(meta, GROUP_SIZE, (int64_t)plain_bytes);
		ht_thrift_i64(meta, GROUP_N_ROWS, (int64_t)group->n_rows);
		ht_thrift_end(meta);
	}
}

void ht_parquet_file_finish(struct ht_parquet_file *file)
{
	struct ht_thrift_buffer meta = { 0 };

	assert(file->next_column == 0);
	write_group(file);
	ht_thrift_i32(&meta, FILE_VERSION, 1);
	put_schema(&meta, file);
	put_groups(&meta, file);
	ht_thrift_text(&meta, FILE_CREATOR, "heaptide version " PACKAGE_VERSION);
	ht_thrift_end(&meta);
	put_u32(&meta.bytes, (uint32_t)meta.bytes.n_bytes);
	ht_strbuf_add(&meta.bytes, magic, sizeof(magic));
	write_bytes(file, meta.bytes.text, meta.bytes.n_bytes);
	ht_strbuf_done(&meta.bytes);
	for (size_t g = 0; g < file->n_groups; g++)
		free(file->groups[g].chunks);
	free(file->groups);
	for (size_t c = 0; c < file->n_columns; c++) {
		ht_strbuf_done(&file->columns[c].values);
		free(file->columns[c].is_there);
	}
	free(file->columns);
	free(file);
}
