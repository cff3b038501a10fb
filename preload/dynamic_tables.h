/* SPDX-License-Identifier: MIT */
/* The symbols and relocations of a loaded module, as its dynamic section has them. Target, any thread, may not allocate. */
#ifndef HT_DYNAMIC_TABLES_H
#define HT_DYNAMIC_TABLES_H

#include <link.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* <elf.h> has them for the 64-bit machines we know; the names differ. */
#if defined(__x86_64__)
#define HT_R_ADDRESS   R_X86_64_64
#define HT_R_GLOB_DAT  R_X86_64_GLOB_DAT
#define HT_R_JUMP_SLOT R_X86_64_JUMP_SLOT
#elif defined(__aarch64__)
#define HT_R_ADDRESS   R_AARCH64_ABS64
#define HT_R_GLOB_DAT  R_AARCH64_GLOB_DAT
#define HT_R_JUMP_SLOT R_AARCH64_JUMP_SLOT
#endif

/* What is needed of a module's dynamic section. */
struct ht_dynamic_tables {
	const ElfW(Sym) * symbols;
	const char *strings;
	const uint32_t *gnu_hash, *hash; /* NULL: none */
	_Atomic(uint16_t) *versions;
	const ElfW(Rela) * relocations[2]; /* with symbols: data, calls */
	size_t n_relocations[2];
};

/* dynamic is that of a module loaded at base, and terminated. What it does not have is NULL, or none. */
struct ht_dynamic_tables ht_dynamic_tables_read(const ElfW(Dyn) * dynamic, uintptr_t base);

/* The loader has turned most values that are addresses into such, not all of them and not in every module. */
static inline uintptr_t ht_dynamic_in_memory(uintptr_t base, ElfW(Addr) value)
{
	return value < base ? base + value : value;
}

static inline bool ht_dynamic_is_same_text(const char *a, const char *b)
{
	for (; *a && *a == *b; a++, b++)
		;
	return *a == *b;
}

#endif
