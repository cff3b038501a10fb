/* SPDX-License-Identifier: MIT */
/* The function symbols of one ELF file, for code without debug information. Analyzer. */
#ifndef HT_ELF_SYMBOLS_H
#define HT_ELF_SYMBOLS_H

#include <elfutils/libdwfl.h>
#include <stdint.h>

struct ht_arena;
struct ht_elf_symbols;

/*
 * Read .symtab of the file or of its separate debug file, else .dynsym, with what .gnu_debugdata
 * adds. mod must have been reported at base 0 and must outlive the result; names are put into
 * arena. Never NULL; a file without symbols gives an empty table.
 */
struct ht_elf_symbols *ht_elf_symbols_new(Dwfl_Module *mod, struct ht_arena *arena);

/* NULL is fine. */
void ht_elf_symbols_free(struct ht_elf_symbols *symbols);

/*
 * The linker's name of the function at an address of the file, without version ("NAME@plt" for a
 * linker's stub), or NULL. A symbol answers for the bytes its size covers; one without a size (assembly) until
 * the next symbol or the end of its section.
 */
const char *ht_elf_symbols_find(struct ht_elf_symbols *symbols, uint64_t addr);

/*
 * The same, but only of a symbol that is mangled: its demangled form has namespaces and argument
 * types, which the debug information of functions with internal linkage spells as a bare name.
 */
const char *ht_elf_symbols_find_qualified(struct ht_elf_symbols *symbols, uint64_t addr);

/*
 * The name by which others call the C function at an address, which its debug information calls name:
 * "fopen" for "_IO_new_fopen". NULL when others cannot call it.
 */
const char *ht_elf_symbols_find_public(struct ht_elf_symbols *symbols, uint64_t addr,
				       const char *name);

#endif
