/* SPDX-License-Identifier: MIT */
/* Fields of Protocol Buffers, written one after another. Analyzer, one thread at a time. */
#include "analyzer/export/proto_buffer.h"

#include <string.h>

enum wire_type {
	WIRE_VARINT = 0,
	WIRE_BYTES = 2,
};

void ht_proto_packed(struct ht_strbuf *packed, uint64_t value)
{
	uint8_t bytes[10];
	size_t n = 0;

	for (; value >= 0x80; value >>= 7)
		bytes[n++] = (uint8_t)(value | 0x80);
	bytes[n++] = (uint8_t)value;
	ht_strbuf_add(packed, bytes, n);
}

void ht_proto_u64(struct ht_strbuf *message, unsigned field, uint64_t value)
{
	if (value == 0)
		return;
	ht_proto_packed(message, field << 3 | WIRE_VARINT);
	ht_proto_packed(message, value);
}

static void put_bytes(struct ht_strbuf *message, unsigned field, const char *bytes, size_t n)
{
	ht_proto_packed(message, field << 3 | WIRE_BYTES);
	ht_proto_packed(message, n);
	ht_strbuf_add(message, bytes, n);
}

void ht_proto_text(struct ht_strbuf *message, unsigned field, const char *text)
{
	put_bytes(message, field, text, strlen(text));
}

void ht_proto_message(struct ht_strbuf *message, unsigned field, struct ht_strbuf *inner)
{
	put_bytes(message, field, ht_strbuf_str(inner), inner->n_bytes);
	ht_strbuf_clear(inner);
}
