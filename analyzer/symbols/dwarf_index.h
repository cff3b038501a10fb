/* SPDX-License-Identifier: MIT */
/* The debug information of one ELF file, indexed by address. Analyzer. */
#ifndef HT_DWARF_INDEX_H
#define HT_DWARF_INDEX_H

#include "analyzer/symbols/symbolizer.h"

#include <elfutils/libdw.h>
#include <stddef.h>
#include <stdint.h>

struct ht_arena;
struct ht_dwarf_index;

/* How much of a function's name the debug information has. */
enum ht_dwarf_name {
	HT_DWARF_NAME_WHOLE = 0,
	HT_DWARF_NAME_BARE, /* without namespace and arguments: C++ functions with internal linkage */
	HT_DWARF_NAME_C,    /* as the source has it; the linker may know it by a better one */
};

/* dw must outlive the index; names are put into arena. Never NULL. */
struct ht_dwarf_index *ht_dwarf_index_new(Dwarf *dw, struct ht_arena *arena);

/* NULL is fine. */
void ht_dwarf_index_free(struct ht_dwarf_index *index);

/*
 * The functions inlined at addr (an address as dw has it), innermost first, and the one they are in.
 * At most max are written to frames; callers beyond that are left out. The module field is left
 * alone. Returns how many were written: 0 when dw does not know addr, a single frame without
 * function when it knows only the line. *ret_name tells what the last frame's function is.
 */
size_t ht_dwarf_index_find(struct ht_dwarf_index *index, uint64_t addr, struct ht_frame_name *frames,
			   size_t max, enum ht_dwarf_name *ret_name);

#endif
