/* SPDX-License-Identifier: MIT */
/* Filling struct ht_diag. Analyzer. */
#include "analyzer/base/diag.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum ht_err ht_diag_set(struct ht_diag *diag, enum ht_err err, uint64_t off_bytes,
                        uint64_t block_seq, const char *format, ...)
{
	int saved_errno = errno;
	va_list args;

	if (diag) {
		diag->err = err;
		diag->sys_errno = 0;
		diag->off_bytes = off_bytes;
		diag->block_seq = block_seq;
		va_start(args, format);
		vsnprintf(diag->msg, sizeof(diag->msg), format, args);
		va_end(args);
	}
	errno = saved_errno;
	return err;
}

enum ht_err ht_diag_set_errno(struct ht_diag *diag, const char *format, ...)
{
	int saved_errno = errno;
	va_list args;

	if (diag) {
		diag->err = HT_ERR_IO;
		diag->sys_errno = saved_errno;
		diag->off_bytes = UINT64_MAX;
		diag->block_seq = UINT64_MAX;
		va_start(args, format);
		int n = vsnprintf(diag->msg, sizeof(diag->msg), format, args);

		va_end(args);
		if (n >= 0 && (size_t)n < sizeof(diag->msg))
			snprintf(diag->msg + n, sizeof(diag->msg) - (size_t)n, ": %s",
			         strerror(saved_errno));
	}
	errno = saved_errno;
	return HT_ERR_IO;
}
