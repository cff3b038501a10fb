/* SPDX-License-Identifier: MIT */
/* A trace file as a list of blocks, whole or damaged; their bodies on demand. Analyzer. */
#ifndef HT_TRACE_FILE_H
#define HT_TRACE_FILE_H

#include "analyzer/read/block_body.h"

#include <heaptide/error.h>
#include <heaptide/trace_format.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ht_trace_file;

/* A block as its header or the index describes it. */
struct ht_block {
	uint64_t off_bytes;    /* of the prefix */
	uint64_t length_bytes; /* prefix and frame */
	uint64_t n_items;
	uint64_t first_tick;
	uint64_t last_tick;
	uint32_t seq;
	uint32_t type; /* enum ht_block_type, or unknown to this version */
};

/* The tick clock and CLOCK_MONOTONIC, read together. */
struct ht_clock_pair {
	uint64_t tick;
	uint64_t ns;
};

/* What an undamaged end of the file says. */
enum ht_file_end {
	HT_FILE_END_GOOD = 0,    /* trailer and INDEX block are there and fit */
	HT_FILE_END_MISSING = 1, /* the file stops after some block, or inside one */
	HT_FILE_END_DAMAGED = 2, /* there is a trailer, but it or the INDEX is wrong */
};

/*
 * Open the trace at path and list its blocks: from the index when there is one, else by walking from
 * block to block, searching for the next valid prefix behind damage. Damage is noted, not an error.
 * Errors: HT_ERR_IO; HT_ERR_NOT_A_TRACE (also for an empty file); HT_ERR_TRUNCATED when it ends
 * inside its first block. *ret_file is to be closed.
 */
enum ht_err ht_trace_file_open(const char *path, struct ht_trace_file **ret_file,
                               struct ht_diag *diag) HT_MUST_CHECK;

/*
 * The same, but never trusting the index: what verify does. The index is compared with what was
 * found; differences are noted as damage.
 */
enum ht_err ht_trace_file_open_scanning(const char *path, struct ht_trace_file **ret_file,
                                        struct ht_diag *diag) HT_MUST_CHECK;

/* NULL is fine. */
void ht_trace_file_close(struct ht_trace_file *file);

/* True while a recorder still holds its lock on the file at path; false also on errors. */
bool ht_trace_file_is_being_recorded(const char *path);

/* The blocks in file order; valid until close. INDEX blocks are not in it. */
const struct ht_block *ht_trace_file_blocks(const struct ht_trace_file *file, size_t *ret_n_blocks);

uint64_t ht_trace_file_n_bytes(const struct ht_trace_file *file);
enum ht_file_end ht_trace_file_end(const struct ht_trace_file *file);

/* Pairs of the first and of the last whole block; equal when there is only one. */
struct ht_clock_pair ht_trace_file_first_clock(const struct ht_trace_file *file);
struct ht_clock_pair ht_trace_file_last_clock(const struct ht_trace_file *file);

/*
 * Read and decompress one block into *body. HT_ERR_IO, HT_ERR_TRUNCATED or HT_ERR_CORRUPT with *diag
 * filled when that cannot be done; nothing is noted. [any thread, each with its own body]
 */
enum ht_err ht_trace_file_load(const struct ht_trace_file *file, const struct ht_block *block,
                               struct ht_body *body, struct ht_diag *diag) HT_MUST_CHECK;

/*
 * Damage, in the order it was found. At most HT_MAX_KEPT_DAMAGES are kept; n_damages goes on. The
 * layers above add what they find in bodies. Not thread safe.
 */
#define HT_MAX_KEPT_DAMAGES 64u

void ht_trace_file_note_damage(struct ht_trace_file *file, const struct ht_diag *diag);
uint64_t ht_trace_file_n_damages(const struct ht_trace_file *file);
const struct ht_diag *ht_trace_file_damages(const struct ht_trace_file *file, size_t *ret_n_kept);

#endif
