/* SPDX-License-Identifier: MIT */
/* Annotated source. Analyzer. */
#include "analyzer/report/annotate.h"

#include "analyzer/base/human.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/report/json_writer.h"
#include "analyzer/report/source_text.h"
#include "analyzer/report/text_page.h"

#include <stdlib.h>
#include <string.h>

/* Where columns end, and where the source begins. */
#define PEAK_END      12u
#define LEAKED_END    24u
#define ALLOCATED_END 36u
#define CALLS_END     49u
#define CHURN_END     62u
#define LINE_END      70u
#define SOURCE_COLUMN 72u

#define TAB_COLUMNS 4u

/* A part of a file that was asked for. */
struct part {
	uint32_t file;
	uint32_t first_line;
	uint32_t last_line;
	const char *function; /* NULL: the whole file */
};

struct parts {
	struct part *parts;
	size_t n_parts, capacity;
};

static void add_part(struct parts *p, struct part part)
{
	p->parts = ht_xalloc_grow(p->parts, &p->capacity, p->n_parts + 1, sizeof(*p->parts));
	p->parts[p->n_parts++] = part;
}

/* Files of that name, or else functions. */
static struct parts find_parts(const struct ht_annotate *a)
{
	const struct ht_line_table *t = a->table;
	struct parts p = { 0 };

	for (size_t i = 0; i < t->n_files; i++) {
		if (ht_line_table_is_file(t->files[i].path, a->wanted))
			add_part(&p, (struct part){ (uint32_t)i, 1, UINT32_MAX, NULL });
	}
	if (p.n_parts > 0)
		return p;
	for (size_t i = 0; i < t->n_functions; i++) {
		const struct ht_function_lines *f = &t->functions[i];

		if (ht_line_table_is_function(f->name, a->wanted))
			add_part(&p,
			         (struct part){ f->file, f->first_line, f->last_line, f->name });
	}
	return p;
}

static struct ht_source_text open_source(const struct ht_annotate *a, const struct part *part)
{
	const char *cwd = a->model->recording.working_directory;

	return ht_source_text_open(a->table->files[part->file].path, a->directory,
	                           cwd && cwd[0] ? cwd : NULL);
}

static bool is_in(const struct part *part, const struct ht_line *line)
{
	return line->file == part->file && line->line >= part->first_line &&
	       line->line <= part->last_line;
}

static const struct ht_line_amounts *amounts_of(const struct ht_annotate *a,
                                                const struct ht_line *line)
{
	return a->is_own ? &line->own : &line->total;
}

static void put_bytes(struct ht_text_page *page, uint64_t n_bytes, unsigned end)
{
	char text[HT_HUMAN_BYTES];

	if (n_bytes)
		ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_bytes(text, n_bytes), end);
}

static void put_count(struct ht_text_page *page, uint64_t n, unsigned end)
{
	char text[HT_HUMAN_BYTES];

	if (n)
		ht_text_put_right(page, HT_PAINT_PLAIN, ht_human_count(text, n), end);
}

static void put_amounts(struct ht_text_page *page, const struct ht_line_amounts *n)
{
	put_bytes(page, n->at_peak_bytes, PEAK_END);
	put_bytes(page, n->leaked_bytes, LEAKED_END);
	put_bytes(page, n->allocated_bytes, ALLOCATED_END);
	put_count(page, n->n_allocations, CALLS_END);
	put_count(page, n->n_short_lived, CHURN_END);
}

static void put_titles(struct ht_text_page *page, const char *line)
{
	ht_text_put_right(page, HT_PAINT_DIM, "at peak", PEAK_END);
	ht_text_put_right(page, HT_PAINT_DIM, "leaked", LEAKED_END);
	ht_text_put_right(page, HT_PAINT_DIM, "allocated", ALLOCATED_END);
	ht_text_put_right(page, HT_PAINT_DIM, "calls", CALLS_END);
	ht_text_put_right(page, HT_PAINT_DIM, "short-lived", CHURN_END);
	ht_text_put_right(page, HT_PAINT_DIM, line, LINE_END);
	ht_text_end_line(page);
}

static void put_source(struct ht_text_page *page, const char *text)
{
	ht_text_to_column(page, SOURCE_COLUMN);
	while (*text) {
		char piece[256];
		size_t n = strcspn(text, "\t");

		n = n < sizeof(piece) ? n : sizeof(piece) - 1;
		memcpy(piece, text, n);
		piece[n] = '\0';
		ht_text_put(page, HT_PAINT_PLAIN, piece);
		text += n;
		if (*text == '\t') {
			ht_text_to_column(page,
			                  page->column + TAB_COLUMNS -
			                          (page->column - SOURCE_COLUMN) % TAB_COLUMNS);
			text++;
		}
	}
}

static void put_line(struct ht_text_page *page, uint32_t number, const char *text,
                     const struct ht_line_amounts *amounts)
{
	char line[HT_HUMAN_BYTES];

	if (amounts)
		put_amounts(page, amounts);
	snprintf(line, sizeof(line), "%u", number);
	ht_text_put_right(page, HT_PAINT_DIM, line, LINE_END);
	if (text && *text)
		put_source(page, text);
	ht_text_end_line(page);
}

