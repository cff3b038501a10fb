/* SPDX-License-Identifier: MIT */
/* Fields of Protocol Buffers, written one after another. Analyzer, one thread at a time. */
#ifndef HT_PROTO_BUFFER_H
#define HT_PROTO_BUFFER_H

#include "analyzer/base/strbuf.h"

#include <stdint.h>

/* An integer field; 0 is left out, as readers take it for one that is missing. */
void ht_proto_u64(struct ht_strbuf *message, unsigned field, uint64_t value);

/* A string, or a message made in another buffer, which is empty afterwards. */
void ht_proto_text(struct ht_strbuf *message, unsigned field, const char *text);
void ht_proto_message(struct ht_strbuf *message, unsigned field, struct ht_strbuf *inner);

/* A number of a packed repeated field, for a buffer that becomes the field with ht_proto_message. */
void ht_proto_packed(struct ht_strbuf *packed, uint64_t value);

#endif
