/* SPDX-License-Identifier: MIT */
/* Draws what the browser in the terminal shows. Analyzer, one thread. */
#include "analyzer/tui/tui_state.h"

#include "analyzer/base/human.h"
#include "analyzer/base/utf8.h"
#include "analyzer/report/short_name.h"
#include "analyzer/report/text_page.h"

#include <curses.h>
#include <string.h>

/* Columns end here. */
#define PCT_END       8
#define TOTAL_END     20
#define SELF_END      32
#define NAME_COLUMN   34
#define LABEL_COLUMNS 8  /* left of the curves */
#define MIN_ROWS      14 /* of the screen, for the curves to be there */
#define MAX_PLACE     40 /* columns of file:line */

enum paint { PLAIN = 0, TITLE, DIM, HOT, WARM, LIVE, RATE, OUTSIDE, N_PAINTS };

static bool has_paint;

void ht_tui_draw_init(const struct ht_tui_host *host)
{
	static const short colors[N_PAINTS] = {
		[TITLE] = COLOR_CYAN,  [DIM] = COLOR_BLUE,   [HOT] = COLOR_RED,
		[WARM] = COLOR_YELLOW, [LIVE] = COLOR_GREEN, [RATE] = COLOR_YELLOW,
	};

	has_paint = host->has_color && has_colors();
	if (!has_paint)
		return;
	start_color();
	use_default_colors();
	for (short i = 1; i < OUTSIDE; i++)
		init_pair(i, colors[i], -1);
}

static attr_t paint_of(enum paint paint)
{
	switch (paint) {
	case TITLE: return A_BOLD | (has_paint ? (attr_t)COLOR_PAIR(TITLE) : 0);
	case HOT: return A_BOLD | (has_paint ? (attr_t)COLOR_PAIR(HOT) : 0);
	case PLAIN: return A_NORMAL;
	case OUTSIDE: return A_DIM;
	default: return has_paint ? (attr_t)COLOR_PAIR(paint) : A_NORMAL;
	}
}

/* Put text here, at most n_columns of it; what terminals would act on becomes '?'. Returns the columns used. */
static int put(int y, int x, int n_columns, enum paint paint, const char *text)
{
	int n = 0;

	if (n_columns <= 0)
		return 0;
	move(y, x);
	attron(paint_of(paint));
	for (; *text && n < n_columns; n++) {
		size_t n_bytes = ht_utf8_length(text);
		bool is_control = n_bytes == 1 && ((unsigned char)*text < 32 || *text == 127);

		/* C1 controls are two bytes that begin so. */
		if (n_bytes == 2 && (unsigned char)text[0] == 0xc2 && (unsigned char)text[1] < 0xa0)
			is_control = true;
		if (n_bytes == 0 || is_control)
			addch('?');
		else
			addnstr(text, (int)n_bytes);
		text += n_bytes ? n_bytes : 1;
	}
	attroff(paint_of(paint));
	return n;
}

static void put_right(int y, int end, enum paint paint, const char *text)
{
	int n = (int)ht_utf8_count(text);

	put(y, end > n ? end - n : 0, n, paint, text);
}

static char *amount_of(char buf[HT_HUMAN_BYTES], enum ht_site_value value, uint64_t n)
{
	return ht_site_value_is_bytes(value) ? ht_human_bytes(buf, n) : ht_human_count(buf, n);
}

static void put_title(const struct ht_tui_state *s)
{
	const struct ht_results *r = s->results;
	char a[HT_HUMAN_BYTES], b[HT_HUMAN_BYTES], c[HT_HUMAN_BYTES];
	struct ht_strbuf text = { 0 };

	ht_strbuf_addf(&text, "peak %s, leaked %s, %s allocations",
	               ht_human_bytes(a, r->sites.peak_bytes),
	               ht_human_bytes(b, r->totals.leaked_bytes),
	               ht_human_count(c, r->totals.n_allocations));
	int n = put(0, 0, COLS, TITLE, s->host->title);

	put(0, n + 2, COLS - n - 2, PLAIN, ht_strbuf_str(&text));
	ht_strbuf_done(&text);
}

