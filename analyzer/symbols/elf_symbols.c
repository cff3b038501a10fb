/* SPDX-License-Identifier: MIT */
/* The function symbols of one ELF file, for code without debug information. Analyzer. */
#include "analyzer/symbols/elf_symbols.h"

#include "analyzer/base/arena.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/symbols/demangle.h"
#include "analyzer/symbols/plt_stubs.h"
#include "analyzer/symbols/range_map.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct symbol {
	uint64_t lo;
	uint64_t hi; /* equal to lo until bound_unsized() found the end */
	const char *raw;
	const char *name; /* raw without version, when first asked for */
	uint32_t priority;
	bool is_public; /* other files can call it */
};

struct ht_elf_symbols {
	struct ht_arena *arena;
	struct symbol *symbols;
	size_t n_symbols;
	size_t capacity;
	struct ht_range_map sections; /* with code; values are indexes of sections */
	struct ht_range_map map;      /* values are indexes of symbols */
};

static void find_code_sections(struct ht_elf_symbols *t, Dwfl_Module *mod)
{
	GElf_Addr bias;
	Elf *elf = dwfl_module_getelf(mod, &bias);
	Elf_Scn *scn = NULL;

	while (elf && (scn = elf_nextscn(elf, scn))) {
		GElf_Shdr mem, *sh = gelf_getshdr(scn, &mem);

		if (sh && (sh->sh_flags & SHF_EXECINSTR))
			ht_range_map_add(&t->sections, sh->sh_addr + bias,
					 sh->sh_addr + sh->sh_size + bias, 0,
					 (uint32_t)elf_ndxscn(scn));
	}
	ht_range_map_flatten(&t->sections);
}

static bool is_public(const GElf_Sym *sym)
{
	int bind = GELF_ST_BIND(sym->st_info), visibility = GELF_ST_VISIBILITY(sym->st_other);

	return (bind == STB_GLOBAL || bind == STB_WEAK || bind == STB_GNU_UNIQUE) &&
	       (visibility == STV_DEFAULT || visibility == STV_PROTECTED);
}

/* "NAME@VERSION", for programs linked long ago; "NAME@@VERSION" is what new ones get. */
static bool is_old_version(const char *name)
{
	const char *at = strchr(name + 1, '@');

	return at && at[1] != '@';
}

static uint32_t n_underscores(const char *name)
{
	size_t n = strspn(name, "_");

	return (uint32_t)(n < 10 ? n : 10);
}

/*
 * Which of several names of one function to show: the one that people call it by. libc's "__open" is
 * global and "open" weak, so which of the two a name is says nothing.
 */
static uint32_t symbol_priority(const GElf_Sym *sym, const char *name)
{
	uint32_t priority = 0;

	if (sym->st_size)
		priority += 1000;
	if (is_public(sym))
		priority += 200;
	else if (GELF_ST_BIND(sym->st_info) != STB_LOCAL)
		priority += 100;
	if (!is_old_version(name))
		priority += 20;
	/* "malloc" and "__libc_malloc" are equal in all else. */
	return priority + 10 - n_underscores(name);
}

static bool is_code_symbol(struct ht_elf_symbols *t, const GElf_Sym *sym, uint64_t addr)
{
	int type = GELF_ST_TYPE(sym->st_info);
	uint32_t section;

	if (sym->st_shndx == SHN_UNDEF)
		return false;
	if (type != STT_FUNC && type != STT_GNU_IFUNC && type != STT_NOTYPE)
		return false;
	return ht_range_map_find(&t->sections, addr, &section);
}

static struct symbol *add_symbol(struct ht_elf_symbols *t, uint64_t lo, uint64_t n_bytes)
{
	t->symbols =
		ht_xalloc_grow(t->symbols, &t->capacity, t->n_symbols + 1, sizeof(*t->symbols));

	struct symbol *s = &t->symbols[t->n_symbols++];

	*s = (struct symbol){.lo = lo, .hi = lo + n_bytes};
	return s;
}

static void read_symbols(struct ht_elf_symbols *t, Dwfl_Module *mod)
{
	int n = dwfl_module_getsymtab(mod);

	for (int i = 1; i < n; i++) {
		GElf_Sym sym;
		GElf_Addr addr;
		const char *name = dwfl_module_getsym_info(mod, i, &sym, &addr, NULL, NULL, NULL);

		if (!name || !*name || !is_code_symbol(t, &sym, addr))
			continue;

		struct symbol *s = add_symbol(t, addr, sym.st_size);

		s->raw = name;
		s->priority = symbol_priority(&sym, name);
		s->is_public = is_public(&sym);
	}
}

static void add_plt_stub(void *t_, uint64_t lo, uint64_t n_bytes, const char *target)
{
	struct ht_elf_symbols *t = t_;
	const char *bare = ht_demangle_cut_version(t->arena, target);
	size_t n = strlen(bare);
	char *name = ht_arena_alloc(t->arena, n + sizeof("@plt"));

	memcpy(name, bare, n);
	memcpy(name + n, "@plt", sizeof("@plt"));

	struct symbol *s = add_symbol(t, lo, n_bytes);

	s->raw = name;
	s->name = name;
}

