/* SPDX-License-Identifier: MIT */
/* Folded stacks: "root;...;leaf NUMBER" per line, of one metric. Analyzer. */
#include "analyzer/export/export.h"
#include "analyzer/report/frame_list.h"

static void put_label(const char *label, FILE *out)
{
	for (; *label; label++) {
		unsigned char c = (unsigned char)*label;

		/* ';' and the end of the line are the format's. */
		putc(c == ';' ? ':' : c < 32 || c == 127 ? ' ' : c, out);
	}
}

void ht_export_folded(const struct ht_export *export, FILE *out)
{
	const struct ht_site_table *table = &export->results->sites;
	struct ht_frame_list *list = ht_frame_list_new(export->model, export->symbolizer);

	for (size_t i = 0; i < table->n_sites; i++) {
		uint64_t value = ht_site_value_of(&table->sites[i], export->metric->value);
		size_t n;

		if (value == 0)
			continue;

		const uint32_t *ids = ht_frame_list_stack(list, table->sites[i].stack, &n);

		while (n-- > 0) {
			put_label(ht_frame_list_get(list, ids[n])->label, out);
			putc(n ? ';' : ' ', out);
		}
		fprintf(out, "%llu\n", (unsigned long long)value);
	}
	ht_frame_list_free(list);
}
