/* SPDX-License-Identifier: MIT */
/* Sums sites up by source lines. Analyzer. */
#include "analyzer/report/line_table.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/report/stack_names.h"

#include <stdlib.h>
#include <string.h>

void ht_line_table_done(struct ht_line_table *table)
{
	if (!table)
		return;
	ht_name_table_done(&table->names);
	ht_u64_map_done(&table->file_of);
	ht_u64_map_done(&table->function_of);
	ht_u64_map_done(&table->line_of);
	free(table->lines);
	free(table->functions);
	free(table->files);
	*table = (struct ht_line_table){ 0 };
}

static uint32_t need_file(struct ht_line_table *table, const char *path)
{
	uint64_t *slot = ht_u64_map_put(&table->file_of, ht_name_table_number(&table->names, path));

	if (*slot == 0) {
		table->files = ht_xalloc_grow(table->files, &table->files_capacity,
		                              table->n_files + 1, sizeof(*table->files));
		table->files[table->n_files] = (struct ht_line_file){ .path = path };
		*slot = ++table->n_files;
	}
	return (uint32_t)*slot - 1;
}

static void note_function(struct ht_line_table *table, const char *name, uint32_t file,
                          uint32_t line)
{
	uint64_t number = ht_name_table_number(&table->names, name);
	uint64_t *slot = ht_u64_map_put(&table->function_of, number << 32 | file);

	if (*slot == 0) {
		table->functions =
		        ht_xalloc_grow(table->functions, &table->functions_capacity,
		                       table->n_functions + 1, sizeof(*table->functions));
		table->functions[table->n_functions] =
		        (struct ht_function_lines){ name, file, line, line };
		*slot = ++table->n_functions;
	}

	struct ht_function_lines *f = &table->functions[*slot - 1];

	if (line < f->first_line)
		f->first_line = line;
	if (line > f->last_line)
		f->last_line = line;
}

static struct ht_line *need_line(struct ht_line_table *table, uint32_t file, uint32_t line)
{
	uint64_t *slot = ht_u64_map_put(&table->line_of, (uint64_t)file << 32 | line);

	if (*slot == 0) {
		table->lines = ht_xalloc_grow(table->lines, &table->lines_capacity,
		                              table->n_lines + 1, sizeof(*table->lines));
		table->lines[table->n_lines] = (struct ht_line){ .file = file, .line = line };
		*slot = ++table->n_lines;
	}
	return &table->lines[*slot - 1];
}

static void add(struct ht_line_amounts *sum, const struct ht_site *site)
{
	sum->n_allocations += site->n_allocations + site->n_reallocations;
	sum->allocated_bytes += site->allocated_bytes;
	sum->n_at_peak += site->n_at_peak;
	sum->at_peak_bytes += site->at_peak_bytes;
	sum->n_leaked += site->n_leaked;
	sum->leaked_bytes += site->leaked_bytes;
	sum->n_short_lived += site->n_short_lived;
}

static int by_place(const void *a, const void *b)
{
	const struct ht_line *x = a;
	const struct ht_line *y = b;

	if (x->file != y->file)
		return x->file < y->file ? -1 : 1;
	return (x->line > y->line) - (x->line < y->line);
}

static void add_site(struct ht_line_table *table, const struct ht_named_stack *stack, size_t i_site,
                     const struct ht_site *site)
{
	bool is_own = true;

	for (size_t i = 0; i < stack->n_frames; i++) {
		const struct ht_frame_name *name = &stack->frames[i].name;

		if (!name->file || !name->line)
			continue;

		uint32_t file = need_file(table, name->file);
		struct ht_line *line = need_line(table, file, name->line);

		if (name->function)
			note_function(table, name->function, file, name->line);
		if (is_own) {
			add(&line->own, site);
			add(&table->files[file].own, site);
		}
		is_own = false;
		if (line->last_site == i_site + 1)
			continue;
		line->last_site = i_site + 1;
		add(&line->total, site);
	}
}

void ht_line_table_fill(struct ht_line_table *table, const struct ht_trace_model *model,
                        struct ht_symbolizer *symbolizer, const struct ht_site_table *sites)
{
	struct ht_named_stack stack = { 0 };

	for (size_t i = 0; i < sites->n_sites; i++) {
		ht_stack_names_resolve(model, symbolizer, sites->sites[i].stack, &stack);
		add_site(table, &stack, i, &sites->sites[i]);
	}
	ht_named_stack_done(&stack);
	if (table->n_lines > 0)
		qsort(table->lines, table->n_lines, sizeof(*table->lines), by_place);
}

bool ht_line_table_is_file(const char *path, const char *wanted)
{
	size_t n_path = strlen(path), n_wanted = strlen(wanted);

	if (n_wanted == 0 || n_wanted > n_path || strcmp(path + n_path - n_wanted, wanted) != 0)
		return false;
	return n_wanted == n_path || wanted[0] == '/' || path[n_path - n_wanted - 1] == '/';
}

bool ht_line_table_is_function(const char *name, const char *wanted)
{
	size_t n_wanted = strlen(wanted);
	size_t n_name = strcspn(name, "(<");

	if (strcmp(name, wanted) == 0)
		return true;
	if (n_wanted == 0 || n_wanted > n_name ||
	    strncmp(name + n_name - n_wanted, wanted, n_wanted) != 0)
		return false;
	return n_wanted == n_name || name[n_name - n_wanted - 1] == ':' ||
	       name[n_name - n_wanted - 1] == '.' || name[n_name - n_wanted - 1] == ' ';
}

static int by_own_bytes(const void *a, const void *b)
{
	const struct ht_line_file *x = *(const struct ht_line_file *const *)a;
	const struct ht_line_file *y = *(const struct ht_line_file *const *)b;

	if (x->own.allocated_bytes != y->own.allocated_bytes)
		return x->own.allocated_bytes > y->own.allocated_bytes ? -1 : 1;
	return strcmp(x->path, y->path);
}

const struct ht_line_file **ht_line_table_rank(const struct ht_line_table *t)
{
	const struct ht_line_file **files = ht_xalloc_zeroed(t->n_files + 1, sizeof(*files));

	for (size_t i = 0; i < t->n_files; i++)
		files[i] = &t->files[i];
	qsort(files, t->n_files, sizeof(*files), by_own_bytes);
	return files;
}
