/* SPDX-License-Identifier: MIT */
/* Lines of source on the page: those that stacks go through, and what is around them. Analyzer. */
#include "analyzer/base/xalloc.h"
#include "analyzer/export/html_page.h"
#include "analyzer/report/line_table.h"
#include "analyzer/report/source_text.h"

#include <stdlib.h>
#include <string.h>

/* What keeps the page small: files that allocated less are left out, and the page says how many. */
#define MAX_TEXT_BYTES (1u << 20)
#define N_CONTEXT      5u

/* Lines without a gap. */
struct chunk {
	uint32_t first, last;
};

struct chunks {
	struct chunk *chunks;
	size_t n_chunks, capacity;
	size_t n_bytes; /* of text */
};

/* The parts of a file around its lines with numbers; without those that the file does not have. */
static void find_chunks(const struct ht_line_table *table, uint32_t file,
                        const struct ht_source_text *source, struct chunks *c)
{
	c->n_chunks = c->n_bytes = 0;
	for (size_t i = 0; i < table->n_lines; i++) {
		uint32_t line = table->lines[i].line;

		if (table->lines[i].file != file || line > source->n_lines)
			continue;

		uint32_t first = line > N_CONTEXT ? line - N_CONTEXT : 1;
		uint32_t last = source->n_lines - line > N_CONTEXT ? line + N_CONTEXT
		                                                   : (uint32_t)source->n_lines;

		if (c->n_chunks == 0 || first > c->chunks[c->n_chunks - 1].last + 1) {
			c->chunks = ht_xalloc_grow(c->chunks, &c->capacity, c->n_chunks + 1,
			                           sizeof(*c->chunks));
			c->chunks[c->n_chunks++] = (struct chunk){ first, last };
		} else {
			c->chunks[c->n_chunks - 1].last = last;
		}
	}
	for (size_t i = 0; i < c->n_chunks; i++) {
		for (uint32_t line = c->chunks[i].first; line <= c->chunks[i].last; line++)
			c->n_bytes += strlen(ht_source_text_line(source, line)) + 1;
	}
}

static void put_source(struct ht_html_page *p, const char *path,
                       const struct ht_source_text *source, const struct chunks *c)
{
	const struct ht_recording *recording = &p->export->model->recording;

	ht_json_begin_object(p->json);
	ht_json_put_string(p->json, "file", path);
	ht_json_put_bool(p->json, "isChanged",
	                 (uint64_t)source->changed_s > recording->realtime_ns / 1000000000u);
	ht_html_put_array(p, "chunks"); /* the first line's number, then the lines */
	for (size_t i = 0; i < c->n_chunks; i++) {
		ht_json_begin_array(p->json);
		ht_json_u64(p->json, c->chunks[i].first);
		for (uint32_t line = c->chunks[i].first; line <= c->chunks[i].last; line++)
			ht_json_string(p->json, ht_source_text_line(source, line));
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
	ht_json_end_object(p->json);
}

void ht_html_sources_put(struct ht_html_page *page)
{
	const struct ht_export *export = page->export;
	const char *cwd = export->model->recording.working_directory;
	struct ht_line_table table = { 0 };
	struct chunks chunks = { 0 };
	uint64_t n_bytes = 0, n_missing = 0, n_left_out = 0;

	if (!export->has_source)
		return;
	ht_line_table_fill(&table, export->model, export->symbolizer, &export->results->sites);

	const struct ht_line_file **files = ht_line_table_rank(&table);

	ht_html_put_array(page, "sources");
	for (size_t i = 0; i < table.n_files; i++) {
		struct ht_source_text source = ht_source_text_open(
		        files[i]->path, export->source_directory, cwd && cwd[0] ? cwd : NULL);

		find_chunks(&table, (uint32_t)(files[i] - table.files), &source, &chunks);
		if (!source.path)
			n_missing++;
		else if (n_bytes + chunks.n_bytes > MAX_TEXT_BYTES)
			n_left_out++;
		else if (chunks.n_chunks > 0)
			put_source(page, files[i]->path, &source, &chunks);
		if (source.path && n_bytes + chunks.n_bytes <= MAX_TEXT_BYTES)
			n_bytes += chunks.n_bytes;
		ht_source_text_done(&source);
	}
	ht_json_end_array(page->json);
	ht_json_put_u64(page->json, "sourcesMissing", n_missing);
	ht_json_put_u64(page->json, "sourcesLeftOut", n_left_out);
	ht_json_put_u64(page->json, "sourceBytes", n_bytes);
	ht_json_put_u64(page->json, "sourceMaxBytes", MAX_TEXT_BYTES);
	free(files);
	free(chunks.chunks);
	ht_line_table_done(&table);
}
