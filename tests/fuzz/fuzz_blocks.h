/* SPDX-License-Identifier: MIT */
/* Bytes read as a trace, for the fuzzers and their regression test: whatever they are, the numbers agree. Tests. */
#ifndef HT_FUZZ_BLOCKS_H
#define HT_FUZZ_BLOCKS_H

#include "analyzer/base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

/* A list of blocks, framed well. Checksums would stop every mutation of a file, so this is what is mutated. */
void fuzz_blocks(const uint8_t *bytes, size_t n_bytes);

/* A trace of heaptrack. */
void fuzz_import(const uint8_t *bytes, size_t n_bytes);

/* The trace at path, if it is one. */
void fuzz_trace(const char *path);

/* The list of blocks of the trace at path. */
void fuzz_blocks_of_trace(const char *path, struct ht_strbuf *list);

#endif
