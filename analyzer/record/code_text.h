/* SPDX-License-Identifier: MIT */
/* Reads what programs write about the code that they make, piece by piece: perf maps and jitdumps. Analyzer. */
#ifndef HT_CODE_TEXT_H
#define HT_CODE_TEXT_H

#include <heaptide/trace_format.h>

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One piece of news. The name lives during the call. */
struct ht_code_news {
	enum ht_code_kind kind;
	uint64_t time; /* jitdump: as in the file; else 0 */
	uint64_t addr;
	uint64_t n_bytes; /* at least 1, and addr + n_bytes fits */
	uint64_t old_addr;
	const char *name; /* not NUL-terminated; without control characters */
	size_t name_bytes;
};

typedef void ht_code_news_fn(void *context, const struct ht_code_news *news);

/* What was read of a file so far; all zero before it. */
struct ht_code_text {
	bool is_dump;        /* a jitdump, whose header was read */
	bool is_tsc;         /* its times are those of the TSC, else of CLOCK_MONOTONIC in ns */
	bool is_bad;         /* nothing that follows has a meaning */
	bool is_skipping;    /* the rest of a line that is too long */
	uint64_t skip_bytes; /* of the file, not to be looked at */
	char name[HT_CODE_NAME_MAX_BYTES];
};

/* The longest piece that is needed in one: buffers are larger. */
#define HT_CODE_TEXT_PIECE_BYTES 16384u

/*
 * Take what can be taken of the next bytes of a perf map; returns how many are done with, the others are to be given
 * again with more. Lines that make no sense are passed over.
 */
size_t ht_code_text_map(struct ht_code_text *text, const char *bytes, size_t n_bytes,
                        ht_code_news_fn *sink, void *context);

/* The same of a jitdump. */
size_t ht_code_text_dump(struct ht_code_text *text, const char *bytes, size_t n_bytes,
                         ht_code_news_fn *sink, void *context);

#endif
