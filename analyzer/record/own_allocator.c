/* SPDX-License-Identifier: MIT */
/* Tells files that allocate without asking malloc, by their symbols. Analyzer. */
#include "analyzer/record/own_allocator.h"

#include <fcntl.h>
#include <gelf.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#define GO_SYMBOL "runtime.mallocgc"
#define GO_NAME   "a garbage collector (Go)"

/* A function that only this allocator or runtime has, under the names it is built with. */
static const struct {
	const char *symbol;
	const char *name;
} known[] = {
	{ "mi_malloc", "mimalloc" },
	{ "_mi_malloc_generic", "mimalloc" },
	{ "je_malloc", "jemalloc" },
	{ "_rjem_malloc", "jemalloc" },
	{ "_rjem_je_malloc_default", "jemalloc" },
	{ "je_malloc_default", "jemalloc" },
	{ "tc_malloc", "tcmalloc" },
	{ "rpmalloc", "rpmalloc" },
	{ "sn_malloc", "snmalloc" },
	{ "__scudo_malloc", "scudo" },
	{ "dlmalloc", "dlmalloc" },
	{ "moz_arena_malloc", "mozjemalloc" },
	{ "GC_malloc", "a garbage collector (bdwgc)" },
	{ GO_SYMBOL, GO_NAME },
	{ "caml_alloc_shr", "a garbage collector (OCaml)" },
	{ "JVM_MaxMemory", "a garbage collector (Java)" },
	{ "_ZN2v87Isolate3NewERKNS0_12CreateParamsE", "a garbage collector (V8)" },
};

/* Their malloc is the one that is recorded, or calls it, or is a sanitizer's, with which nothing is recorded. */
static const char *const innocent[] = { "libc.so", "libc-",  "ld-linux", "ld-2.", "libheaptide_", "libstdc++.so",
	                                "libc_malloc_debug.so", "libasan.so", "libtsan.so", "liblsan.so" };

struct findings {
	bool has_malloc, has_free;
	bool has_operators;
	bool is_bound_elsewhere; /* its own calls of malloc ask the loader which one that is */
	const char *known;
};

static bool is_innocent(const char *path)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	for (size_t i = 0; i < sizeof(innocent) / sizeof(innocent[0]); i++) {
		if (strncmp(name, innocent[i], strlen(innocent[i])) == 0)
			return true;
	}
	return false;
}

/* "malloc@VERSION" of old static tables is malloc, too. Asked of every symbol of every file: most differ at once. */
static inline bool is_named(const char *name, const char *wanted)
{
	for (; *wanted; name++, wanted++) {
		if (*name != *wanted)
			return false;
	}
	return *name == '\0' || *name == '@';
}

static void look_at_symbols(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, struct findings *f)
{
	Elf_Data *data = sh->sh_entsize ? elf_getdata(scn, NULL) : NULL;
	size_t n = data ? data->d_size / sh->sh_entsize : 0;

	for (size_t i = 0; i < n; i++) {
		GElf_Sym mem, *sym = gelf_getsym(data, (int)i, &mem);

		if (!sym || sym->st_shndx == SHN_UNDEF || GELF_ST_TYPE(sym->st_info) != STT_FUNC)
			continue;

		const char *name = elf_strptr(elf, sh->sh_link, sym->st_name);

		if (!name)
			continue;
		/* One that the linker hides is local. */
		f->has_operators |= is_named(name, "_ZdlPv");
		if (GELF_ST_BIND(sym->st_info) == STB_LOCAL) {
			/* All of Go's are, in a program that C's linker has made. */
			if (!f->known && is_named(name, GO_SYMBOL))
				f->known = GO_NAME;
			continue;
		}
		f->has_malloc |= is_named(name, "malloc");
		f->has_free |= is_named(name, "free");
		for (size_t k = 0; !f->known && k < sizeof(known) / sizeof(known[0]); k++) {
			if (is_named(name, known[k].symbol))
				f->known = known[k].name;
		}
	}
}

static void look_at_relocations(Elf *elf, Elf_Scn *scn, const GElf_Shdr *sh, struct findings *f)
{
	Elf_Data *data = sh->sh_entsize ? elf_getdata(scn, NULL) : NULL;
	Elf_Scn *symbols_scn = elf_getscn(elf, sh->sh_link);
	GElf_Shdr mem, *symbols = symbols_scn ? gelf_getshdr(symbols_scn, &mem) : NULL;
	Elf_Data *symbols_data = symbols ? elf_getdata(symbols_scn, NULL) : NULL;
	size_t n = data && symbols_data ? data->d_size / sh->sh_entsize : 0;

	for (size_t i = 0; i < n && !f->is_bound_elsewhere; i++) {
		GElf_Rela rela_mem, *rela = gelf_getrela(data, (int)i, &rela_mem);
		GElf_Sym sym_mem, *sym;

		if (!rela || GELF_R_SYM(rela->r_info) == 0)
			continue;
		sym = gelf_getsym(symbols_data, (int)GELF_R_SYM(rela->r_info), &sym_mem);

		const char *name = sym ? elf_strptr(elf, symbols->sh_link, sym->st_name) : NULL;

		f->is_bound_elsewhere = name && is_named(name, "malloc");
	}
}

/* -Bsymbolic: the loader finds a library's own functions first. */
static bool is_symbolic(Elf *elf)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr mem, *sh = gelf_getshdr(scn, &mem);
		Elf_Data *data = sh && sh->sh_type == SHT_DYNAMIC && sh->sh_entsize ?
					 elf_getdata(scn, NULL) :
					 NULL;
		size_t n = data ? data->d_size / sh->sh_entsize : 0;

		for (size_t i = 0; i < n; i++) {
			GElf_Dyn dyn_mem, *dyn = gelf_getdyn(data, (int)i, &dyn_mem);

			if (dyn && (dyn->d_tag == DT_SYMBOLIC ||
				    (dyn->d_tag == DT_FLAGS && dyn->d_un.d_val & DF_SYMBOLIC)))
				return true;
		}
	}
	return false;
}

static const char *find_in(Elf *elf, bool is_program, bool *ret_has_operators)
{
	struct findings f = { 0 };
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr mem, *sh = gelf_getshdr(scn, &mem);

		if (sh && (sh->sh_type == SHT_DYNSYM || sh->sh_type == SHT_SYMTAB))
			look_at_symbols(elf, scn, sh, &f);
	}
	*ret_has_operators = f.has_operators;
	if (f.known || !f.has_malloc || !f.has_free)
		return f.known;
	scn = NULL;
	while (!is_program && (scn = elf_nextscn(elf, scn))) {
		GElf_Shdr mem, *sh = gelf_getshdr(scn, &mem);

		if (sh && sh->sh_type == SHT_RELA)
			look_at_relocations(elf, scn, sh, &f);
	}
	return f.is_bound_elsewhere && !is_symbolic(elf) ? NULL : "malloc";
}

const char *ht_own_allocator_of(const char *path, bool is_program, bool *ret_has_operators)
{
	const char *what = NULL;
	int fd = is_innocent(path) ? -1 : open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	*ret_has_operators = false;
	if (fd < 0)
		return NULL;
	elf_version(EV_CURRENT);

	/* Read, not mapped: the file may become shorter meanwhile. */
	Elf *elf = elf_begin(fd, ELF_C_READ, NULL);

	if (elf && elf_kind(elf) == ELF_K_ELF)
		what = find_in(elf, is_program, ret_has_operators);
	elf_end(elf);
	close(fd);
	return what;
}
