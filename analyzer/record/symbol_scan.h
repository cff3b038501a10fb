/* SPDX-License-Identifier: MIT */
/* Finds the places in code that a growing trace names, and their functions. Analyzer. */
#ifndef HT_SYMBOL_SCAN_H
#define HT_SYMBOL_SCAN_H

#include <stdbool.h>
#include <stdint.h>

struct ht_symbol_scan;
struct ht_symbol_block;

/* fd is the trace, open for reading; it stays the caller's. Never NULL. */
struct ht_symbol_scan *ht_symbol_scan_new(int fd);

/* NULL is fine. */
void ht_symbol_scan_free(struct ht_symbol_scan *scan);

/*
 * Take what is new in the file up to end_bytes, where a block must end, and look up what it names.
 * False when a block there cannot be read; then the scan is good for nothing more.
 */
bool ht_symbol_scan_to(struct ht_symbol_scan *scan, uint64_t end_bytes);

/* Put the names of everything found into blocks. False when the sink of block refused some. */
bool ht_symbol_scan_save(const struct ht_symbol_scan *scan, struct ht_symbol_block *block);

#endif
