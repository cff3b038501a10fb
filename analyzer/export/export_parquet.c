/* SPDX-License-Identifier: MIT */
/* One row per place as Parquet, with where it was recorded: for tables of many hosts. Analyzer. */
#include "analyzer/base/strbuf.h"
#include "analyzer/export/export.h"
#include "analyzer/export/parquet_file.h"
#include "analyzer/export/stack_id.h"
#include "analyzer/report/frame_list.h"

static const struct ht_parquet_column before_values[] = {
	{ "host", HT_PARQUET_TEXT },
	{ "program", HT_PARQUET_TEXT },
	{ "recorded_at", HT_PARQUET_TIME },
	{ "stack_id", HT_PARQUET_TEXT },
};
static const struct ht_parquet_column after_values[] = {
	{ "function", HT_PARQUET_TEXT }, { "file", HT_PARQUET_TEXT },
	{ "line", HT_PARQUET_NUMBER },   { "module", HT_PARQUET_TEXT },
	{ "stack", HT_PARQUET_TEXT },
};

#define N_BEFORE  (sizeof(before_values) / sizeof(before_values[0]))
#define N_AFTER   (sizeof(after_values) / sizeof(after_values[0]))
#define N_COLUMNS (N_BEFORE + HT_N_SITE_VALUES + N_AFTER)

static void describe_columns(struct ht_parquet_column columns[N_COLUMNS])
{
	size_t n = 0;

	for (size_t i = 0; i < N_BEFORE; i++)
		columns[n++] = before_values[i];
	for (int v = 0; v < HT_N_SITE_VALUES; v++)
		columns[n++] =
		        (struct ht_parquet_column){ ht_site_value_name((enum ht_site_value)v),
			                            HT_PARQUET_NUMBER };
	for (size_t i = 0; i < N_AFTER; i++)
		columns[n++] = after_values[i];
}

static void put_recording(struct ht_parquet_file *file, const struct ht_export *export)
{
	const struct ht_recording *recording = &export->model->recording;

	ht_parquet_file_put_text(file,
	                         recording->host && *recording->host ? recording->host : NULL);
	ht_parquet_file_put_text(file, ht_export_title(export));
	if (recording->is_known)
		ht_parquet_file_put_number(file, recording->realtime_ns / 1000);
	else
		ht_parquet_file_put_null(file);
}

/* From the outermost function to the innermost, as in CSV. */
static void put_stack(struct ht_parquet_file *file, const struct ht_frame_list *list,
                      const uint32_t *ids, size_t n)
{
	struct ht_strbuf stack = { 0 };

	while (n-- > 0) {
		ht_strbuf_add_str(&stack, ht_frame_list_get(list, ids[n])->label);
		if (n)
			ht_strbuf_add_char(&stack, ';');
	}
	ht_parquet_file_put_text(file, ht_strbuf_str(&stack));
	ht_strbuf_done(&stack);
}

static void put_site(struct ht_parquet_file *file, struct ht_frame_list *list,
                     const struct ht_site *site)
{
	char id[HT_STACK_ID_BYTES];
	size_t n;
	const uint32_t *ids = ht_frame_list_stack(list, site->stack, &n);
	const struct ht_listed_frame *leaf = ht_frame_list_get(list, ids[0]);

	ht_stack_id(list, ids, n, id);
	ht_parquet_file_put_text(file, id);
	for (int v = 0; v < HT_N_SITE_VALUES; v++)
		ht_parquet_file_put_number(file, ht_site_value_of(site, (enum ht_site_value)v));
	ht_parquet_file_put_text(file, leaf->label);
	ht_parquet_file_put_text(file, leaf->name.file);
	if (leaf->name.line)
		ht_parquet_file_put_number(file, leaf->name.line);
	else
		ht_parquet_file_put_null(file);
	ht_parquet_file_put_text(file, leaf->name.module);
	put_stack(file, list, ids, n);
}

void ht_export_parquet(const struct ht_export *export, FILE *out)
{
	const struct ht_site_table *table = &export->results->sites;
	struct ht_frame_list *list = ht_frame_list_new(export->model, export->symbolizer);
	struct ht_parquet_column columns[N_COLUMNS];

	describe_columns(columns);

	struct ht_parquet_file *file = ht_parquet_file_new(columns, N_COLUMNS, out);

	for (size_t i = 0; i < table->n_sites; i++) {
		put_recording(file, export);
		put_site(file, list, &table->sites[i]);
	}
	ht_parquet_file_finish(file);
	ht_frame_list_free(list);
}
