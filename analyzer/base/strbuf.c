/* SPDX-License-Identifier: MIT */
/* A string that grows. Analyzer. */
#include "analyzer/base/strbuf.h"

#include "analyzer/base/xalloc.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void ht_strbuf_done(struct ht_strbuf *s)
{
	if (!s)
		return;
	free(s->text);
	*s = (struct ht_strbuf){ 0 };
}

void ht_strbuf_clear(struct ht_strbuf *s)
{
	s->n_bytes = 0;
	if (s->text)
		s->text[0] = '\0';
}

/* Room for n_bytes more and the NUL. */
static void reserve(struct ht_strbuf *s, size_t n_bytes)
{
	size_t n_needed;

	if (__builtin_add_overflow(s->n_bytes, n_bytes, &n_needed) || n_needed == SIZE_MAX)
		n_needed = SIZE_MAX - 1; /* cannot be had: reports and exits */
	s->text = ht_xalloc_grow(s->text, &s->capacity, n_needed + 1, 1);
}

void ht_strbuf_add(struct ht_strbuf *s, const void *bytes, size_t n_bytes)
{
	reserve(s, n_bytes);
	if (n_bytes)
		memcpy(s->text + s->n_bytes, bytes, n_bytes);
	s->n_bytes += n_bytes;
	s->text[s->n_bytes] = '\0';
}

void ht_strbuf_add_str(struct ht_strbuf *s, const char *text)
{
	ht_strbuf_add(s, text, strlen(text));
}

void ht_strbuf_add_char(struct ht_strbuf *s, char c)
{
	ht_strbuf_add(s, &c, 1);
}

void ht_strbuf_vaddf(struct ht_strbuf *s, const char *format, va_list args)
{
	va_list again;

	va_copy(again, args);
	int n = vsnprintf(NULL, 0, format, args);

	if (n > 0) {
		reserve(s, (size_t)n);
		vsnprintf(s->text + s->n_bytes, (size_t)n + 1, format, again);
		s->n_bytes += (size_t)n;
	}
	va_end(again);
}

void ht_strbuf_addf(struct ht_strbuf *s, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	ht_strbuf_vaddf(s, format, args);
	va_end(args);
}

const char *ht_strbuf_str(const struct ht_strbuf *s)
{
	return s->text ? s->text : "";
}

char *ht_strbuf_take(struct ht_strbuf *s)
{
	char *text = s->text ? s->text : ht_xalloc_str("");

	*s = (struct ht_strbuf){ 0 };
	return text;
}
