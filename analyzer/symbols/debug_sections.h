/* SPDX-License-Identifier: MIT */
/* Makes the compressed debug information of a file readable, sooner than libdw would. Analyzer. */
#ifndef HT_DEBUG_SECTIONS_H
#define HT_DEBUG_SECTIONS_H

#include <elfutils/libdwfl.h>

struct ht_debug_sections;

/*
 * Call before dwfl_module_getdwarf(mod). What is returned must outlive mod; may be NULL: there is
 * nothing that is compressed, or libdw has to do it.
 */
struct ht_debug_sections *ht_debug_sections_new(Dwfl_Module *mod);

/* NULL is fine. */
void ht_debug_sections_free(struct ht_debug_sections *sections);

#endif
