/* SPDX-License-Identifier: MIT */
/*
 * The debug information of one ELF file, indexed by address. Analyzer.
 *
 * libdw's own address lookup needs .debug_aranges, which clang and rustc do not write, and its
 * scope lookup walks a whole unit for every address. So that table is asked first; when it does not
 * know an address the ranges of all units are read, once. Those of the functions of a unit are read
 * when the first address in it is asked for.
 */
#include "analyzer/symbols/dwarf_index.h"

#include "analyzer/base/arena.h"
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/symbols/demangle.h"
#include "analyzer/symbols/range_map.h"

#include <dwarf.h>
#include <stdlib.h>

/* No compiler nests deeper; a damaged file may. */
#define SCOPE_DEPTH_MAX 512

#define NO_SCOPE UINT32_MAX

/* A function, or one place where a function was inlined. */
struct scope {
	Dwarf_Die die;
	uint32_t outer;   /* the scope this one is inlined into, NO_SCOPE for a function */
	const char *name; /* when first asked for */
	bool is_bare;     /* name is not a linkage name; valid with name */
};

struct unit {
	Dwarf_Die die;
	Dwarf_Off off;   /* of the unit's own entry in the file */
	bool has_linkage_names; /* its language has more to a name than C has */
	bool is_read;
	struct scope *scopes;
	size_t n_scopes;
	size_t capacity;
	struct ht_range_map map; /* values are indexes of scopes */
};

struct ht_dwarf_index {
	struct ht_arena *arena;
	Dwarf *dw;
	Dwarf_Aranges *aranges; /* what a compiler says where code is, NULL: nothing */
	bool is_scanned;        /* all units are known */
	struct unit *units;
	size_t n_units;
	size_t capacity;
	struct ht_range_map map; /* values are indexes of units */
};

/*
 * Add the code of die. Sections that the linker threw away keep their debug information with an
 * address of 0, where no function of a program can be. Returns whether there was any range.
 */
static bool add_ranges(struct ht_range_map *map, Dwarf_Die *die, uint32_t depth, uint32_t value)
{
	Dwarf_Addr base, lo, hi;
	ptrdiff_t off = 0;
	bool has_ranges = false;

	while ((off = dwarf_ranges(die, off, &base, &lo, &hi)) > 0) {
		has_ranges = true;
		if (lo)
			ht_range_map_add(map, lo, hi, depth, value);
	}
	return has_ranges;
}

/* Units without ranges of their own: take those of their functions. */
static void add_function_ranges(struct ht_range_map *map, Dwarf_Die *unit, uint32_t value)
{
	Dwarf_Die die;

	if (dwarf_child(unit, &die) != 0)
		return;
	do {
		if (dwarf_tag(&die) == DW_TAG_subprogram)
			add_ranges(map, &die, 0, value);
	} while (dwarf_siblingof(&die, &die) == 0);
}

static bool has_linkage_names(Dwarf_Die *unit)
{
	switch (dwarf_srclang(unit)) {
	case DW_LANG_C:
	case DW_LANG_C89:
	case DW_LANG_C99:
	case DW_LANG_C11:
	case DW_LANG_Mips_Assembler:
		return false;
	default:
		return true;
	}
}

static uint32_t add_unit(struct ht_dwarf_index *index, Dwarf_Off off, Dwarf_Die *die)
{
	index->units = ht_xalloc_grow(index->units, &index->capacity, index->n_units + 1,
				      sizeof(*index->units));
	index->units[index->n_units] = (struct unit){
		.die = *die,
		.off = off,
		.has_linkage_names = has_linkage_names(die),
	};
	return (uint32_t)index->n_units++;
}

