/* SPDX-License-Identifier: MIT */
/* The bytes of an input file at any place, also of one that cannot seek. Analyzer. */
#ifndef HT_FILE_BYTES_H
#define HT_FILE_BYTES_H

#include <heaptide/error.h>

#include <stddef.h>
#include <stdint.h>

struct ht_file_bytes {
	int fd;          /* -1 when closed */
	uint8_t *memory; /* everything, when the input cannot seek; else NULL */
	uint64_t n_bytes;
};

/*
 * Open path for reading and learn its size. A pipe is read to its end into memory. Nothing is mapped:
 * a file that shrinks while it is read gives an error, not SIGBUS. HT_ERR_IO on failure.
 */
enum ht_err ht_file_bytes_open(const char *path, struct ht_file_bytes *ret_file,
                               struct ht_diag *diag) HT_MUST_CHECK;

/* NULL and closed ones are fine. */
void ht_file_bytes_close(struct ht_file_bytes *file);

/*
 * Exactly n bytes from off_bytes on. HT_ERR_TRUNCATED when the file ends before, HT_ERR_IO when
 * reading fails. [any thread]
 */
enum ht_err ht_file_bytes_read(const struct ht_file_bytes *file, uint64_t off_bytes, void *buf,
                               size_t n, struct ht_diag *diag) HT_MUST_CHECK;

#endif