/* The point that time is in. */
static const struct ht_timeline_point *point_at(const struct ht_timeline *timeline, uint64_t ns)
{
	size_t low = 0, high = timeline->n_points;

	while (low + 1 < high) {
		size_t middle = low + (high - low) / 2;

		if (timeline->points[middle].from_ns <= ns)
			low = middle;
		else
			high = middle;
	}
	return timeline->n_points ? &timeline->points[low] : NULL;
}

/* Live bytes and allocations over all the time; what is not in the window is dim. */
static void put_curves(const struct ht_tui_state *s)
{
	const struct ht_timeline *timeline = &s->timeline;
	uint64_t end_ns = timeline->end_ns ? timeline->end_ns : 1;
	double most_live = 0, most_allocations = 0;
	int n_columns = COLS - LABEL_COLUMNS;
	char a[HT_HUMAN_BYTES], b[HT_HUMAN_BYTES];
	struct ht_strbuf text = { 0 };

	for (size_t i = 0; i < timeline->n_points; i++) {
		const struct ht_timeline_point *p = &timeline->points[i];

		if ((double)p->max_live_bytes > most_live)
			most_live = (double)p->max_live_bytes;
		if ((double)p->n_allocations > most_allocations)
			most_allocations = (double)p->n_allocations;
	}
	put(1, 0, LABEL_COLUMNS, DIM, "live");
	put(2, 0, LABEL_COLUMNS, DIM, "allocs");
	for (int x = 0; x < n_columns; x++) {
		uint64_t ns = (uint64_t)((double)end_ns * x / n_columns);
		uint64_t next_ns = (uint64_t)((double)end_ns * (x + 1) / n_columns);
		const struct ht_timeline_point *p = point_at(timeline, ns);
		bool is_outside =
		        s->window.is_part && (next_ns < s->window.from_ns || ns > s->window.to_ns);

		if (!p)
			break;
		put(1, LABEL_COLUMNS + x, 1, is_outside ? OUTSIDE : LIVE,
		    ht_text_bar((double)p->max_live_bytes, most_live, s->host->has_utf8));
		put(2, LABEL_COLUMNS + x, 1, is_outside ? OUTSIDE : RATE,
		    ht_text_bar((double)p->n_allocations, most_allocations, s->host->has_utf8));
	}
	put(3, 0, LABEL_COLUMNS, DIM, "time");
	if (s->window.is_part)
		ht_strbuf_addf(&text, "only %s to %s of %s", ht_human_ns(a, s->window.from_ns),
		               ht_human_ns(b, s->window.to_ns),
		               ht_human_ns((char[HT_HUMAN_BYTES]){ 0 }, end_ns));
	else
		ht_strbuf_addf(&text, "all %s; w: a window", ht_human_ns(a, end_ns));
	put(3, LABEL_COLUMNS, n_columns, s->window.is_part ? TITLE : DIM, ht_strbuf_str(&text));
	ht_strbuf_clear(&text);

	uint64_t peak_ns =
	        ht_tick_clock_ns(&s->host->model->clock, s->host->whole->sites.peak_tick);

	ht_strbuf_addf(&text, "peak at %s", ht_human_ns(a, peak_ns));
	put_right(3, COLS, DIM, ht_strbuf_str(&text));
	ht_strbuf_done(&text);
}

