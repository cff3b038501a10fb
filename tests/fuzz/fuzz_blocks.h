/* SPDX-License-Identifier: MIT */
/* Bytes as a list of blocks, framed well, and read as a trace: for the fuzzer and its regression test. Tests. */
#ifndef HT_FUZZ_BLOCKS_H
#define HT_FUZZ_BLOCKS_H

#include "analyzer/base/strbuf.h"

#include <stddef.h>
#include <stdint.h>

/* Checksums would stop every mutation of a file, so this is what is mutated. */
int LLVMFuzzerTestOneInput(const uint8_t *bytes, size_t n_bytes);

/* The list of blocks of the trace at path. */
void fuzz_blocks_of_trace(const char *path, struct ht_strbuf *list);

#endif
