/* SPDX-License-Identifier: MIT */
/* The misuses of a report, alike ones together. Analyzer. */
#ifndef HT_MISUSE_GROUPS_H
#define HT_MISUSE_GROUPS_H

#include "analyzer/agg/results.h"
#include "analyzer/model/process_selection.h"
#include "analyzer/model/trace_model.h"
#include "analyzer/replay/misuse_origin.h"
#include "analyzer/symbols/symbolizer.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Misuses of one kind, from one stack, of blocks from one stack. */
struct ht_misuse_group {
	const struct ht_misuse *first;
	const struct ht_misuse_origin *origin; /* of the first */
	uint64_t n;
	uint32_t stack;
	uint32_t allocated_stack; /* 0: not known */
	bool is_certain; /* false for a DOUBLE_FREE that may be the right free of an allocation that was not seen */
};

struct ht_misuses {
	struct ht_misuse_group *groups; /* certain ones first, then by number */
	size_t n_groups;
	uint64_t n;
	uint64_t n_of_kind[HT_N_MISUSE_KINDS];
	struct ht_misuse_origin *origins; /* of all of the model */
};

/*
 * Which there were in the window and processes that results are of. symbolizer tells mismatches from what operators of
 * a module's own do; NULL: nobody does. To be released with ht_misuses_done().
 */
void ht_misuses_run(struct ht_trace_file *file, struct ht_trace_model *model,
                    const struct ht_results *results, const struct ht_process_selection *selection,
                    struct ht_symbolizer *symbolizer, unsigned n_jobs,
                    struct ht_misuses *ret_misuses);

/* NULL is fine. */
void ht_misuses_done(struct ht_misuses *misuses);

/* How many of the unknown frees are explained, as certain misuses. */
uint64_t ht_misuses_n_certain(const struct ht_trace_model *model, const struct ht_results *results,
                              const struct ht_process_selection *selection);

/* "double-free", "stack", "static", "unaligned", "mismatch". */
const char *ht_misuse_name(uint32_t kind);

/* "free", "realloc", "delete", "delete[]". */
const char *ht_misuse_call_name(uint32_t call);

/* "malloc", "new", "new[]". */
const char *ht_block_form_name(uint32_t form);

#endif
