/* SPDX-License-Identifier: MIT */
/* Long function names made short enough to read. Analyzer. */
#include "analyzer/report/short_name.h"

#include "analyzer/base/utf8.h"

#include <ctype.h>
#include <stdbool.h>
#include <string.h>

/* Bytes of an operator's name at s ("operator<<", "operator()"), 0 when there is none. */
static size_t operator_length(const char *name, const char *s)
{
	/* Longer ones before those that they begin with. */
	static const char *const signs[] = { "<=>", "<<=", ">>=", "->*", "()", "[]", "<<",
		                             ">>",  "<=",  ">=",  "->",  "<",  ">" };
	static const char word[] = "operator";
	size_t n = sizeof(word) - 1;

	if (strncmp(s, word, n) != 0 ||
	    (s > name && (isalnum((unsigned char)s[-1]) || s[-1] == '_')))
		return 0;
	for (size_t i = 0; i < sizeof(signs) / sizeof(signs[0]); i++) {
		if (strncmp(s + n, signs[i], strlen(signs[i])) == 0)
			return n + strlen(signs[i]);
	}
	return 0;
}

/* The bracket that closes the one at s; NULL when there is none. */
static const char *closing(const char *name, const char *s, char open, char close)
{
	unsigned depth = 0;

	while (*s) {
		size_t n = operator_length(name, s);

		if (n) {
			s += n;
			continue;
		}
		/* The arrow of a return type or lambda closes nothing. */
		if (*s == open)
			depth++;
		else if (*s == close && !(close == '>' && s > name && s[-1] == '-') && --depth == 0)
			return s;
		s++;
	}
	return NULL;
}

/* name with an ellipsis between all outermost brackets of this kind. */
static void leave_out(const char *name, char open, char close, const char *ellipsis,
                      struct ht_strbuf *ret_text)
{
	static const char anonymous[] = "(anonymous namespace)";

	ht_strbuf_clear(ret_text);
	for (const char *s = name; *s;) {
		size_t n = operator_length(name, s);
		const char *end = n == 0 && *s == open ? closing(name, s, open, close) : NULL;

		if (n == 0 && strncmp(s, anonymous, sizeof(anonymous) - 1) == 0)
			n = sizeof(anonymous) - 1;
		if (n > 0) {
			ht_strbuf_add(ret_text, s, n);
			s += n;
		} else if (end && end > s + 1) {
			ht_strbuf_add_char(ret_text, open);
			ht_strbuf_add_str(ret_text, ellipsis);
			ht_strbuf_add_char(ret_text, close);
			s = end + 1;
		} else {
			ht_strbuf_add_char(ret_text, *s++);
		}
	}
}

void ht_short_name(const char *name, unsigned n_columns, const char *ellipsis,
                   struct ht_strbuf *ret_text)
{
	struct ht_strbuf without_templates = { 0 };
	size_t n_chars = ht_utf8_count(name);

	ht_strbuf_clear(ret_text);
	ht_strbuf_add_str(ret_text, name);
	if (n_chars <= n_columns)
		return;
	leave_out(name, '<', '>', ellipsis, &without_templates);
	ht_strbuf_clear(ret_text);
	ht_strbuf_add_str(ret_text, ht_strbuf_str(&without_templates));
	n_chars = ht_utf8_count(ht_strbuf_str(ret_text));
	if (n_chars > n_columns) {
		leave_out(ht_strbuf_str(&without_templates), '(', ')', ellipsis, ret_text);
		n_chars = ht_utf8_count(ht_strbuf_str(ret_text));
	}
	if (n_chars > n_columns && n_columns > 0) {
		const char *s = ret_text->text;
		struct ht_strbuf tail = { 0 };

		for (size_t n_skipped = n_chars - n_columns + 1; n_skipped > 0; n_skipped--) {
			size_t n = ht_utf8_length(s);

			s += n ? n : 1;
		}
		ht_strbuf_add_str(&tail, ellipsis);
		ht_strbuf_add_str(&tail, s);
		ht_strbuf_done(ret_text);
		*ret_text = tail;
	}
	ht_strbuf_done(&without_templates);
}
