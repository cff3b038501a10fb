/* SPDX-License-Identifier: MIT */
/*
 * Inflates the debug sections that names come from, and empties those that are never asked. Analyzer.
 *
 * libdw inflates every section when it opens a file, with zlib. That is most of the time that a short
 * recording takes when the debug information of libc is installed: 10 MB for a few names. libdeflate
 * takes half as long, and where variables live (.debug_loclists) does not interest us at all.
 */
#include "analyzer/symbols/debug_sections.h"

#include "analyzer/base/xalloc.h"
#include "config.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#ifdef HT_WITH_LIBDEFLATE
#include <libdeflate.h>
#endif

/* No debug information of one program is that large; a damaged header may say so. */
#define MAX_SECTION_BYTES (4ull << 30)

struct body {
	void *bytes;
	size_t n_bytes;
};

struct ht_debug_sections {
	struct body *bodies;
	size_t n_bodies, capacity;
};

#ifdef HT_WITH_LIBDEFLATE
static bool is_needed(const char *name)
{
	static const char *const names[] = {
		".debug_info",     ".debug_abbrev",  ".debug_line",        ".debug_str",
		".debug_line_str", ".debug_aranges", ".debug_rnglists",    ".debug_ranges",
		".debug_addr",     ".debug_types",   ".debug_str_offsets",
	};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		if (strcmp(name, names[i]) == 0)
			return true;
	}
	return false;
}

/* A section that is empty will do where only variables or macros are described. */
static bool is_unwanted(const char *name)
{
	return strcmp(name, ".debug_loclists") == 0 || strcmp(name, ".debug_loc") == 0 ||
	       strcmp(name, ".debug_macro") == 0;
}

/* False: libdw is to do it. */
static bool inflate_section(struct libdeflate_decompressor *inflater, Elf *elf, Elf_Scn *scn,
                            struct body *ret_body)
{
	GElf_Chdr mem, *ch = gelf_getchdr(scn, &mem);
	Elf_Data *data = elf_rawdata(scn, NULL);
	size_t header_bytes =
	        gelf_getclass(elf) == ELFCLASS32 ? sizeof(Elf32_Chdr) : sizeof(Elf64_Chdr);

	if (!ch || !data || ch->ch_type != ELFCOMPRESS_ZLIB || data->d_size < header_bytes ||
	    !ch->ch_size || ch->ch_size > MAX_SECTION_BYTES)
		return false;

	/* Large pages are touched once; malloc would keep them. */
	void *bytes =
	        mmap(NULL, ch->ch_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	if (bytes == MAP_FAILED)
		return false;
	madvise(bytes, ch->ch_size, MADV_HUGEPAGE);
	if (libdeflate_zlib_decompress(inflater, (const char *)data->d_buf + header_bytes,
	                               data->d_size - header_bytes, bytes, ch->ch_size,
	                               NULL) != LIBDEFLATE_SUCCESS) {
		munmap(bytes, ch->ch_size);
		return false;
	}
	*ret_body = (struct body){ bytes, ch->ch_size };
	return true;
}

/* Let libdw find bytes where the compressed ones were. */
static void replace(Elf_Scn *scn, GElf_Shdr *sh, void *bytes, size_t n_bytes)
{
	Elf_Data *raw = elf_rawdata(scn, NULL), *data = elf_getdata(scn, NULL);

	sh->sh_flags &= ~(GElf_Xword)SHF_COMPRESSED;
	sh->sh_size = n_bytes;
	if (!raw || !data || !gelf_update_shdr(scn, sh))
		return;
	/* Which of the two libdw asks for depends on its version. */
	raw->d_buf = data->d_buf = bytes;
	raw->d_size = data->d_size = n_bytes;
	raw->d_type = data->d_type = ELF_T_BYTE;
}

static void inflate_all(struct ht_debug_sections *sections,
                        struct libdeflate_decompressor *inflater, Elf *elf, size_t names)
{
	Elf_Scn *scn = NULL;

	while ((scn = elf_nextscn(elf, scn))) {
		GElf_Shdr mem, *sh = gelf_getshdr(scn, &mem);
		const char *name = sh ? elf_strptr(elf, names, sh->sh_name) : NULL;
		struct body body = { "", 0 };

		if (!name || !(sh->sh_flags & SHF_COMPRESSED))
			continue;
		if (is_needed(name)) {
			if (!inflate_section(inflater, elf, scn, &body))
				continue;
			sections->bodies =
			        ht_xalloc_grow(sections->bodies, &sections->capacity,
			                       sections->n_bodies + 1, sizeof(*sections->bodies));
			sections->bodies[sections->n_bodies++] = body;
			replace(scn, sh, body.bytes, body.n_bytes);
		} else if (is_unwanted(name)) {
			replace(scn, sh, body.bytes, 0);
		}
	}
}

/* The file with the debug information: the one that the last symbols come from. */
static Elf *debug_elf(Dwfl_Module *mod)
{
	int n = dwfl_module_getsymtab(mod);
	GElf_Addr addr, bias;
	GElf_Sym sym;
	Elf *elf = NULL;

	if (n > 1 && dwfl_module_getsym_info(mod, n - 1, &sym, &addr, NULL, &elf, &bias) && elf)
		return elf;
	return NULL;
}

struct ht_debug_sections *ht_debug_sections_new(Dwfl_Module *mod)
{
	Elf *elf = debug_elf(mod);
	struct libdeflate_decompressor *inflater = libdeflate_alloc_decompressor();
	struct ht_debug_sections *sections = ht_xalloc_zeroed(1, sizeof(*sections));
	size_t names;

	if (elf && inflater && elf_getshdrstrndx(elf, &names) == 0)
		inflate_all(sections, inflater, elf, names);
	libdeflate_free_decompressor(inflater);
	return sections;
}
#else
struct ht_debug_sections *ht_debug_sections_new(Dwfl_Module *mod)
{
	(void)mod;
	return NULL;
}
#endif

void ht_debug_sections_free(struct ht_debug_sections *sections)
{
	if (!sections)
		return;
	for (size_t i = 0; i < sections->n_bodies; i++)
		munmap(sections->bodies[i].bytes, sections->bodies[i].n_bytes);
	free(sections->bodies);
	free(sections);
}
