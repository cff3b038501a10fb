/* SPDX-License-Identifier: MIT */
/* Text of unknown origin, written so that it cannot be taken for a part of the format around it. Analyzer. */
#include "analyzer/report/escape_text.h"

#include <stddef.h>

void ht_escape_text_put(const char *text, ht_escape_text_fn *escape, FILE *out)
{
	for (; *text; text++) {
		const char *replacement = escape(*text);

		if (replacement)
			fputs(replacement, out);
		else
			putc((unsigned char)*text < 32 || *text == 127 ? ' ' : *text, out);
	}
}

const char *ht_escape_text_plain(char c)
{
	(void)c;
	return NULL;
}

const char *ht_escape_text_markdown(char c)
{
	switch (c) {
	case '|': return "\\|";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '&': return "&amp;";
	case '*': return "\\*";
	case '_': return "\\_";
	case '`': return "\\`";
	case '[': return "\\[";
	case '\\': return "\\\\";
	default: return NULL;
	}
}
