/* SPDX-License-Identifier: MIT */
/* Telling text from bytes. Analyzer, any thread. */
#ifndef HT_UTF8_H
#define HT_UTF8_H

#include <stddef.h>

struct ht_strbuf;

/* Bytes of the valid UTF-8 sequence that the NUL-terminated text begins with; 0 when it is none. */
size_t ht_utf8_length(const char *text);

/* Characters of a text; each byte that is no UTF-8 counts as one. */
size_t ht_utf8_count(const char *text);

/* Add a text to s, with U+FFFD for each byte that is no UTF-8. */
void ht_utf8_clean(struct ht_strbuf *s, const char *text);

#endif
