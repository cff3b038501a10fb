/* SPDX-License-Identifier: MIT */
/* The report of a trace: one set of numbers, two renderers. Analyzer. */
#ifndef HT_REPORT_H
#define HT_REPORT_H

#include "analyzer/agg/results.h"
#include "analyzer/model/process_selection.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/read/trace_file.h"
#include "analyzer/replay/mapped_memory.h"
#include "analyzer/replay/pool_objects.h"
#include "analyzer/report/frame_rules.h"
#include "analyzer/report/misuse_groups.h"
#include "analyzer/report/site_rank.h"
#include "analyzer/symbols/symbolizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

struct ht_leak_classes;
struct ht_view;

/* Parts of a report that can be had alone. */
enum ht_report_section {
	HT_SECTION_PEAK = 1u << 0,
	HT_SECTION_LEAKS = 1u << 1,
	HT_SECTION_CHURN = 1u << 2,
	HT_SECTION_RATE = 1u << 3,
	HT_SECTION_SITES = 1u << 4, /* every site, by its own peak */
	HT_SECTION_SIZES = 1u << 5,
	HT_SECTION_LIFETIMES = 1u << 6,
	HT_SECTION_MAPPED = 1u << 7,
	HT_SECTION_THREADS = 1u << 8,
	HT_SECTION_REALLOCS = 1u << 9,
	HT_SECTION_MISUSE = 1u << 10,
	HT_SECTION_FREES = 1u << 11,
	HT_SECTION_POOLS = 1u << 12,
	HT_SECTION_FINDINGS = 1u << 13,
};

/* All but HT_SECTION_SITES, which has nothing that the others together have not. */
#define HT_SECTIONS_DEFAULT                                                                 \
	(HT_SECTION_PEAK | HT_SECTION_LEAKS | HT_SECTION_CHURN | HT_SECTION_RATE |          \
	 HT_SECTION_SIZES | HT_SECTION_LIFETIMES | HT_SECTION_MAPPED | HT_SECTION_THREADS | \
	 HT_SECTION_REALLOCS | HT_SECTION_MISUSE | HT_SECTION_FREES | HT_SECTION_POOLS |    \
	 HT_SECTION_FINDINGS)

/* What a renderer needs; all owned by the caller. */
struct ht_report {
	const struct ht_trace_file *file;
	const struct ht_trace_model *model;
	const struct ht_results *results;
	const struct ht_mapped *mapped;   /* NULL: not recorded */
	const struct ht_pools *pools;     /* NULL: none were told of */
	const struct ht_misuses *misuses; /* NULL: not asked for */
	struct ht_symbolizer *symbolizer;
	size_t n_top;    /* sites per section; SIZE_MAX: all */
	size_t n_frames; /* shown of each stack in the text; SIZE_MAX: all */
	const struct ht_process_selection *selection; /* that results are of; NULL: all */
	bool is_being_recorded;
	struct ht_site_choice choice;
	const char *filter;                  /* what choice.is_shown is by; NULL: all are shown */
	const char *block_filter;            /* what blocks the results are of; NULL: all */
	const struct ht_frame_rules *rules;  /* what stacks show; NULL: everything */
	const struct ht_leak_classes *leaks; /* NULL: leaks are not told apart */
	const struct ht_view *view;          /* instead of lists of sites; NULL: these */
	uint32_t
	        sections; /* enum ht_report_section that are wanted alone; 0: the default, and the rest */
};

/* Whether the filter, if any, shows a stack that is no site of the results. */
bool ht_report_shows_stack(const struct ht_report *report, uint32_t stack);

/* Whether this is to be shown. */
bool ht_report_has(const struct ht_report *report, enum ht_report_section section);

/* How the text may look. */
#define HT_TEXT_MIN_COLUMNS 80u
struct ht_text_style {
	unsigned n_columns; /* lines are kept within; at least the above; UINT_MAX: no limit */
	bool has_color;
	bool has_utf8;
};

/* Write the report as text for people. Errors of out are left in out. */
void ht_report_text(const struct ht_report *report, const struct ht_text_style *style, FILE *out);

/* Write all processes of the report, and their programs, as text: two tables. */
void ht_report_processes_text(const struct ht_report *report, const struct ht_text_style *style,
                              FILE *out);

/* How many processes the report is about. */
size_t ht_report_n_processes(const struct ht_report *report);

/* How many of these a process became that had been another one of them before. */
size_t ht_report_n_later_programs(const struct ht_report *report);

/* Write the report as JSON, schema heaptide.report/1, ended by a newline. */
void ht_report_json(const struct ht_report *report, FILE *out);

/*
 * How a process ended: "exit 0", "signal 9", "exec", "running" or "unknown". buf is for the text and must
 * have HT_ENDED_BYTES.
 */
#define HT_ENDED_BYTES 32
const char *ht_report_ended(const struct ht_process *process, char buf[HT_ENDED_BYTES]);

/* How long the recording was, or the part of it that the report is about. */
uint64_t ht_report_duration_ns(const struct ht_report *report);

/* Things a trace did not see or lost, summed over processes. All 0 in the usual case. */
struct ht_coverage {
	uint64_t n_lost_events;
	uint64_t n_damaged_blocks; /* event blocks left out */
	uint64_t n_damaged_events; /* in them */
	uint64_t n_damages;        /* places in the file */
	uint64_t n_unknown_frees;  /* but for those that are certain misuses */
	uint64_t n_missed_frees;
	uint64_t n_inherited_frees;
	uint64_t n_nested_calls;
	uint64_t n_untracked_addrs;
	uint64_t n_early_blocks;
	uint64_t n_stacks_compared;
	uint64_t n_stacks_differing;
	uint64_t n_truncated[HT_N_TRUNC]; /* distinct stacks, by reason */
	uint64_t n_truncated_allocations; /* and reallocations, whose stack is truncated */
	struct ht_pauses
	        pauses; /* of the whole recording, also where the report is about a part of it */
	uint64_t
	        n_paused_allocs; /* of processes whose end is known, not recorded because of them */
	uint64_t paused_bytes;
	uint64_t n_anomalies; /* events that contradict each other */
	bool is_incomplete; /* the end of the trace is missing, or it says that something was not written */
};

struct ht_coverage ht_report_coverage(const struct ht_report *report);

/* Write all of it, zeros too, as text, or as JSON, schema heaptide.coverage/1. */
void ht_report_coverage_text(const struct ht_report *report, const struct ht_text_style *style,
                             FILE *out);
void ht_report_coverage_json(const struct ht_report *report, FILE *out);

#endif
