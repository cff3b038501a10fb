/* SPDX-License-Identifier: MIT */
/* Lines of text that fit a width. Analyzer. */
#include "analyzer/report/text_page.h"

#include "analyzer/base/strbuf.h"
#include "analyzer/base/utf8.h"

#include <limits.h>
#include <stdarg.h>
#include <string.h>

struct ht_text_page ht_text_page_init(FILE *out, const struct ht_text_style *style)
{
	return (struct ht_text_page){ .out = out, .style = style };
}

static const char *paint_code(enum ht_paint paint)
{
	switch (paint) {
	case HT_PAINT_HEADING: return "\033[1;36m";
	case HT_PAINT_STRONG: return "\033[1m";
	case HT_PAINT_DIM: return "\033[2m";
	case HT_PAINT_WARNING: return "\033[33m";
	default: return NULL;
	}
}

/* A byte sequence that no terminal takes for an order: printable ASCII, or UTF-8 without C1 controls. */
static bool is_harmless(const char *text, size_t n_bytes)
{
	unsigned char c = (unsigned char)text[0];

	if (n_bytes == 1)
		return c >= 0x20 && c < 0x7f;
	return n_bytes > 1 && !(n_bytes == 2 && c == 0xc2 && (unsigned char)text[1] < 0xa0);
}

void ht_text_put_in(struct ht_text_page *page, enum ht_paint paint, const char *text,
                    unsigned n_columns)
{
	unsigned limit = page->style->n_columns;
	const char *code = page->style->has_color && *text ? paint_code(paint) : NULL;
	size_t n_chars = ht_utf8_count(text);
	unsigned room = page->column < limit ? limit - page->column : 0;
	const char *ellipsis = page->style->has_utf8 ? "\u2026" : "~";
	bool is_cut;

	if (n_columns < room)
		room = n_columns;
	is_cut = n_chars > room;
	if (room == 0)
		return;
	if (is_cut)
		n_chars = room - 1;
	if (code)
		fputs(code, page->out);
	for (size_t i = 0; i < n_chars; i++) {
		size_t n_bytes = ht_utf8_length(text);

		if (is_harmless(text, n_bytes) && (n_bytes == 1 || page->style->has_utf8))
			fwrite(text, 1, n_bytes, page->out);
		else
			putc('?', page->out);
		text += n_bytes ? n_bytes : 1;
	}
	if (is_cut)
		fputs(ellipsis, page->out);
	if (code)
		fputs("\033[0m", page->out);
	page->column += (unsigned)n_chars + is_cut;
}

void ht_text_put(struct ht_text_page *page, enum ht_paint paint, const char *text)
{
	ht_text_put_in(page, paint, text, UINT_MAX);
}

void ht_text_putf(struct ht_text_page *page, enum ht_paint paint, const char *format, ...)
{
	struct ht_strbuf text = { 0 };
	va_list args;

	va_start(args, format);
	ht_strbuf_vaddf(&text, format, args);
	va_end(args);
	ht_text_put(page, paint, ht_strbuf_str(&text));
	ht_strbuf_done(&text);
}

void ht_text_to_column(struct ht_text_page *page, unsigned column)
{
	if (page->column >= column && column > 0 && page->column > 0)
		column = page->column + 1;
	if (column > page->style->n_columns)
		column = page->style->n_columns;
	while (page->column < column) {
		putc(' ', page->out);
		page->column++;
	}
}

void ht_text_put_right(struct ht_text_page *page, enum ht_paint paint, const char *text,
                       unsigned column)
{
	unsigned n = (unsigned)ht_utf8_count(text);

	if (page->column + n < column)
		ht_text_to_column(page, column - n);
	ht_text_put(page, paint, text);
}

void ht_text_end_line(struct ht_text_page *page)
{
	putc('\n', page->out);
	page->column = 0;
}

void ht_text_heading(struct ht_text_page *page, const char *text)
{
	ht_text_end_line(page);
	ht_text_put(page, HT_PAINT_HEADING, text);
}

const char *ht_text_bar(double value, double max, bool has_utf8)
{
	static const char *const utf8[] = { " ",      "\u2581", "\u2582", "\u2583", "\u2584",
		                            "\u2585", "\u2586", "\u2587", "\u2588" };
	static const char *const ascii[] = { " ", ".", ".", ":", ":", "|", "|", "#", "#" };
	int level = max > 0 ? (int)(value / max * 8 + 0.5) : 0;

	if (level == 0 && value > 0)
		level = 1;
	return has_utf8 ? utf8[level] : ascii[level];
}

void ht_text_bars(struct ht_text_page *page, const double *values, size_t n)
{
	double max = 0;

	while (n > 0 && !(values[n - 1] > 0))
		n--;
	for (size_t i = 0; i < n; i++)
		max = values[i] > max ? values[i] : max;
	for (size_t i = 0; i < n; i++)
		fputs(ht_text_bar(values[i], max, page->style->has_utf8), page->out);
	page->column += (unsigned)n;
}
