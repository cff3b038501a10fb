/* SPDX-License-Identifier: MIT */
/* Numbers as people read them. Analyzer, any thread, no locale. */
#ifndef HT_HUMAN_H
#define HT_HUMAN_H

#include <stdint.h>

/* Room for any of the texts below. */
#define HT_HUMAN_BYTES 32

/*
 * Each writes a NUL-terminated text of at most HT_HUMAN_BYTES - 1 characters to buf and returns buf,
 * so that it can stand among the arguments of a printf.
 */

/* "0 B", "999 B", "1.0 KiB", "12.3 MiB" ... */
char *ht_human_bytes(char buf[HT_HUMAN_BYTES], uint64_t n_bytes);

/* What makes an English noun fit the count before it: "s", or nothing for 1. */
static inline const char *ht_plural(uint64_t n)
{
	return n == 1 ? "" : "s";
}

/* "1,234,567" */
char *ht_human_count(char buf[HT_HUMAN_BYTES], uint64_t n);

/* "950 ns", "12.3 us", "1.204 s", "2 min 03 s", "1 h 02 min" */
char *ht_human_ns(char buf[HT_HUMAN_BYTES], uint64_t ns);

/* "0 %", "<0.1 %", "12.3 %", "100 %"; part of whole, 0 % of nothing. */
char *ht_human_pct(char buf[HT_HUMAN_BYTES], uint64_t part, uint64_t whole);

#endif
