/* SPDX-License-Identifier: MIT */
/* From code addresses of a traced program to function, file and line. Analyzer, one thread at a time. */
#ifndef HT_SYMBOLIZER_H
#define HT_SYMBOLIZER_H

#include "analyzer/symbols/demangle.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* One frame as people read it. Parts that are not known are NULL (line: 0), never made up. */
struct ht_frame_name {
	const char *function; /* demangled, as ht_symbolizer_set_demangle() says */
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
struct ht_stored_symbols;
struct ht_symbol_block;

/* Where files are looked for that are not where the traced program had them. */
struct ht_symbol_search {
	const char *sysroot;     /* a directory in which recorded paths are looked up first; or NULL */
	const char *debug_paths; /* directories with separate debug files, with ':' between; or NULL */
};

/* A symbolizer that has opened nothing yet. Never NULL. */
struct ht_symbolizer *ht_symbolizer_new(void);

/* Release it and every name it gave. NULL is fine. */
void ht_symbolizer_free(struct ht_symbolizer *sym);

/* Before the first question: look there too. The strings must outlive sym. */
void ht_symbolizer_set_search(struct ht_symbolizer *sym, const struct ht_symbol_search *search);

/* Before the first question: how names are to be shown; HT_DEMANGLE_FULL without it. */
void ht_symbolizer_set_demangle(struct ht_symbolizer *sym, enum ht_demangle_style style);

/*
 * Before the first question: take names from stored, which must outlive sym. What is in it is
 * answered without opening a file; with are_files_better only what no file answers.
 */
void ht_symbolizer_set_stored(struct ht_symbolizer *sym, const struct ht_stored_symbols *stored,
			      bool are_files_better);

/*
 * Name one address. Returns how many frames there are, at least 1: functions inlined at the
 * address come first, innermost first, then the function that really has a frame. *ret_frames is
 * owned by sym and valid until ht_symbolizer_free. The same question is answered from a cache.
 * A file that cannot be used (gone, replaced, not ELF) gives one frame with only the module and
 * one warning for all its addresses (ht_symbolizer_n_warnings).
 */
size_t ht_symbolizer_resolve(struct ht_symbolizer *sym, const struct ht_symbol_query *query,
			     const struct ht_frame_name **ret_frames);

/*
 * The same in two steps, for many addresses that are only to be saved: the number of the module
 * that the query names (path and build-id; it stays the same), whose file is opened if need be ...
 */
size_t ht_symbolizer_module(struct ht_symbolizer *sym, const struct ht_symbol_query *query);

/* ... and the answer for an address as the file counts, kept for ht_symbolizer_save(). */
void ht_symbolizer_prepare(struct ht_symbolizer *sym, size_t module, uint64_t file_addr);

/* Put every answer so far into blocks, and flush them. False when the sink of block refused some. */
bool ht_symbolizer_save(const struct ht_symbolizer *sym, struct ht_symbol_block *block);

/* How many addresses were answered, and how many of them with a function. */
size_t ht_symbolizer_n_answers(const struct ht_symbolizer *sym);
size_t ht_symbolizer_n_named(const struct ht_symbolizer *sym);

/* What went wrong, one English sentence per file, in the order found, for stderr. */
size_t ht_symbolizer_n_warnings(const struct ht_symbolizer *sym);
const char *ht_symbolizer_warning(const struct ht_symbolizer *sym, size_t i);

#endif
