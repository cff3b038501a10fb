/* SPDX-License-Identifier: MIT */
/* One executable or library, found again after the recording, and the names in it. Analyzer. */
#ifndef HT_SYMBOL_FILE_H
#define HT_SYMBOL_FILE_H

#include "analyzer/symbols/symbolizer.h"

struct ht_arena;
struct ht_strbuf;
struct ht_symbol_file;

/*
 * Open what the traced program had mapped as path. With build_id_bytes 0 the file at path (below the
 * sysroot, when there is one) is believed; otherwise only a file with that build-id is: the one at
 * path below the sysroot, the one at path, or else a separate debug file in a debug path or under
 * /usr/lib/debug. NULL when there is none; then why gets one sentence for the user, unless nobody
 * would expect a file ("[vdso]"). Names are put into arena. search must outlive the result.
 */
struct ht_symbol_file *ht_symbol_file_open(const char *path, const uint8_t *build_id,
					   size_t build_id_bytes,
					   const struct ht_symbol_search *search,
					   struct ht_arena *arena, struct ht_strbuf *why);

/* NULL is fine. */
void ht_symbol_file_close(struct ht_symbol_file *file);

/*
 * Name one address of the file, innermost inlined function first, at most max frames, with functions
 * as linkers write them (ht_demangle() makes them readable); the module field is left alone. Returns how many, 0 when nothing is known.
 */
size_t ht_symbol_file_find(struct ht_symbol_file *file, uint64_t addr, struct ht_frame_name *frames,
			   size_t max);

#endif
