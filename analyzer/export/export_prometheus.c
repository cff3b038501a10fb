/* SPDX-License-Identifier: MIT */
/* Totals in Prometheus' text format 0.0.4, for node_exporter's directory of text files. Analyzer. */
#include "analyzer/export/export.h"
#include "analyzer/report/frame_list.h"

struct metric_line {
	const char *name;
	const char *type;
	const char *help;
	double scale; /* the value is written in units of this */
	uint64_t value;
};

static void put_label_value(const char *text, FILE *out)
{
	for (; *text; text++) {
		if (*text == '\\' || *text == '"')
			fprintf(out, "\\%c", *text);
		else if (*text == '\n')
			fputs("\\n", out);
		else
			putc(*text, out);
	}
}

static void put_metric(const struct ht_export *export, const struct metric_line *m, FILE *out)
{
	fprintf(out, "# HELP %s %s\n# TYPE %s %s\n%s{program=\"", m->name, m->help, m->name,
	        m->type, m->name);
	put_label_value(ht_export_title(export), out);
	fputs("\",host=\"", out);
	put_label_value(export->model->recording.host, out);
	if (m->scale > 0)
		fprintf(out, "\"} %.9f\n", (double)m->value * m->scale);
	else
		fprintf(out, "\"} %llu\n", (unsigned long long)m->value);
}

void ht_export_prometheus(const struct ht_export *export, FILE *out)
{
	const struct ht_results *r = export->results;
	const struct ht_counts *totals = &r->totals;
	const struct metric_line lines[] = {
		{ "heaptide_allocations_total", "counter", "Blocks allocated.", 0,
		  totals->n_allocations },
		{ "heaptide_frees_total", "counter", "Blocks freed.", 0, totals->n_frees },
		{ "heaptide_reallocations_total", "counter", "Blocks resized.", 0,
		  totals->n_reallocations },
		{ "heaptide_allocated_bytes_total", "counter", "Bytes requested.", 0,
		  totals->allocated_bytes },
		{ "heaptide_temporary_allocations_total", "counter",
		  "Blocks freed before the next allocation of their thread.", 0, r->n_temporary },
		{ "heaptide_short_lived_allocations_total", "counter",
		  "Blocks freed soon after their allocation.", 0, r->n_short_lived },
		{ "heaptide_lost_events_total", "counter", "Events that could not be recorded.", 0,
		  totals->n_lost_events },
		{ "heaptide_peak_bytes", "gauge", "Most bytes that were live at once.", 0,
		  r->sites.peak_bytes },
		{ "heaptide_peak_blocks", "gauge", "Blocks that were live at the peak.", 0,
		  r->sites.n_at_peak },
		{ "heaptide_leaked_bytes", "gauge", "Bytes never freed.", 0, totals->leaked_bytes },
		{ "heaptide_leaked_blocks", "gauge", "Blocks never freed.", 0, totals->n_leaked },
		{ "heaptide_sites", "gauge", "Distinct stacks that allocated.", 0,
		  r->sites.n_sites },
		{ "heaptide_duration_seconds", "gauge", "Length of the recording.", 1e-9,
		  ht_tick_clock_ns(&export->model->clock, r->end_tick) },
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(*lines); i++)
		put_metric(export, &lines[i], out);
}