/* Read where the code of every unit is. Units that are known already keep what was read of them. */
static void scan_units(struct ht_dwarf_index *index)
{
	Dwarf_CU *cu = NULL;
	uint8_t type;
	Dwarf_Die die, split_die;
	struct ht_u64_map known = {0};

	for (size_t i = 0; i < index->n_units; i++)
		*ht_u64_map_put(&known, index->units[i].off) = i;
	index->is_scanned = true;
	while (dwarf_get_units(index->dw, cu, &cu, NULL, &type, &die, &split_die) == 0) {
		if (type != DW_UT_compile && type != DW_UT_skeleton)
			continue;

		Dwarf_Off off = dwarf_dieoffset(&die);
		const uint64_t *at = ht_u64_map_get(&known, off);
		uint32_t i = at ? (uint32_t)*at :
				  add_unit(index, off, split_die.addr ? &split_die : &die);

		if (!add_ranges(&index->map, &die, 0, i))
			add_function_ranges(&index->map, &index->units[i].die, i);
	}
	ht_range_map_flatten(&index->map);
	ht_u64_map_done(&known);
}

/* The unit at addr, by the table that gcc writes. Reading all 2,000 units of libc takes 8 ms. */
static bool find_by_aranges(struct ht_dwarf_index *index, uint64_t addr, uint32_t *ret_unit)
{
	Dwarf_Arange *range = index->aranges ? dwarf_getarange_addr(index->aranges, addr) : NULL;
	Dwarf_Addr start;
	Dwarf_Off off;
	Dwarf_Die die, split_die;

	/* A start of 0 is code that the linker threw away. */
	if (!range || dwarf_getarangeinfo(range, &start, NULL, &off) != 0 || !start)
		return false;
	for (uint32_t i = 0; i < index->n_units; i++) {
		if (index->units[i].off == off) {
			*ret_unit = i;
			return true;
		}
	}
	if (!dwarf_offdie(index->dw, off, &die) ||
	    dwarf_cu_info(die.cu, NULL, NULL, NULL, &split_die, NULL, NULL, NULL) != 0)
		return false;
	*ret_unit = add_unit(index, off, split_die.addr ? &split_die : &die);
	return true;
}

static bool find_unit(struct ht_dwarf_index *index, uint64_t addr, uint32_t *ret_unit)
{
	if (!index->is_scanned) {
		if (find_by_aranges(index, addr, ret_unit))
			return true;
		scan_units(index);
	}
	return ht_range_map_find(&index->map, addr, ret_unit);
}

struct ht_dwarf_index *ht_dwarf_index_new(Dwarf *dw, struct ht_arena *arena)
{
	struct ht_dwarf_index *index = ht_xalloc_zeroed(1, sizeof(*index));
	size_t n;

	index->arena = arena;
	index->dw = dw;
	if (dwarf_getaranges(dw, &index->aranges, &n) != 0)
		index->aranges = NULL;
	return index;
}

void ht_dwarf_index_free(struct ht_dwarf_index *index)
{
	if (!index)
		return;
	for (size_t i = 0; i < index->n_units; i++) {
		free(index->units[i].scopes);
		ht_range_map_done(&index->units[i].map);
	}
	free(index->units);
	ht_range_map_done(&index->map);
	free(index);
}

static bool may_hold_functions(int tag)
{
	switch (tag) {
	case DW_TAG_subprogram:
	case DW_TAG_inlined_subroutine:
	case DW_TAG_lexical_block:
	case DW_TAG_try_block:
	case DW_TAG_catch_block:
	case DW_TAG_namespace:
	case DW_TAG_module:
	case DW_TAG_class_type:
	case DW_TAG_structure_type:
	case DW_TAG_union_type:
		return true;
	default:
		return false;
	}
}

/* Read the functions below parent, which is (in) the scope `inside`. */
static void read_scopes(struct unit *unit, Dwarf_Die *parent, uint32_t inside, uint32_t depth)
{
	Dwarf_Die die;

	if (depth > SCOPE_DEPTH_MAX || dwarf_child(parent, &die) != 0)
		return;
	do {
		int tag = dwarf_tag(&die);
		uint32_t here = inside;

		if (!may_hold_functions(tag))
			continue;
		if (tag == DW_TAG_subprogram || tag == DW_TAG_inlined_subroutine) {
			here = (uint32_t)unit->n_scopes;
			unit->scopes = ht_xalloc_grow(unit->scopes, &unit->capacity, here + 1u,
						      sizeof(*unit->scopes));
			unit->scopes[unit->n_scopes++] = (struct scope){
				.die = die,
				.outer = tag == DW_TAG_subprogram ? NO_SCOPE : inside,
			};
			add_ranges(&unit->map, &die, depth, here);
		}
		if (dwarf_haschildren(&die))
			read_scopes(unit, &die, here, depth + 1);
	} while (dwarf_siblingof(&die, &die) == 0);
}

