/* SPDX-License-Identifier: MIT */
/* From code addresses of a traced program to function, file and line. Analyzer, one thread at a time. */
#ifndef HT_SYMBOLIZER_H
#define HT_SYMBOLIZER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One frame as people read it. Parts that are not known are NULL (line: 0), never made up. */
struct ht_frame_name {
	const char *function; /* demangled */
	const char *file;     /* source file as the compiler was told it, so relative or absolute */
	const char *module;   /* path of the executable or library, as in the query */
	uint32_t line;
	bool is_inlined; /* inlined into the frame that follows it in the array */
};

/*
 * Where a program was. addr is the address in the traced process, of an instruction inside the
 * call (return address - 1, or the address itself above a signal frame). load_bias is what the
 * loader added to the addresses in the file. module_path is NULL when no file was mapped there.
 * build_id may be NULL with build_id_bytes 0: then any file at that path is believed.
 */
struct ht_symbol_query {
	const char *module_path;
	const uint8_t *build_id;
	size_t build_id_bytes;
	uint64_t load_bias;
	uint64_t addr;
};

struct ht_symbolizer;

/* A symbolizer that has opened nothing yet. Never NULL. */
struct ht_symbolizer *ht_symbolizer_new(void);

/* Release it and every name it gave. NULL is fine. */
void ht_symbolizer_free(struct ht_symbolizer *sym);

/*
 * Name one address. Returns how many frames there are, at least 1: functions inlined at the
 * address come first, innermost first, then the function that really has a frame. *ret_frames is
 * owned by sym and valid until ht_symbolizer_free. The same question is answered from a cache.
 * A file that cannot be used (gone, replaced, not ELF) gives one frame with only the module and
 * one warning for all its addresses (ht_symbolizer_n_warnings).
 */
size_t ht_symbolizer_resolve(struct ht_symbolizer *sym, const struct ht_symbol_query *query,
			     const struct ht_frame_name **ret_frames);

/* What went wrong, one English sentence per file, in the order found, for stderr. */
size_t ht_symbolizer_n_warnings(const struct ht_symbolizer *sym);
const char *ht_symbolizer_warning(const struct ht_symbolizer *sym, size_t i);

#endif
