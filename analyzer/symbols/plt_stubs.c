/* SPDX-License-Identifier: MIT */
/*
 * The linker's call stubs of one ELF file. Analyzer.
 *
 * Every x86-64 stub, whichever of .plt, .plt.sec, .plt.got it is in, has one `jmp *off(%rip)`
 * through the GOT word that a relocation fills; the relocation has the name.
 */
#include "analyzer/symbols/plt_stubs.h"

#include "analyzer/symbols/range_map.h"

#include <stdbool.h>
#include <string.h>

struct plt {
	Elf *elf;
	GElf_Addr bias;
	struct ht_range_map slots; /* GOT words; values are numbers of dynamic symbols */
	Elf_Data *symbols;
	GElf_Word names_section;
};

#define GOT_SLOT_BYTES 8

static void read_relocations(struct plt *plt, Elf_Scn *scn, const GElf_Shdr *sh)
{
	Elf_Data *data = elf_getdata(scn, NULL);
	GElf_Rela rela;

	if (!data || !sh->sh_entsize)
		return;
	for (int i = 0; gelf_getrela(data, i, &rela); i++) {
		uint32_t type = GELF_R_TYPE(rela.r_info);

		if (type == R_X86_64_JUMP_SLOT || type == R_X86_64_GLOB_DAT)
			ht_range_map_add(&plt->slots, rela.r_offset, rela.r_offset + GOT_SLOT_BYTES, 0,
					 (uint32_t)GELF_R_SYM(rela.r_info));
	}

	GElf_Shdr mem, *symbols = gelf_getshdr(elf_getscn(plt->elf, sh->sh_link), &mem);

	if (symbols && symbols->sh_type == SHT_DYNSYM) {
		plt->symbols = elf_getdata(elf_getscn(plt->elf, sh->sh_link), NULL);
		plt->names_section = symbols->sh_link;
	}
}

static const char *slot_name(const struct plt *plt, uint64_t slot_addr)
{
	uint32_t symbol;
	GElf_Sym sym;

	if (!ht_range_map_find(&plt->slots, slot_addr, &symbol) || !plt->symbols)
		return NULL;
	if (!gelf_getsym(plt->symbols, (int)symbol, &sym))
		return NULL;
	return elf_strptr(plt->elf, plt->names_section, sym.st_name);
}

static void read_stubs(const struct plt *plt, Elf_Scn *scn, const GElf_Shdr *sh, ht_plt_stub_fn *fn,
		       void *data)
{
	Elf_Data *code = elf_getdata(scn, NULL);
	uint64_t stub_bytes = sh->sh_entsize ? sh->sh_entsize : 16;

	if (!code || !code->d_buf)
		return;
	for (uint64_t off = 0; off + stub_bytes <= code->d_size; off += stub_bytes) {
		const uint8_t *stub = (const uint8_t *)code->d_buf + off;

		for (uint64_t i = 0; i + 6 <= stub_bytes; i++) {
			int32_t distance;

			if (stub[i] != 0xff || stub[i + 1] != 0x25)
				continue;
			memcpy(&distance, stub + i + 2, sizeof(distance));

			uint64_t next = sh->sh_addr + off + i + 6;
			const char *name = slot_name(plt, next + (uint64_t)(int64_t)distance);

			if (name && *name)
				fn(data, sh->sh_addr + off + plt->bias, stub_bytes, name);
			break;
		}
	}
}

void ht_plt_stubs_visit(Dwfl_Module *mod, ht_plt_stub_fn *fn, void *data)
{
	struct plt plt = {0};
	GElf_Ehdr ehdr;
	size_t names;

	plt.elf = dwfl_module_getelf(mod, &plt.bias);
	if (!plt.elf || !gelf_getehdr(plt.elf, &ehdr) || ehdr.e_machine != EM_X86_64 ||
	    elf_getshdrstrndx(plt.elf, &names) != 0)
		return;

	GElf_Shdr sh;

	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(plt.elf, scn));) {
		if (gelf_getshdr(scn, &sh) && sh.sh_type == SHT_RELA)
			read_relocations(&plt, scn, &sh);
	}
	ht_range_map_flatten(&plt.slots);
	for (Elf_Scn *scn = NULL; (scn = elf_nextscn(plt.elf, scn));) {
		const char *name;

		if (!gelf_getshdr(scn, &sh) || sh.sh_type != SHT_PROGBITS)
			continue;
		name = elf_strptr(plt.elf, names, sh.sh_name);
		if (name && strncmp(name, ".plt", 4) == 0)
			read_stubs(&plt, scn, &sh, fn, data);
	}
	ht_range_map_done(&plt.slots);
}
