/* SPDX-License-Identifier: MIT */
/* Filling struct ht_diag. Analyzer, any thread. */
#ifndef HT_DIAG_H
#define HT_DIAG_H

#include <heaptide/error.h>

/*
 * Fill *diag (may be NULL) with err, the place and a message, and return err. off_bytes and
 * block_seq are UINT64_MAX when they do not apply. Keeps errno.
 */
enum ht_err ht_diag_set(struct ht_diag *diag, enum ht_err err, uint64_t off_bytes,
                        uint64_t block_seq, const char *format, ...)
        __attribute__((format(printf, 5, 6)));

/* The same for a system call that failed: HT_ERR_IO with errno as it is now. */
enum ht_err ht_diag_set_errno(struct ht_diag *diag, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

#endif
