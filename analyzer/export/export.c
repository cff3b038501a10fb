/* SPDX-License-Identifier: MIT */
/* The table of export formats. Analyzer. */
#include "analyzer/export/export.h"

#include "analyzer/report/frame_list.h"

#include <string.h>

const struct ht_export_format ht_export_formats[] = {
	{ "folded", "flamegraph.pl, inferno, speedscope: one line per stack", ht_export_folded,
	  true, false, true },
	{ "speedscope", "https://www.speedscope.app, all metrics", ht_export_speedscope, false,
	  false, true },
	{ "csv", "spreadsheets: one row per place", ht_export_csv, false, false, true },
	{ "jsonl", "jq, DuckDB: one object per place and line", ht_export_jsonl, false, false, true },
	{ "parquet", "DuckDB, ClickHouse, Spark: rows of many hosts in one table",
	  ht_export_parquet, false, true, true },
	{ "prometheus", "node_exporter's text files: totals", ht_export_prometheus, false, false,
	  false },
	{ "pprof", "go tool pprof, Pyroscope, Parca, Perfetto: all values, inlined functions",
	  ht_export_pprof, false, true, true },
	{ "dhat", "valgrind's dh_view.html, Firefox Profiler", ht_export_dhat, false, false, false },
	{ "massif", "ms_print, massif-visualizer: live bytes over time, owners of the peak",
	  ht_export_massif, false, false, false },
	{ "callgrind", "callgrind_annotate, kcachegrind: own and inclusive", ht_export_callgrind,
	  false, false, false },
	{ "chrome", "ui.perfetto.dev, chrome://tracing: counters over time", ht_export_chrome,
	  false, false, false },
	{ "heaptrack", "heaptrack_print, heaptrack_gui: every event", ht_export_heaptrack, false,
	  false, false },
	{ NULL, NULL, NULL, false, false, false },
};

const struct ht_export_format *ht_export_find(const char *name)
{
	for (const struct ht_export_format *format = ht_export_formats; format->name; format++) {
		if (strcmp(format->name, name) == 0)
			return format;
	}
	return NULL;
}

const char *ht_export_title(const struct ht_export *export)
{
	const struct ht_recording *recording = &export->model->recording;

	if (recording->argc > 0)
		return ht_base_name(recording->argv[0]);
	if (export->model->processes.n_processes > 0)
		return ht_process_name(&export->model->processes.processes[0]);
	return "?";
}
