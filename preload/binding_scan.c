/* SPDX-License-Identifier: MIT */
/* Libraries that were opened so that they find another malloc than the recorded one. Target. */
#include "binding_scan.h"

#include "chunk.h"
#include "dynamic_tables.h"
#include "hook_entry.h"
#include "module_table.h"

#include <link.h>

static struct link_map *last_at_start;
static bool is_lock_doubtful;

void ht_binding_scan_setup(void)
{
	struct link_map *map = _r_debug.r_map;

	while (map && map->l_next)
		map = map->l_next;
	last_at_start = map;
}

void ht_binding_scan_forget_lock(void)
{
	is_lock_doubtful = true;
}

#define MAX_IMPORTS 5u

static bool is_allocating(const char *name)
{
	static const char *const wanted[MAX_IMPORTS] = { "malloc", "calloc", "realloc",
		                                         "posix_memalign", "aligned_alloc" };

	for (size_t i = 0; i < MAX_IMPORTS; i++) {
		if (ht_dynamic_is_same_text(name, wanted[i]))
			return true;
	}
	return false;
}

/* Returns how many of the symbols that allocate the module looks for elsewhere. */
static uint32_t find_imports(const struct ht_dynamic_tables *t, uint32_t ret_imports[MAX_IMPORTS])
{
	/* The second number of both: the first symbol that is defined, or how many there are. */
	uint32_t n_symbols = t->gnu_hash ? t->gnu_hash[1] : t->hash ? t->hash[1] : 0;
	uint32_t n = 0;

	for (uint32_t i = 1; t->symbols && t->strings && i < n_symbols && n < MAX_IMPORTS; i++) {
		if (t->symbols[i].st_shndx == SHN_UNDEF &&
		    is_allocating(t->strings + t->symbols[i].st_name))
			ret_imports[n++] = i;
	}
	return n;
}

static bool is_one_of(const uint32_t *imports, uint32_t n, uint64_t symbol)
{
	for (uint32_t i = 0; i < n; i++) {
		if (imports[i] == symbol)
			return true;
	}
	return false;
}

/* What leads back into the library itself was never called, or is its own. */
static bool is_elsewhere(const struct link_map *map, uint64_t function, uint64_t own_map_addr)
{
	struct ht_module_location found;

	return ht_module_table_locate(function, &found) && found.link_map_addr != own_map_addr &&
	       found.link_map_addr != (uint64_t)map;
}

/* Of calls alone: a pointer to malloc in the module's data may be to another function by now. */
static bool has_other_malloc(const struct link_map *map, uint64_t own_map_addr)
{
	struct ht_dynamic_tables t = ht_dynamic_tables_read(map->l_ld, map->l_addr);
	uint32_t imports[MAX_IMPORTS];
	uint32_t n_imports = find_imports(&t, imports);

	for (size_t i = 0; n_imports && i < 2; i++) {
		for (size_t k = 0; k < t.n_relocations[i]; k++) {
			const ElfW(Rela) *rela = &t.relocations[i][k];
			uint64_t type = ELF64_R_TYPE(rela->r_info);

			if ((type == HT_R_JUMP_SLOT || type == HT_R_GLOB_DAT) &&
			    is_one_of(imports, n_imports, ELF64_R_SYM(rela->r_info)) &&
			    is_elsewhere(map, *(const uint64_t *)(map->l_addr + rela->r_offset),
			                 own_map_addr))
				return true;
		}
	}
	return false;
}

static bool put_bypassing(void *ctx, const struct ht_module_record *record, const char *path)
{
	return ht_chunk_put_module(ctx, HT_MODULE_IS_BYPASSING, record, path);
}

static void scan(struct ht_thread *t, const struct link_map *map, uint64_t own_map_addr)
{
	const struct ht_walk_sink sink = { .ctx = t, .module = put_bypassing };

	for (; map; map = map->l_next) {
		if (has_other_malloc(map, own_map_addr))
			ht_module_table_describe((uint64_t)map, &sink);
	}
}

/* While this runs, the loader changes none of its lists: it is called for the sake of that alone. */
static int scan_all(struct dl_phdr_info *info, size_t n_bytes, void *ctx)
{
	struct ht_module_location own;

	(void)info, (void)n_bytes;
	if (!ht_module_table_locate((uint64_t)(uintptr_t)ht_binding_scan_setup, &own))
		return 1;
	scan(ctx, last_at_start->l_next, own.link_map_addr);
#ifdef __GLIBC__
	/* The structure has grown with dlmopen's first namespace. */
	const struct r_debug_extended *names = (const struct r_debug_extended *)&_r_debug;

	while (names->base.r_version >= 2 && (names = names->r_next))
		scan(ctx, names->base.r_map, own.link_map_addr);
#endif
	return 1;
}

static bool has_opened_any(void)
{
	return last_at_start && (last_at_start->l_next || _r_debug.r_version >= 2);
}

/* A fork's child that did not allocate has no part in the recording, and need not get one now. */
__attribute__((destructor)) static void scan_at_end(void)
{
	struct ht_thread *t;

	if (!has_opened_any() || ht_real_calls_are_bypassed() || !ht_hook_enter_active())
		return;
	t = ht_thread_paused_or_self();
	if (t && !is_lock_doubtful)
		dl_iterate_phdr(scan_all, t);
	ht_hook_leave();
}
