/* SPDX-License-Identifier: MIT */
/* A string that grows. Analyzer, one thread at a time. */
#ifndef HT_STRBUF_H
#define HT_STRBUF_H

#include <stdarg.h>
#include <stddef.h>

/* All zero is an empty string. text is NULL until something was added, then NUL-terminated. */
struct ht_strbuf {
	char *text;
	size_t n_bytes; /* without the NUL */
	size_t capacity;
};

/* Release the text; the string is empty afterwards. NULL is fine. */
void ht_strbuf_done(struct ht_strbuf *s);

/* Make it empty, keep the memory. */
void ht_strbuf_clear(struct ht_strbuf *s);

void ht_strbuf_add(struct ht_strbuf *s, const void *bytes, size_t n_bytes);
void ht_strbuf_add_str(struct ht_strbuf *s, const char *text);
void ht_strbuf_add_char(struct ht_strbuf *s, char c);
void ht_strbuf_addf(struct ht_strbuf *s, const char *format, ...)
        __attribute__((format(printf, 2, 3)));
void ht_strbuf_vaddf(struct ht_strbuf *s, const char *format, va_list args)
        __attribute__((format(printf, 2, 0)));

/* The text, "" when there is none. Valid until the next change. */
const char *ht_strbuf_str(const struct ht_strbuf *s);

/* Give the text away (to be released with free()); the string is empty afterwards. */
char *ht_strbuf_take(struct ht_strbuf *s);

#endif
