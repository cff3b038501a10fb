/* SPDX-License-Identifier: MIT */
/* One row per place: CSV for spreadsheets, JSON lines for everything else. Analyzer. */
#include "analyzer/export/export.h"
#include "analyzer/export/stack_id.h"
#include "analyzer/report/frame_list.h"
#include "analyzer/report/frame_json.h"
#include "analyzer/report/json_writer.h"

#include <stdio.h>
#include <string.h>

static void put_csv_text(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '"')
			putc('"', out);
		putc(*text, out);
	}
}

static void put_csv_field(const char *text, FILE *out)
{
	fputs(",\"", out);
	if (text)
		put_csv_text(text, out);
	putc('"', out);
}

void ht_export_csv(const struct ht_export *export, FILE *out)
{
	const struct ht_site_table *table = &export->results->sites;
	struct ht_frame_list *list = ht_frame_list_new(export->model, export->symbolizer);

	fputs("stack_id", out);
	for (int v = 0; v < HT_N_SITE_VALUES; v++)
		fprintf(out, ",%s", ht_site_value_name((enum ht_site_value)v));
	fputs(",function,file,line,module,stack\r\n", out);
	for (size_t i = 0; i < table->n_sites; i++) {
		char id[HT_STACK_ID_BYTES];
		size_t n;
		const uint32_t *ids = ht_frame_list_stack(list, table->sites[i].stack, &n);
		const struct ht_listed_frame *leaf = ht_frame_list_get(list, ids[0]);

		ht_stack_id(list, ids, n, id);
		fputs(id, out);
		for (int v = 0; v < HT_N_SITE_VALUES; v++)
			fprintf(out, ",%llu",
			        (unsigned long long)ht_site_value_of(&table->sites[i],
			                                             (enum ht_site_value)v));
		put_csv_field(leaf->label, out);
		put_csv_field(leaf->name.file, out);
		if (leaf->name.line)
			fprintf(out, ",%u", leaf->name.line);
		else
			putc(',', out);
		put_csv_field(leaf->name.module, out);
		fputs(",\"", out);
		while (n-- > 0) {
			put_csv_text(ht_frame_list_get(list, ids[n])->label, out);
			if (n)
				putc(';', out);
		}
		fputs("\"\r\n", out);
	}
	ht_frame_list_free(list);
}

void ht_export_jsonl(const struct ht_export *export, FILE *out)
{
	const struct ht_site_table *table = &export->results->sites;
	struct ht_frame_list *list = ht_frame_list_new(export->model, export->symbolizer);

	for (size_t i = 0; i < table->n_sites; i++) {
		struct ht_json_writer json = ht_json_writer_init(out);
		char id[HT_STACK_ID_BYTES];
		size_t n;
		const uint32_t *ids = ht_frame_list_stack(list, table->sites[i].stack, &n);

		ht_stack_id(list, ids, n, id);
		ht_json_begin_object(&json);
		ht_json_put_string(&json, "stack_id", id);
		for (int v = 0; v < HT_N_SITE_VALUES; v++)
			ht_json_put_u64(&json, ht_site_value_name((enum ht_site_value)v),
			                ht_site_value_of(&table->sites[i], (enum ht_site_value)v));
		ht_json_key(&json, "stack");
		ht_json_begin_array(&json);
		for (size_t k = 0; k < n; k++) {
			const struct ht_listed_frame *frame = ht_frame_list_get(list, ids[k]);
			const struct ht_named_frame named = { frame->name,
				                              ht_frame_list_addr(list, k) };

			ht_frame_json(&json, &named);
		}
		ht_json_end_array(&json);
		ht_json_end_object(&json);
		putc('\n', out);
	}
	ht_frame_list_free(list);
}