static void put_tabs(const struct ht_tui_state *s, int y)
{
	static const char *const names[HT_N_ITEM_VIEWS] = { "1 tree",  "2 inverted", "3 functions",
		                                            "4 files", "5 modules",  "6 places",
		                                            "7 report" };
	int x = 0;

	for (int i = 0; i < HT_N_ITEM_VIEWS; i++) {
		if (i == (int)s->kind)
			attron(A_REVERSE);
		x += put(y, x, COLS - x, PLAIN, names[i]);
		attroff(A_REVERSE);
		x += 2;
	}
	if (s->kind == HT_ITEMS_REPORT)
		return;

	struct ht_strbuf text = { 0 };

	ht_strbuf_addf(&text, "m: %s", ht_metrics[s->i_metric].name);
	if (x + (int)text.n_bytes < COLS)
		put_right(y, COLS, TITLE, ht_strbuf_str(&text));
	ht_strbuf_done(&text);
	attron(A_UNDERLINE);
	mvhline(y + 1, 0, ' ', COLS);
	put_right(y + 1, TOTAL_END, PLAIN, s->is_by_self ? "total" : "total \\");
	put_right(y + 1, SELF_END, PLAIN, s->is_by_self ? "self \\" : "self");
	put(y + 1, NAME_COLUMN, COLS - NAME_COLUMN, PLAIN,
	    s->kind == HT_ITEMS_FILES     ? "file"
	    : s->kind == HT_ITEMS_MODULES ? "module"
	                                  : "function");
	attroff(A_UNDERLINE);
}

/* "words.c:7", "[libc.so.6]", or nothing. */
static void describe_place(const struct ht_listed_frame *frame, bool is_path,
                           struct ht_strbuf *text)
{
	if (is_path)
		return;
	if (frame->name.file && frame->name.line)
		ht_strbuf_addf(text, "%s:%u", ht_base_name(frame->name.file), frame->name.line);
	else if (frame->name.module)
		ht_strbuf_addf(text, "[%s]", ht_base_name(frame->name.module));
}

static void put_numbers(int y, const struct ht_tui_state *s, const struct ht_item *item)
{
	enum ht_site_value value = ht_tui_value(s);
	uint64_t total = item->total[value];
	double part = s->whole ? (double)total / (double)s->whole : 0;
	char buf[HT_HUMAN_BYTES];

	put_right(y, PCT_END,
	          part >= 0.5    ? HOT
	          : part >= 0.05 ? WARM
	                         : PLAIN,
	          ht_human_pct(buf, total, s->whole));
	put_right(y, TOTAL_END, PLAIN, amount_of(buf, value, total));
	if (item->self[value])
		put_right(y, SELF_END, PLAIN, amount_of(buf, value, item->self[value]));
}

static void put_item(int y, const struct ht_tui_state *s, const struct ht_item_line *line)
{
	const struct ht_item *item = &s->view.tree.items[line->item];
	const struct ht_listed_frame *frame = ht_tui_frame(s, item);
	bool is_path = s->kind == HT_ITEMS_FILES || s->kind == HT_ITEMS_MODULES;
	size_t n_below = ht_item_tree_n_children(&s->view.tree, line->item);
	int room = COLS - NAME_COLUMN, max_indent = room > 60 ? room - 50 : 10;
	int indent = (int)line->indent * 2 < max_indent ? (int)line->indent * 2 : max_indent;
	int x = NAME_COLUMN + indent;
	struct ht_strbuf name = { 0 }, place = { 0 };

	if (!frame) {
		put(y, 0, COLS, PLAIN, item->text);
		return;
	}
	if (item->total)
		put_numbers(y, s, item);
	if (s->host->has_utf8)
		put(y, x, 1, DIM, n_below == 0 ? " " : item->is_open ? "\u25be" : "\u25b8");
	else
		put(y, x, 1, DIM, n_below == 0 ? " " : item->is_open ? "-" : "+");
	x += 2;
	describe_place(frame, is_path, &place);

	int n_place = (int)ht_utf8_count(ht_strbuf_str(&place));
	int n_name = COLS - x - (n_place && n_place <= MAX_PLACE ? n_place + 2 : 0);

	if (n_name < 20) {
		n_name = COLS - x;
		n_place = 0;
	}
	ht_short_name(frame->label, n_name > 0 ? (unsigned)n_name : 1,
	              s->host->has_utf8 ? "\u2026" : "~", &name);
	x += put(y, x, n_name, item->total ? PLAIN : DIM, ht_strbuf_str(&name)) + 2;
	if (n_place)
		put(y, x, COLS - x, DIM, ht_strbuf_str(&place));
	ht_strbuf_done(&name);
	ht_strbuf_done(&place);
}

