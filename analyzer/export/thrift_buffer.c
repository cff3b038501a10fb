/* SPDX-License-Identifier: MIT */
/* Structures in Thrift's compact protocol, written field after field. Analyzer, one thread at a time. */
#include "analyzer/export/thrift_buffer.h"

#include "analyzer/export/proto_buffer.h"

#include <assert.h>
#include <string.h>

/* Small steps from field to field share a byte with the type. */
static void put_field(struct ht_thrift_buffer *t, unsigned field, enum ht_thrift_type type)
{
	unsigned *last = &t->last_field[t->depth];

	assert(field > *last && field - *last < 16);
	ht_strbuf_add_char(&t->bytes, (char)((field - *last) << 4 | type));
	*last = field;
}

static void put_signed(struct ht_thrift_buffer *t, int64_t value)
{
	ht_proto_packed(&t->bytes, (uint64_t)value << 1 ^ (uint64_t)(value >> 63));
}

void ht_thrift_i32(struct ht_thrift_buffer *t, unsigned field, int32_t value)
{
	put_field(t, field, HT_THRIFT_I32);
	put_signed(t, value);
}

void ht_thrift_i64(struct ht_thrift_buffer *t, unsigned field, int64_t value)
{
	put_field(t, field, HT_THRIFT_I64);
	put_signed(t, value);
}

void ht_thrift_text(struct ht_thrift_buffer *t, unsigned field, const char *text)
{
	put_field(t, field, HT_THRIFT_TEXT);
	ht_thrift_text_item(t, text);
}

void ht_thrift_true(struct ht_thrift_buffer *t, unsigned field)
{
	put_field(t, field, HT_THRIFT_TRUE);
}

void ht_thrift_begin(struct ht_thrift_buffer *t, unsigned field)
{
	put_field(t, field, HT_THRIFT_STRUCT);
	ht_thrift_begin_item(t);
}

void ht_thrift_begin_item(struct ht_thrift_buffer *t)
{
	assert(t->depth + 1 < HT_THRIFT_MAX_DEPTH);
	t->last_field[++t->depth] = 0;
}

void ht_thrift_end(struct ht_thrift_buffer *t)
{
	ht_strbuf_add_char(&t->bytes, 0);
	if (t->depth > 0)
		t->depth--;
}

void ht_thrift_list(struct ht_thrift_buffer *t, unsigned field, enum ht_thrift_type type,
                    size_t n_items)
{
	put_field(t, field, HT_THRIFT_LIST);
	if (n_items < 15) {
		ht_strbuf_add_char(&t->bytes, (char)(n_items << 4 | type));
		return;
	}
	ht_strbuf_add_char(&t->bytes, (char)(0xf0 | type));
	ht_proto_packed(&t->bytes, n_items);
}

void ht_thrift_i32_item(struct ht_thrift_buffer *t, int32_t value)
{
	put_signed(t, value);
}

void ht_thrift_text_item(struct ht_thrift_buffer *t, const char *text)
{
	const size_t n_bytes = strlen(text);

	ht_proto_packed(&t->bytes, n_bytes);
	ht_strbuf_add(&t->bytes, text, n_bytes);
}
