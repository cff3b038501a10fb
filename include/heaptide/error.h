/* SPDX-License-Identifier: MIT */
/* Error numbers of heaptide and their sentences. Both sides, any thread, no state. */
#ifndef HEAPTIDE_ERROR_H
#define HEAPTIDE_ERROR_H

#include <stdint.h>

#define HT_MUST_CHECK __attribute__((warn_unused_result))

/*
 * Numbers are pinned: they are written to logs and compared by scripts. A new error takes the next
 * free number of its group of ten; a number is never given a second meaning.
 */
enum ht_err {
	HT_OK = 0,

	/* Resources of this process. */
	HT_ERR_NOMEM = 10,   /* memory could not be had */
	HT_ERR_IO = 11,      /* a system call on a file failed; sys_errno says why */
	HT_ERR_LIMIT = 12,   /* a fixed limit of ours was reached */
	HT_ERR_NOSPACE = 13, /* the caller's buffer is too small */

	/* What a file or the shared region contains. */
	HT_ERR_NOT_A_TRACE = 20, /* the first bytes are not a heaptide trace */
	HT_ERR_VERSION = 21,     /* a trace or region of a version this build does not know */
	HT_ERR_TRUNCATED = 22,   /* the data end in the middle of something */
	HT_ERR_CORRUPT = 23,     /* a checksum, a length or a value is impossible */

	/* Starting and following the program. */
	HT_ERR_NOT_FOUND = 30,      /* no such program */
	HT_ERR_NOT_EXECUTABLE = 31, /* found but cannot be executed */
	HT_ERR_STATIC = 32,         /* statically linked: LD_PRELOAD cannot enter it */
	HT_ERR_PRIVILEGED = 33,     /* setuid, setgid or file capabilities: the loader ignores LD_PRELOAD */
	HT_ERR_NO_RECORDER = 34,    /* the recorder is gone or never came */

	/* The user's words. */
	HT_ERR_USAGE = 40,

	/* Ends of normal things, for iterators. */
	HT_ERR_END = 50, /* nothing more to read; not a failure */
};

/* A short English phrase without capital or full stop, never NULL. [any thread] [no alloc] */
static inline const char *ht_err_str(enum ht_err err)
{
	switch (err) {
	case HT_OK: return "no error";
	case HT_ERR_NOMEM: return "out of memory";
	case HT_ERR_IO: return "input or output error";
	case HT_ERR_LIMIT: return "a limit of heaptide was reached";
	case HT_ERR_NOSPACE: return "buffer too small";
	case HT_ERR_NOT_A_TRACE: return "not a heaptide trace";
	case HT_ERR_VERSION: return "made by an unknown version of heaptide";
	case HT_ERR_TRUNCATED: return "the trace ends early";
	case HT_ERR_CORRUPT: return "the trace is damaged";
	case HT_ERR_NOT_FOUND: return "no such program";
	case HT_ERR_NOT_EXECUTABLE: return "cannot be executed";
	case HT_ERR_STATIC: return "statically linked, so it cannot be recorded";
	case HT_ERR_PRIVILEGED: return "runs with raised privileges, so it cannot be recorded";
	case HT_ERR_NO_RECORDER: return "no recorder";
	case HT_ERR_USAGE: return "wrong usage";
	case HT_ERR_END: return "end of data";
	}
	return "unknown error";
}

/*
 * Where and why something failed, filled beside an enum ht_err by everything that reads files.
 * All fields are valid only when err is not HT_OK. off_bytes and block_seq are UINT64_MAX when
 * they do not apply. msg is a NUL-terminated English phrase.
 */
struct ht_diag {
	enum ht_err err;
	int sys_errno;
	uint64_t off_bytes;
	uint64_t block_seq;
	char msg[200];
};

#endif
