/* SPDX-License-Identifier: MIT */
/* Lines of text that fit a width, with or without colour, safe for terminals. Analyzer. */
#ifndef HT_TEXT_PAGE_H
#define HT_TEXT_PAGE_H

#include "analyzer/report/report.h"

#include <stdio.h>

enum ht_paint {
	HT_PAINT_PLAIN,
	HT_PAINT_HEADING,
	HT_PAINT_STRONG,
	HT_PAINT_DIM,
	HT_PAINT_WARNING,
};

struct ht_text_page {
	FILE *out;
	const struct ht_text_style *style;
	unsigned column; /* where the next character goes, from 0 */
};

struct ht_text_page ht_text_page_init(FILE *out, const struct ht_text_style *style);

/*
 * Write text here. What would pass the right edge is cut, with an ellipsis that says so. Control characters
 * and bytes that are not UTF-8 become '?': names come from files that may want to play tricks.
 */
void ht_text_put(struct ht_text_page *page, enum ht_paint paint, const char *text);

/* The same, cut to n_columns. */
void ht_text_put_in(struct ht_text_page *page, enum ht_paint paint, const char *text,
                    unsigned n_columns);

void ht_text_putf(struct ht_text_page *page, enum ht_paint paint, const char *format, ...)
        __attribute__((format(printf, 3, 4)));

/* Blanks up to column; at least one when it is reached already and column is not 0. */
void ht_text_to_column(struct ht_text_page *page, unsigned column);

/* text so that it ends before column. */
void ht_text_put_right(struct ht_text_page *page, enum ht_paint paint, const char *text,
                       unsigned column);

void ht_text_end_line(struct ht_text_page *page);

/* An empty line, and a heading. */
void ht_text_heading(struct ht_text_page *page, const char *text);

/* One bar of value, 0 to max. Zero is a blank, anything else at least the smallest bar. */
const char *ht_text_bar(double value, double max, bool has_utf8);

/*
 * A row of bars for n values (not negative), scaled to the largest one.
 */
void ht_text_bars(struct ht_text_page *page, const double *values, size_t n);

#endif
