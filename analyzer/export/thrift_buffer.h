/* SPDX-License-Identifier: MIT */
/* Structures in Thrift's compact protocol, written field after field. Analyzer, one thread at a time. */
#ifndef HT_THRIFT_BUFFER_H
#define HT_THRIFT_BUFFER_H

#include "analyzer/base/strbuf.h"

#include <stdint.h>

#define HT_THRIFT_MAX_DEPTH 8

enum ht_thrift_type {
	HT_THRIFT_TRUE = 1,
	HT_THRIFT_I32 = 5,
	HT_THRIFT_I64 = 6,
	HT_THRIFT_TEXT = 8,
	HT_THRIFT_LIST = 9,
	HT_THRIFT_STRUCT = 12,
};

/* All zero begins the outermost structure; bytes belongs to whoever has the buffer. */
struct ht_thrift_buffer {
	struct ht_strbuf bytes;
	unsigned last_field[HT_THRIFT_MAX_DEPTH]; /* of the structures that are open */
	unsigned depth;
};

/* Fields, by rising numbers. */
void ht_thrift_i32(struct ht_thrift_buffer *t, unsigned field, int32_t value);
void ht_thrift_i64(struct ht_thrift_buffer *t, unsigned field, int64_t value);
void ht_thrift_text(struct ht_thrift_buffer *t, unsigned field, const char *text);
void ht_thrift_true(struct ht_thrift_buffer *t, unsigned field);

/* A structure as a field; ended by ht_thrift_end, as is one that is an item of a list or the outermost. */
void ht_thrift_begin(struct ht_thrift_buffer *t, unsigned field);
void ht_thrift_end(struct ht_thrift_buffer *t);

/* A field with n_items, which follow at once: numbers, texts, or structures that begin with ht_thrift_begin_item. */
void ht_thrift_list(struct ht_thrift_buffer *t, unsigned field, enum ht_thrift_type type,
                    size_t n_items);
void ht_thrift_begin_item(struct ht_thrift_buffer *t);
void ht_thrift_i32_item(struct ht_thrift_buffer *t, int32_t value);
void ht_thrift_text_item(struct ht_thrift_buffer *t, const char *text);

#endif