static int compare_symbols(const void *a_, const void *b_)
{
	const struct symbol *a = a_, *b = b_;

	if (a->lo != b->lo)
		return a->lo < b->lo ? -1 : 1;

	/* "tmpfile" before "tmpfile64", whatever versions there are; the same answer in every run. */
	size_t a_chars = strcspn(a->raw, "@"), b_chars = strcspn(b->raw, "@");
	int order = strncmp(a->raw, b->raw, a_chars < b_chars ? a_chars : b_chars);

	if (order != 0 || a_chars != b_chars)
		return order != 0 ? order : a_chars < b_chars ? -1 : 1;
	return strcmp(a->raw, b->raw);
}

/* The section that ends after addr, by its end; sections are few. */
static uint64_t section_end(const struct ht_elf_symbols *t, uint64_t addr)
{
	for (size_t i = 0; i < t->sections.n_ranges; i++) {
		const struct ht_range *r = &t->sections.ranges[i];

		if (addr >= r->lo && addr < r->hi)
			return r->hi;
	}
	return addr;
}

static void bound_unsized(struct ht_elf_symbols *t)
{
	uint64_t next = UINT64_MAX;

	for (size_t i = t->n_symbols; i-- > 0;) {
		struct symbol *s = &t->symbols[i];

		if (i + 1 < t->n_symbols && t->symbols[i + 1].lo != s->lo)
			next = t->symbols[i + 1].lo;
		if (s->hi == s->lo) {
			uint64_t end = section_end(t, s->lo);

			s->hi = end < next ? end : next;
		}
	}
}

struct ht_elf_symbols *ht_elf_symbols_new(Dwfl_Module *mod, struct ht_arena *arena)
{
	struct ht_elf_symbols *t = ht_xalloc_zeroed(1, sizeof(*t));

	t->arena = arena;
	find_code_sections(t, mod);
	read_symbols(t, mod);
	ht_plt_stubs_visit(mod, add_plt_stub, t);
	if (t->n_symbols)
		qsort(t->symbols, t->n_symbols, sizeof(*t->symbols), compare_symbols);
	bound_unsized(t);
	for (size_t i = 0; i < t->n_symbols; i++) {
		const struct symbol *s = &t->symbols[i];

		ht_range_map_add(&t->map, s->lo, s->hi, s->priority, (uint32_t)i);
	}
	ht_range_map_flatten(&t->map);
	return t;
}

void ht_elf_symbols_free(struct ht_elf_symbols *symbols)
{
	if (!symbols)
		return;
	ht_range_map_done(&symbols->sections);
	ht_range_map_done(&symbols->map);
	free(symbols->symbols);
	free(symbols);
}

static const char *symbol_name(struct ht_elf_symbols *symbols, struct symbol *s)
{
	if (!s->name)
		s->name = ht_demangle_cut_version(symbols->arena, s->raw);
	return s->name;
}

static struct symbol *find_symbol(struct ht_elf_symbols *symbols, uint64_t addr)
{
	uint32_t i;

	return ht_range_map_find(&symbols->map, addr, &i) ? &symbols->symbols[i] : NULL;
}

const char *ht_elf_symbols_find(struct ht_elf_symbols *symbols, uint64_t addr)
{
	struct symbol *s = find_symbol(symbols, addr);

	return s ? symbol_name(symbols, s) : NULL;
}

const char *ht_elf_symbols_find_qualified(struct ht_elf_symbols *symbols, uint64_t addr)
{
	struct symbol *s = find_symbol(symbols, addr);

	return s && ht_demangle_is_mangled(s->raw) ? symbol_name(symbols, s) : NULL;
}

/* How many characters at the end of name the symbol is; 0: it ends otherwise. */
static size_t n_shared(const struct symbol *s, const char *name)
{
	size_t n = strlen(name), n_own = strcspn(s->raw, "@");

	return n_own <= n && strncmp(name + n - n_own, s->raw, n_own) == 0 ? n_own : 0;
}

const char *ht_elf_symbols_find_public(struct ht_elf_symbols *symbols, uint64_t addr,
				       const char *name)
{
	struct symbol *best = find_symbol(symbols, addr);

	if (!best || !best->is_public)
		return NULL;

	size_t i = (size_t)(best - symbols->symbols);
	uint32_t priority = best->priority;
	uint64_t lo = best->lo;

	/* "siglongjmp" for "__libc_siglongjmp", not "longjmp", which is as public. */
	while (i > 0 && symbols->symbols[i - 1].lo == lo)
		i--;
	for (; i < symbols->n_symbols && symbols->symbols[i].lo == lo; i++) {
		struct symbol *other = &symbols->symbols[i];

		if (other->is_public && other->priority == priority &&
		    n_shared(other, name) > n_shared(best, name))
			best = other;
	}
	return symbol_name(symbols, best);
}
