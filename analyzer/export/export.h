/* SPDX-License-Identifier: MIT */
/* A trace in the formats of other tools: what a writer gets, and the table of writers. Analyzer. */
#ifndef HT_EXPORT_H
#define HT_EXPORT_H

#include "analyzer/agg/results.h"
#include "analyzer/report/site_value.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/read/trace_file.h"
#include "analyzer/symbols/symbolizer.h"

#include <stdbool.h>
#include <stdio.h>

/* All owned by the caller. */
struct ht_export {
	struct ht_trace_file *file;
	struct ht_trace_model *model;
	const struct ht_results *results;
	struct ht_symbolizer *symbolizer;
	const struct ht_metric *metric; /* for formats with one number per stack */
	bool has_source;                /* lines of source are put in, from files found now, */
	const char *source_directory;   /* here first; NULL: where the compiler was told */
};

/* Write everything; errors of out are left in out. */
typedef void ht_export_fn(const struct ht_export *export, FILE *out);

struct ht_export_format {
	const char *name;
	const char *summary; /* what opens it */
	ht_export_fn *write;
	bool has_metric; /* --metric means something */
	bool is_binary;  /* not for a terminal */
	bool is_of_places; /* needs nothing but places: can be had of a summary */
};

/* In the order of the help, ended by a NULL name. */
extern const struct ht_export_format ht_export_formats[];

/* NULL when there is none of that name. */
const struct ht_export_format *ht_export_find(const char *name);

ht_export_fn ht_export_folded;
ht_export_fn ht_export_speedscope;
ht_export_fn ht_export_csv;
ht_export_fn ht_export_jsonl;
ht_export_fn ht_export_parquet;
ht_export_fn ht_export_prometheus;
ht_export_fn ht_export_pprof;
ht_export_fn ht_export_dhat;
ht_export_fn ht_export_massif;
ht_export_fn ht_export_callgrind;
ht_export_fn ht_export_chrome;
ht_export_fn ht_export_heaptrack;

/* The page of `heaptide html`; with an old run (NULL: none) that it is compared with. */
void ht_export_html(const struct ht_export *export, const struct ht_export *old, FILE *out);

/* A name for the recording: the program, or the recorded command; never NULL. */
const char *ht_export_title(const struct ht_export *export);

#endif
