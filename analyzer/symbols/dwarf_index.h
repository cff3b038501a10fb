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

/* dw must outlive the index; names are put into arena. Never NULL. */
struct ht_dwarf_index *ht_dwarf_index_new(Dwarf *dw, struct ht_arena *arena);

/* NULL is fine. */
void ht_dwarf_index_free(struct ht_dwarf_index *index);

/*
 * The functions inlined at addr (an address as dw has it), innermost first, and the one they are in.
 * At most max are written to frames; callers beyond that are left out. The module field is left
 * alone. Returns how many were written: 0 when dw does not know addr, a single frame without
 * function when it knows only the line. *ret_is_bare tells that the last frame's function is a
 * name without namespace and arguments, as C has them and C++ functions with internal linkage.
 */
size_t ht_dwarf_index_find(struct ht_dwarf_index *index, uint64_t addr, struct ht_frame_name *frames,
			   size_t max, bool *ret_is_bare);

#endif
