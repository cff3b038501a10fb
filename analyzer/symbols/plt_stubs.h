/* SPDX-License-Identifier: MIT */
/* The linker's call stubs of one ELF file, which no symbol names. Analyzer. */
#ifndef HT_PLT_STUBS_H
#define HT_PLT_STUBS_H

#include <elfutils/libdwfl.h>
#include <stdint.h>

/* A stub of n_bytes at lo that jumps to the function called target (valid during the call). */
typedef void ht_plt_stub_fn(void *data, uint64_t lo, uint64_t n_bytes, const char *target);

/* Call fn for every stub of the file; none on machines whose stubs we cannot read (not x86-64). */
void ht_plt_stubs_visit(Dwfl_Module *mod, ht_plt_stub_fn *fn, void *data);

#endif
