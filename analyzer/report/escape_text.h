/* SPDX-License-Identifier: MIT */
/* Text of unknown origin, written so that it cannot be taken for a part of the format around it. Analyzer. */
#ifndef HT_ESCAPE_TEXT_H
#define HT_ESCAPE_TEXT_H

#include <stdio.h>

/* What to write instead of c; NULL: c itself. */
typedef const char *ht_escape_text_fn(char c);

/* Write text with what escape makes of some characters; control characters become blanks. */
void ht_escape_text_put(const char *text, ht_escape_text_fn *escape, FILE *out);

ht_escape_text_fn ht_escape_text_plain; /* nothing but control characters */
ht_escape_text_fn ht_escape_text_markdown;

#endif