/* The lines with numbers, and those around them. */
static void put_part_lines(const struct ht_annotate *a, const struct part *part,
                           const struct ht_source_text *source, struct ht_text_page *page)
{
	uint64_t next = part->function && part->first_line > a->n_context
	                        ? part->first_line - a->n_context
	                        : 1;

	for (size_t i = 0; i < a->table->n_lines; i++) {
		const struct ht_line *line = &a->table->lines[i];

		if (!is_in(part, line) ||
		    amounts_of(a, line)->n_allocations + amounts_of(a, line)->n_at_peak == 0)
			continue;

		uint64_t from = line->line > a->n_context ? line->line - a->n_context : 1;

		if (from > next) {
			ht_text_put_right(page, HT_PAINT_DIM, "...", LINE_END);
			ht_text_end_line(page);
			next = from;
		}
		for (; next < line->line && source->path; next++)
			put_line(page, (uint32_t)next, ht_source_text_line(source, (uint32_t)next),
			         NULL);
		put_line(page, line->line, ht_source_text_line(source, line->line),
		         amounts_of(a, line));
		next = (uint64_t)line->line + 1;
		/* What follows belongs to this line unless another one is near. */
		const struct ht_line *after = i + 1 < a->table->n_lines ? line + 1 : NULL;
		uint64_t end = next + a->n_context;

		if (after && is_in(part, after) && after->line < end)
			end = after->line;
		for (; next < end && next <= source->n_lines; next++)
			put_line(page, (uint32_t)next, ht_source_text_line(source, (uint32_t)next),
			         NULL);
	}
}

static void put_part(const struct ht_annotate *a, const struct part *part,
                     struct ht_text_page *page)
{
	struct ht_source_text source = open_source(a, part);
	const char *path = a->table->files[part->file].path;

	ht_text_heading(page, path);
	if (part->function)
		ht_text_putf(page, HT_PAINT_PLAIN, ", %s", part->function);
	ht_text_end_line(page);
	if (!source.path) {
		ht_text_put(page, HT_PAINT_WARNING, "The file is not here; see --source.");
		ht_text_end_line(page);
	} else if ((uint64_t)source.changed_s > a->model->recording.realtime_ns / 1000000000u) {
		ht_text_put(page, HT_PAINT_WARNING,
		            "The file was changed after the recording: lines may have moved.");
		ht_text_end_line(page);
	}
	put_titles(page, "line");
	put_part_lines(a, part, &source, page);
	ht_source_text_done(&source);
}

static void put_files(const struct ht_annotate *a, struct ht_text_page *page)
{
	const struct ht_line_file **files = ht_line_table_rank(a->table);

	put_titles(page, "file");
	for (size_t i = 0; i < a->table->n_files && i < a->n_top; i++) {
		put_amounts(page, &files[i]->own);
		ht_text_to_column(page, LINE_END - 4);
		ht_text_put(page, HT_PAINT_PLAIN, files[i]->path);
		ht_text_end_line(page);
	}
	free(files);
}

bool ht_annotate_text(const struct ht_annotate *a, const struct ht_text_style *style, FILE *out)
{
	struct ht_text_page page = ht_text_page_init(out, style);

	if (!a->wanted) {
		put_files(a, &page);
		return a->table->n_files > 0;
	}

	struct parts p = find_parts(a);

	for (size_t i = 0; i < p.n_parts; i++)
		put_part(a, &p.parts[i], &page);
	free(p.parts);
	return p.n_parts > 0;
}

static void put_amounts_json(struct ht_json_writer *json, const char *key,
                             const struct ht_line_amounts *n)
{
	ht_json_key(json, key);
	ht_json_begin_object(json);
	ht_json_put_u64(json, "at_peak_bytes", n->at_peak_bytes);
	ht_json_put_u64(json, "at_peak_allocations", n->n_at_peak);
	ht_json_put_u64(json, "leaked_bytes", n->leaked_bytes);
	ht_json_put_u64(json, "leaked_allocations", n->n_leaked);
	ht_json_put_u64(json, "allocated_bytes", n->allocated_bytes);
	ht_json_put_u64(json, "calls", n->n_allocations);
	ht_json_put_u64(json, "short_lived_allocations", n->n_short_lived);
	ht_json_end_object(json);
}

static void put_part_json(const struct ht_annotate *a, const struct part *part,
                          struct ht_json_writer *json)
{
	struct ht_source_text source = open_source(a, part);

	ht_json_begin_object(json);
	ht_json_put_string(json, "file", a->table->files[part->file].path);
	ht_json_put_string(json, "found_at", source.path);
	ht_json_put_string(json, "function", part->function);
	ht_json_key(json, "lines");
	ht_json_begin_array(json);
	for (size_t i = 0; i < a->table->n_lines; i++) {
		const struct ht_line *line = &a->table->lines[i];

		if (!is_in(part, line))
			continue;
		ht_json_begin_object(json);
		ht_json_put_u64(json, "line", line->line);
		ht_json_put_string(json, "text", ht_source_text_line(&source, line->line));
		put_amounts_json(json, "own", &line->own);
		put_amounts_json(json, "total", &line->total);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
	ht_json_end_object(json);
	ht_source_text_done(&source);
}

bool ht_annotate_json(const struct ht_annotate *a, FILE *out)
{
	struct ht_json_writer json = ht_json_writer_init(out);
	const struct ht_line_file **files = ht_line_table_rank(a->table);
	struct parts p = { 0 };

	if (a->wanted)
		p = find_parts(a);
	else
		for (size_t i = 0; i < a->table->n_files && i < a->n_top; i++)
			add_part(&p, (struct part){ (uint32_t)(files[i] - a->table->files), 1,
			                            UINT32_MAX, NULL });
	free(files);
	if (p.n_parts == 0)
		return false;
	ht_json_begin_object(&json);
	ht_json_put_string(&json, "schema", "heaptide.annotate/1");
	ht_json_key(&json, "parts");
	ht_json_begin_array(&json);
	for (size_t i = 0; i < p.n_parts; i++)
		put_part_json(a, &p.parts[i], &json);
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	fputc('\n', out);
	free(p.parts);
	return true;
}
