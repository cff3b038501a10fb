/* SPDX-License-Identifier: MIT */
/* The first block of a trace: what was recorded, where, when, by whom. Analyzer. */
#ifndef HT_START_BLOCK_H
#define HT_START_BLOCK_H

#include "analyzer/record/block_writer.h"
#include "analyzer/record/clock_source.h"

#include <stdbool.h>

/*
 * tolerance_ticks: of column_limits. has_mappings: mapped memory is recorded; has_free_stacks: frees have stacks. argv is the recorded command; very long ones are cut. Errors: those of ht_block_writer_put().
 */
enum ht_err ht_start_block_write(struct ht_block_writer *blocks,
				 const struct ht_clock_source *clock, uint32_t tolerance_ticks,
				 bool has_mappings, bool has_free_stacks, int argc, const char *const *argv, struct ht_diag *diag) HT_MUST_CHECK;

#endif
