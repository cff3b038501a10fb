/* SPDX-License-Identifier: MIT */
/* Everything a trace says but its events: the recording, processes, modules, stacks. Analyzer. */
#ifndef HT_TRACE_MODEL_H
#define HT_TRACE_MODEL_H

#include "analyzer/base/arena.h"
#include "analyzer/model/code_list.h"
#include "analyzer/model/mapping_list.h"
#include "analyzer/model/mark_list.h"
#include "analyzer/model/misuse_list.h"
#include "analyzer/model/module_list.h"
#include "analyzer/model/process_list.h"
#include "analyzer/model/python_list.h"
#include "analyzer/model/resident_list.h"
#include "analyzer/model/stack_tree.h"
#include "analyzer/model/told_list.h"
#include "analyzer/model/unseen_list.h"
#include "analyzer/read/tick_clock.h"
#include "analyzer/read/trace_file.h"

#include <heaptide/error.h>
#include <heaptide/trace_format.h>

#include <stdbool.h>
#include <stdint.h>

/* The START block. Strings are NUL-terminated, "" when the block is lost. */
struct ht_recording {
	bool is_known; /* false: the START block is damaged */
	uint64_t version;
	uint64_t clock_kind;
	uint64_t tick_shift;
	uint64_t tick_ps;
	uint64_t tolerance_ticks; /* how far off ticks of events may be; 0: exact */
	bool has_mappings;        /* mapped memory is recorded */
	bool has_free_stacks;     /* frees have stacks */
	uint64_t realtime_ns; /* of trace time 0, since 1970 */
	uint64_t recorder_pid;
	const char *recorder_version;
	const char *host;
	const char *machine;
	const char *working_directory;
	const char *const *argv; /* the recorded command */
	uint32_t argc;

	/* The END block. */
	bool has_end;
	uint64_t end; /* enum ht_record_end */
	uint64_t n_events;
	uint64_t n_processes;
	uint64_t n_lost_events;
	const char *end_reason;
};

/* Constant after load. Everything in it lives until done. */
struct ht_trace_model {
	struct ht_arena arena;
	struct ht_recording recording;
	struct ht_tick_clock clock;
	struct ht_process_list processes;
	struct ht_module_list modules;
	struct ht_python_list python;
	struct ht_code_list codes;
	struct ht_mapping_list mappings;
	struct ht_unseen_list unseen;
	struct ht_resident_list residents;
	struct ht_mark_list marks;
	struct ht_told_list told;
	struct ht_misuse_list misuses;
	struct ht_stack_tree stacks;
	const struct ht_named_stacks *named_stacks;  /* instead, of a sum of recordings; else NULL */
	uint64_t last_tick;                      /* newest that any block header names */
	uint64_t n_blocks[HT_N_BLOCK_TYPES + 1]; /* by type; the last counts unknown types */
	uint64_t block_bytes[HT_N_BLOCK_TYPES + 1];
	uint64_t n_events; /* as the headers of EVENTS blocks say */
};

/*
 * Read every block of file that has no events. Damaged blocks are left out and noted as damage in file.
 * HT_ERR_VERSION, with *diag filled, when the trace is of a version this build does not know.
 */
enum ht_err ht_trace_model_load(struct ht_trace_model *model, struct ht_trace_file *file,
                                struct ht_diag *diag) HT_MUST_CHECK;

/* NULL is fine. */
void ht_trace_model_done(struct ht_trace_model *model);

#endif
