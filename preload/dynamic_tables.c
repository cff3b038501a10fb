/* SPDX-License-Identifier: MIT */
/* The symbols and relocations of a loaded module. Target, any thread, may not allocate. */
#include "dynamic_tables.h"

struct ht_dynamic_tables ht_dynamic_tables_read(const ElfW(Dyn) * dynamic, uintptr_t base)
{
	struct ht_dynamic_tables t = { 0 };
	bool has_rela_calls = true;
	size_t n_relative = 0;

	for (; dynamic->d_tag != DT_NULL; dynamic++) {
		uintptr_t addr = ht_dynamic_in_memory(base, dynamic->d_un.d_ptr);

		switch (dynamic->d_tag) {
		case DT_SYMTAB: t.symbols = (const ElfW(Sym) *)addr; break;
		case DT_STRTAB: t.strings = (const char *)addr; break;
		case DT_GNU_HASH: t.gnu_hash = (const uint32_t *)addr; break;
		case DT_HASH: t.hash = (const uint32_t *)addr; break;
		case DT_VERSYM: t.versions = (_Atomic(uint16_t) *)addr; break;
		case DT_RELA: t.relocations[0] = (const ElfW(Rela) *)addr; break;
		case DT_RELASZ:
			t.n_relocations[0] = dynamic->d_un.d_val / sizeof(ElfW(Rela));
			break;
		case DT_RELACOUNT: n_relative = dynamic->d_un.d_val; break;
		case DT_JMPREL: t.relocations[1] = (const ElfW(Rela) *)addr; break;
		case DT_PLTRELSZ:
			t.n_relocations[1] = dynamic->d_un.d_val / sizeof(ElfW(Rela));
			break;
		case DT_PLTREL: has_rela_calls = dynamic->d_un.d_val == DT_RELA; break;
		default: break;
		}
	}
	for (int i = 0; i < 2; i++) {
		if (!t.relocations[i] || (i == 1 && !has_rela_calls))
			t.n_relocations[i] = 0;
	}
	if (n_relative <= t.n_relocations[0]) {
		t.relocations[0] += n_relative;
		t.n_relocations[0] -= n_relative;
	}
	return t;
}
