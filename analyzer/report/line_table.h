/* SPDX-License-Identifier: MIT */
/* What each line of source caused: sites summed up by the lines that their stacks go through. Analyzer. */
#ifndef HT_LINE_TABLE_H
#define HT_LINE_TABLE_H

#include "analyzer/agg/site_table.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/symbols/name_table.h"
#include "analyzer/symbols/symbolizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_line_amounts {
	uint64_t n_allocations; /* and reallocations */
	uint64_t allocated_bytes;
	uint64_t n_at_peak;
	uint64_t at_peak_bytes;
	uint64_t n_leaked;
	uint64_t leaked_bytes;
	uint64_t n_short_lived;
};

struct ht_line {
	uint32_t file; /* index of files */
	uint32_t line;
	size_t last_site; /* 1 + index of the site that was counted last: a recursion counts once */
	struct ht_line_amounts own; /* of stacks whose innermost frame with a known line is here */
	struct ht_line_amounts total; /* of all stacks that go through here */
};

/* The lines of one function in one file. */
struct ht_function_lines {
	const char *name;
	uint32_t file;
	uint32_t first_line;
	uint32_t last_line;
};

struct ht_line_file {
	const char *path; /* as the compiler was told it */
	struct ht_line_amounts own;
};

/* All zero is an empty table. Names belong to the symbolizer and the model. */
struct ht_line_table {
	struct ht_line *lines;
	size_t n_lines, lines_capacity;
	struct ht_function_lines *functions;
	size_t n_functions, functions_capacity;
	struct ht_line_file *files;
	size_t n_files, files_capacity;
	struct ht_name_table names;    /* of files and functions */
	struct ht_u64_map file_of;     /* number of a name -> 1 + index */
	struct ht_u64_map function_of; /* number of a name << 32 | file -> 1 + index */
	struct ht_u64_map line_of;     /* file << 32 | line -> 1 + index */
};

/* Sum up every site. Lines are sorted by file and line then. Release with ht_line_table_done(). */
void ht_line_table_fill(struct ht_line_table *table, const struct ht_trace_model *model,
                        struct ht_symbolizer *symbolizer, const struct ht_site_table *sites);

void ht_line_table_done(struct ht_line_table *table);

/* All files, by falling bytes allocated in them; to be released with free(). */
const struct ht_line_file **ht_line_table_rank(const struct ht_line_table *table);

/* Whether the path ends with these components: "b/c.c" fits "/a/b/c.c", not "/ab/c.c". */
bool ht_line_table_is_file(const char *path, const char *wanted);

/* Whether name is this function, with or without namespaces, classes and parameters. */
bool ht_line_table_is_function(const char *name, const char *wanted);

#endif