/* All that did not fit into the line of the chosen item. */
static void put_chosen(const struct ht_tui_state *s, int y)
{
	if (s->line >= s->view.tree.n_lines)
		return;
	const struct ht_listed_frame *frame =
	        ht_tui_frame(s, &s->view.tree.items[s->view.tree.lines[s->line].item]);
	struct ht_strbuf text = { 0 };

	if (!frame)
		return;
	ht_strbuf_add_str(&text, frame->label);
	if (frame->name.file)
		ht_strbuf_addf(&text, "  %s:%u", frame->name.file, frame->name.line);
	if (frame->name.module)
		ht_strbuf_addf(&text, "  %s", frame->name.module);
	put(y, 0, COLS - 9, DIM, ht_strbuf_str(&text));
	ht_strbuf_done(&text);
}

static void put_bottom(const struct ht_tui_state *s, int y)
{
	if (s->prompt) {
		int x = put(y, 0, COLS, TITLE, s->prompt);

		x += put(y, x, COLS - x - 1, PLAIN, ht_strbuf_str(&s->typed));
		move(y, x);
		return;
	}
	if (s->message.n_bytes)
		put(y, 0, COLS - 9, WARM, ht_strbuf_str(&s->message));
	else
		put_chosen(s, y);
	put_right(y, COLS, DIM, "h: help");
	move(y, COLS - 1);
}

static void put_help(void)
{
	static const char *const lines[] = {
		"up, down, k, j, PgUp, PgDn, Home, End   choose a line",
		"Enter, right, left       open and close it; left again: go to what it is in",
		"e c, E C                 open or close all below it, everything",
		"u p n l                  to what it is in, to siblings, down the largest path",
		"1 to 7, Tab              tree, inverted, functions, files, modules, places, "
		"report",
		"G i f R                  tree, inverted, functions, report",
		"m M                      the next number, the one before: peak, leaked, allocated "
		"...",
		"s                        sort by self or by total",
		"g                        the chosen function in the tree of calls",
		"/ N P (> <)              search; next, previous",
		"w                        a window of time: 1.5s 2s, 20% 40%, mark:a mark:b, 0 "
		"peak",
		"[ ]  + -  *              move the window, halve, double it, all of the time",
		"o O                      open the source line in $EDITOR",
		"q                        leave",
	};
	int y = 5;

	move(4, 0);
	clrtobot();
	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines) && y < LINES - 1; i++, y++)
		put(y, 2, COLS - 2, PLAIN, lines[i]);
}

/* What parts are parts of: all there is, or the peak where places have theirs at different times. */
static uint64_t whole_of(const struct ht_tui_state *s)
{
	const struct ht_site_table *table = &s->results->sites;
	enum ht_site_value value = ht_tui_value(s);
	uint64_t whole = 0;

	if (value == HT_VALUE_OWN_PEAK_BYTES)
		return table->peak_bytes;
	for (size_t i = 0; i < table->n_sites; i++)
		whole += ht_site_value_of(&table->sites[i], value);
	return whole;
}

void ht_tui_draw(struct ht_tui_state *s)
{
	bool has_curves = LINES >= MIN_ROWS;
	int y = has_curves ? 4 : 1;

	s->whole = whole_of(s);
	erase();
	put_title(s);
	if (has_curves)
		put_curves(s);
	put_tabs(s, y);
	y += s->kind == HT_ITEMS_REPORT ? 1 : 2;
	s->n_rows = LINES - 1 > y ? (size_t)(LINES - 1 - y) : 1;
	if (s->line < s->top)
		s->top = s->line;
	if (s->line >= s->top + s->n_rows)
		s->top = s->line - s->n_rows + 1;
	for (size_t i = 0; i < s->n_rows && s->top + i < s->view.tree.n_lines; i++) {
		put_item(y + (int)i, s, &s->view.tree.lines[s->top + i]);
		if (s->top + i == s->line)
			mvchgat(y + (int)i, 0, -1, A_REVERSE, 0, NULL);
	}
	if (s->view.tree.n_lines == 0)
		put(y, 2, COLS - 2, DIM, "nothing to show here");
	if (s->has_help)
		put_help();
	put_bottom(s, LINES - 1);
	refresh();
}
