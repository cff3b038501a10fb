/* SPDX-License-Identifier: MIT */
/* Makes a heaptide trace of what heaptrack wrote. Analyzer. */
#ifndef HT_HEAPTRACK_IMPORT_H
#define HT_HEAPTRACK_IMPORT_H

#include <heaptide/error.h>

#include <stdint.h>

/* What a heaptrack trace knows less of; said in the START block of the new trace too. */
#define HT_HEAPTRACK_CAVEAT                                                                      \
	"imported from heaptrack: times are of 10 ms, all threads are one, a realloc is a free " \
	"and an "                                                                                \
	"allocation, a free is of the newest block of its size and stack"

/* What was in it. */
struct ht_heaptrack_counts {
	uint64_t n_allocations;
	uint64_t n_frees;
	uint64_t n_unmatched_frees; /* of blocks that were never allocated: left out */
	uint64_t n_stacks;
};

/*
 * Read the interpreted trace at path (format 3; text, gzip or zstd) and write a trace onto fd, an empty file.
 * Any bytes are safe to read; memory grows with distinct stacks and live blocks. Errors, with *diag filled:
 * HT_ERR_IO, HT_ERR_VERSION (another format, or a raw trace), HT_ERR_CORRUPT, HT_ERR_LIMIT, HT_ERR_NOMEM.
 */
enum ht_err ht_heaptrack_import(const char *path, int fd, struct ht_heaptrack_counts *ret_counts,
                                struct ht_diag *diag) HT_MUST_CHECK;

#endif
