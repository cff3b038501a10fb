/* SPDX-License-Identifier: MIT */
/* Collects what the targets said into blocks: events as columns, nodes, modules, processes. Analyzer. */
#ifndef HT_COLUMN_WRITER_H
#define HT_COLUMN_WRITER_H

#include "analyzer/record/block_writer.h"

#include <heaptide/error.h>
#include <heaptide/shared_region.h>
#include <heaptide/trace_format.h>
#include <stdint.h>

/* When a batch goes out. Tests make it small. */
struct ht_column_limits {
	uint32_t max_events;
	uint32_t max_segments;
	uint32_t max_nodes; /* of one process */
	uint32_t tolerance_ticks; /* how far off ticks may be where one thread runs alone */
};
extern const struct ht_column_limits ht_column_default_limits;

/* One entry of a PROCESS block. The strings need to live only during the call. */
struct ht_process_info {
	uint32_t serial;
	uint32_t parent_serial;
	uint32_t start_kind;
	uint32_t pid;
	uint32_t ppid;
	uint32_t first_node;
	uint64_t start_tick;
	uint64_t first_id;
	const char *exe;
	size_t exe_bytes;
	const char *cmdline;
	size_t cmdline_bytes;
	const char *allocator; /* path of the library that has its malloc; of no bytes for libc's */
	size_t allocator_bytes;
};

#define HT_N_PROCESS_COUNTERS (10u + HT_N_TRUNC)

/* One entry of a PROCESS_END block. */
struct ht_process_end {
	uint32_t serial;
	uint32_t kind; /* enum ht_end_kind */
	uint32_t code;
	uint64_t tick;
	uint64_t counters[HT_N_PROCESS_COUNTERS]; /* in the order of FORMAT.md */
};

struct ht_column_totals {
	uint64_t n_events; /* written; the others are of what was taken */
	uint64_t n_of_kind[HT_N_EVENT_KINDS];
	uint64_t n_lost; /* summed up from LOST events */
	uint64_t n_processes;
};

struct ht_column_writer;

/*
 * blocks must outlive the writer and is written to by nobody else meanwhile. limits may be NULL.
 * Release with ht_column_writer_free(), which writes nothing. Errors: HT_ERR_NOMEM.
 *
 * Errors of later calls are kept: after the first one everything is thrown away, so that callers
 * look once a round, with ht_column_writer_error().
 */
enum ht_err ht_column_writer_new(struct ht_block_writer *blocks,
				 const struct ht_column_limits *limits,
				 struct ht_column_writer **ret_writer) HT_MUST_CHECK;
void ht_column_writer_free(struct ht_column_writer *writer);

enum ht_err ht_column_writer_error(const struct ht_column_writer *writer, struct ht_diag *ret_diag);

/* From here on saving time matters more than bytes; or, with false, no longer. */
void ht_column_writer_hurry(struct ht_column_writer *writer, bool is_hurried);

/*
 * The events from here on are of this thread. tick and next_id are where its coder may start; they
 * matter for size only.
 */
void ht_column_writer_begin(struct ht_column_writer *writer, uint32_t process_serial,
			    uint32_t thread_serial, uint32_t tid, uint64_t tick, uint64_t next_id);
void ht_column_writer_event(struct ht_column_writer *writer, const struct ht_event *event);

void ht_column_writer_node(struct ht_column_writer *writer, uint32_t process_serial, uint32_t id,
			   uint64_t address, uint32_t parent, uint32_t generation);
void ht_column_writer_module(struct ht_column_writer *writer, uint32_t process_serial,
			     uint32_t module_serial, const struct ht_module_record *module,
			     const char *path);
void ht_column_writer_process(struct ht_column_writer *writer, const struct ht_process_info *info);
void ht_column_writer_process_end(struct ht_column_writer *writer,
				  const struct ht_process_end *end);

/* Whether anything waits to be written. */
bool ht_column_writer_has_pending(const struct ht_column_writer *writer);

/* An interpreter or a code object; text is its name and then its file. */
void ht_column_writer_python(struct ht_column_writer *writer, uint32_t process_serial,
			     uint32_t number, const struct ht_python_record *record,
			     const char *text);

/* Code that a program made at run time. */
struct ht_code_info {
	uint32_t process_serial;
	uint32_t kind;     /* enum ht_code_kind */
	uint64_t tick;     /* from when on it is there, as far as known */
	uint64_t addr;
	uint64_t n_bytes;  /* at least 1, and addr + n_bytes fits */
	uint64_t old_addr; /* MOVE */
	const char *name;  /* LOAD; of name_bytes, HT_CODE_NAME_MAX_BYTES at most */
	size_t name_bytes;
};
void ht_column_writer_code(struct ht_column_writer *writer, const struct ht_code_info *code);

/* How much memory a process had. */
struct ht_resident_info {
	uint32_t process_serial;
	uint64_t tick;
	uint64_t resident_kib;
	uint64_t private_kib; /* of these */
};
void ht_column_writer_resident(struct ht_column_writer *writer, const struct ht_resident_info *info);

/* Write what there is of these: flushes wait until it is worth a block. */
void ht_column_writer_flush_resident(struct ht_column_writer *writer);

/* A free of what was no live block; for possible ones only. */
void ht_column_writer_misuse(struct ht_column_writer *writer, uint32_t process_serial,
			     uint32_t thread_serial, uint64_t tick, uint32_t node,
			     const struct ht_misuse_record *record);

/* A call that mapped memory or gave it back. */
void ht_column_writer_mapping(struct ht_column_writer *writer, uint32_t process_serial,
			      uint32_t thread_serial, uint64_t tick, uint32_t node,
			      const struct ht_mapping_record *record);

/* What the program told. */
void ht_column_writer_told(struct ht_column_writer *writer, uint32_t process_serial,
			   uint32_t thread_serial, uint64_t tick, uint32_t node,
			   const struct ht_told_record *record, const struct ht_told_name *name);

/* A moment that the program named. The thread's events from here on are in a segment that begins with it. */
void ht_column_writer_mark(struct ht_column_writer *writer, uint32_t process_serial,
			   uint32_t thread_serial, uint64_t tick, const struct ht_mark_record *mark);

/* Write the nodes so far, so that they are known to be older than what comes. */
void ht_column_writer_flush_nodes(struct ht_column_writer *writer);

/* Write processes and modules, which others wait for while the program runs. */
void ht_column_writer_flush_modules(struct ht_column_writer *writer);

/* Write everything: processes, modules, nodes, events, ends of processes, in this order. */
void ht_column_writer_flush(struct ht_column_writer *writer);

const struct ht_column_totals *ht_column_writer_totals(const struct ht_column_writer *writer);

#endif