static const char *scope_name(struct ht_dwarf_index *index, struct scope *scope)
{
	if (scope->name)
		return scope->name;

	Dwarf_Attribute attr;
	const char *linkage = NULL;

	if (dwarf_attr_integrate(&scope->die, DW_AT_linkage_name, &attr) ||
	    dwarf_attr_integrate(&scope->die, DW_AT_MIPS_linkage_name, &attr))
		linkage = dwarf_formstring(&attr);

	/* C has linkage names too, of aliases such as "__GI_qsort"; those are nobody's name for it. */
	scope->is_bare = !linkage || !ht_demangle_is_mangled(linkage);
	if (scope->is_bare)
		scope->name = dwarf_diename(&scope->die);
	if (!scope->name && linkage)
		scope->name = ht_demangle_cut_version(index->arena, linkage);
	return scope->name;
}

/* Where the code of an inlined scope stands in the function around it. */
static void read_call_site(struct unit *unit, struct scope *scope, struct ht_frame_name *frame)
{
	Dwarf_Attribute attr;
	Dwarf_Word file, line;
	Dwarf_Files *files;
	size_t n_files;

	if (dwarf_formudata(dwarf_attr(&scope->die, DW_AT_call_line, &attr), &line) == 0)
		frame->line = (uint32_t)line;
	if (dwarf_formudata(dwarf_attr(&scope->die, DW_AT_call_file, &attr), &file) == 0 &&
	    dwarf_getsrcfiles(&unit->die, &files, &n_files) == 0 && file < n_files)
		frame->file = dwarf_filesrc(files, file, NULL, NULL);
}

static void read_line(struct unit *unit, uint64_t addr, struct ht_frame_name *frame)
{
	Dwarf_Line *line = dwarf_getsrc_die(&unit->die, addr);
	int number = 0;

	if (!line)
		return;
	frame->file = dwarf_linesrc(line, NULL, NULL);
	if (dwarf_lineno(line, &number) == 0 && number > 0)
		frame->line = (uint32_t)number;
}

size_t ht_dwarf_index_find(struct ht_dwarf_index *index, uint64_t addr, struct ht_frame_name *frames,
			   size_t max, enum ht_dwarf_name *ret_name)
{
	uint32_t i;

	if (!max || !find_unit(index, addr, &i))
		return 0;

	struct unit *unit = &index->units[i];

	if (!unit->is_read) {
		read_scopes(unit, &unit->die, NO_SCOPE, 0);
		ht_range_map_flatten(&unit->map);
		unit->is_read = true;
	}

	uint32_t s;
	size_t n = 1;

	*ret_name = HT_DWARF_NAME_WHOLE;
	frames[0] = (struct ht_frame_name){0};
	read_line(unit, addr, &frames[0]);
	if (!ht_range_map_find(&unit->map, addr, &s))
		return n;
	for (;;) {
		struct scope *scope = &unit->scopes[s];

		frames[n - 1].function = scope_name(index, scope);
		*ret_name = !scope->is_bare          ? HT_DWARF_NAME_WHOLE
			    : unit->has_linkage_names ? HT_DWARF_NAME_BARE
						      : HT_DWARF_NAME_C;
		if (scope->outer == NO_SCOPE || n == max)
			return n;
		frames[n - 1].is_inlined = true;
		frames[n] = (struct ht_frame_name){0};
		read_call_site(unit, scope, &frames[n]);
		s = scope->outer;
		n++;
	}
}
