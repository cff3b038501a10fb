/* SPDX-License-Identifier: MIT */
/* Telling text from bytes. Analyzer, any thread. */
#include "analyzer/base/utf8.h"

#include "analyzer/base/strbuf.h"

#include <stdbool.h>
#include <stdint.h>

size_t ht_utf8_length(const char *text)
{
	static const struct {
		unsigned char mask, lead;
		uint32_t smallest;
	} forms[] = { { 0xe0, 0xc0, 0x80 }, { 0xf0, 0xe0, 0x800 }, { 0xf8, 0xf0, 0x10000 } };
	const unsigned char *s = (const unsigned char *)text;

	if (s[0] < 0x80)
		return 1;
	for (size_t n = 2; n <= 4; n++) {
		if ((s[0] & forms[n - 2].mask) != forms[n - 2].lead)
			continue;
		uint32_t code = s[0] & (unsigned char)~forms[n - 2].mask;

		for (size_t i = 1; i < n; i++) {
			if ((s[i] & 0xc0) != 0x80)
				return 0;
			code = code << 6 | (s[i] & 0x3f);
		}
		bool is_surrogate = code >= 0xd800 && code <= 0xdfff;

		return code >= forms[n - 2].smallest && code <= 0x10ffff && !is_surrogate ? n : 0;
	}
	return 0;
}

size_t ht_utf8_count(const char *text)
{
	size_t n = 0;

	while (*text) {
		size_t length = ht_utf8_length(text);

		text += length ? length : 1;
		n++;
	}
	return n;
}

void ht_utf8_clean(struct ht_strbuf *s, const char *text)
{
	while (*text) {
		size_t n = ht_utf8_length(text);

		if (n)
			ht_strbuf_add(s, text, n);
		else
			ht_strbuf_add_str(s, "\xef\xbf\xbd");
		text += n ? n : 1;
	}
}
