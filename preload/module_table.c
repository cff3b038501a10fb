/* SPDX-License-Identifier: MIT */
/* Modules, their generations and the epoch. Target, any thread, may not allocate. */
#include "preload/module_table.h"

#include <dlfcn.h>
#include <elf.h>
#include <link.h>
#include <stddef.h>
#include <sys/auxv.h>

#include <heaptide/shared_region.h>

#include "preload/stack_walk.h"
#include "preload/hot.h"
#include "preload/sys_prim.h"

#define MAX_PATH_BYTES 4095u
#define BLOCK_MODULES  256u
#define N_BLOCKS       128u

enum module_state {
	MODULE_EMPTY = 0, /* not filled in yet, or never */
	MODULE_LIVE = 1,
	MODULE_GONE = 2,
};

struct module {
	_Atomic uint32_t state;
	uint32_t path_hash;
	_Atomic bool is_lost; /* not announced yet */
	uint64_t link_map_addr;
	struct ht_module_record record;
};

struct module_block {
	struct module modules[BLOCK_MODULES];
};

/* The loader is asked through a weak reference: an older glibc does not have this function. */
extern __typeof__(_dl_find_object) _dl_find_object __attribute__((weak));

_Atomic uint32_t ht_module_epoch HT_HOT_VARIABLE = 1;
_Atomic uint32_t ht_module_n_lost;

static _Atomic(struct module_block *) blocks[N_BLOCKS];
static _Atomic uint32_t n_modules; /* given out; a few at the end may still be empty */
static _Atomic(const char *) exe_path;

void ht_module_table_set_exe_path(const char *path)
{
	atomic_store(&exe_path, path);
}

bool ht_module_table_is_supported(void)
{
	return _dl_find_object != NULL;
}

static bool is_all_readable(uint64_t addr, uint64_t n_bytes)
{
	for (uint64_t at = addr & ~4095ull; at < addr + n_bytes; at += 4096)
		if (!ht_sys_is_readable(at))
			return false;
	return true;
}

/* The program headers behind an ELF header at addr; none when there is no ELF header. */
static const ElfW(Phdr) * phdrs_at(uint64_t addr, uint32_t *ret_n)
{
	const ElfW(Ehdr) *ehdr = (const ElfW(Ehdr) *)addr;

	if (!is_all_readable(addr, sizeof *ehdr) ||
	    __builtin_memcmp(ehdr->e_ident, ELFMAG, SELFMAG) != 0 ||
	    ehdr->e_phentsize != sizeof(ElfW(Phdr)) ||
	    !is_all_readable(addr + ehdr->e_phoff, (uint64_t)ehdr->e_phnum * sizeof(ElfW(Phdr))))
		return NULL;
	*ret_n = ehdr->e_phnum;
	return (const ElfW(Phdr) *)(addr + ehdr->e_phoff);
}

/*
 * The mapped program headers of a module, or NULL: those the kernel names for the main program, else
 * behind the ELF header, which is at the start of the map, or where address 0 of the file is.
 */
static const ElfW(Phdr) * find_phdrs(const struct ht_module_location *location, uint32_t *ret_n)
{
	const struct link_map *map = (const struct link_map *)location->link_map_addr;
	const ElfW(Phdr) * phdrs;

	if (map->l_name == NULL || map->l_name[0] == '\0') {
		phdrs = (const ElfW(Phdr) *)getauxval(AT_PHDR);
		*ret_n = (uint32_t)getauxval(AT_PHNUM);
		if (phdrs != NULL && getauxval(AT_PHENT) == sizeof *phdrs)
			return phdrs;
	}
	phdrs = phdrs_at(location->map_start_addr, ret_n);
	return phdrs != NULL ? phdrs : phdrs_at(map->l_addr, ret_n);
}

/* For a module with holes: unwind data and code are in different maps. */
static void find_span(struct ht_module_location *location)
{
	uint64_t bias = ((const struct link_map *)location->link_map_addr)->l_addr;
	uint32_t n_phdrs = 0;
	const ElfW(Phdr) *phdrs = find_phdrs(location, &n_phdrs);

	for (uint32_t i = 0; phdrs != NULL && i < n_phdrs; i++) {
		uint64_t start = bias + phdrs[i].p_vaddr;
		uint64_t end = start + phdrs[i].p_memsz;

		if (phdrs[i].p_type != PT_LOAD)
			continue;
		if (start < location->span_start_addr)
			location->span_start_addr = start;
		if (end > location->span_end_addr)
			location->span_end_addr = end;
	}
}

static bool has_unwind_data(const struct ht_module_location *location)
{
	return location->eh_frame_hdr_addr >= location->span_start_addr &&
	       location->eh_frame_hdr_addr < location->span_end_addr;
}

bool ht_module_table_locate(uint64_t pc, struct ht_module_location *ret_location)
{
	struct dl_find_object found;

	if (_dl_find_object == NULL || _dl_find_object((void *)pc, &found) != 0)
		return false;
	ret_location->map_start_addr = (uint64_t)found.dlfo_map_start;
	ret_location->map_end_addr = (uint64_t)found.dlfo_map_end;
	ret_location->span_start_addr = ret_location->map_start_addr;
	ret_location->span_end_addr = ret_location->map_end_addr;
	ret_location->link_map_addr = (uint64_t)found.dlfo_link_map;
	ret_location->eh_frame_hdr_addr = (uint64_t)found.dlfo_eh_frame;
	if (ret_location->eh_frame_hdr_addr != 0 && !has_unwind_data(ret_location))
		find_span(ret_location);
	return true;
}

static uint32_t modules_in_use(void)
{
	uint32_t n = atomic_load_explicit(&n_modules, memory_order_acquire);

	return n < BLOCK_MODULES * N_BLOCKS ? n : BLOCK_MODULES * N_BLOCKS;
}

/* NULL while the block is being made. */
static struct module *module_at(uint32_t i)
{
	struct module_block *block =
	        atomic_load_explicit(&blocks[i / BLOCK_MODULES], memory_order_acquire);

	return block == NULL ? NULL : &block->modules[i % BLOCK_MODULES];
}

static uint32_t module_state(const struct module *module)
{
	return module == NULL ? MODULE_EMPTY
	                      : atomic_load_explicit(&module->state, memory_order_acquire);
}

/* A fresh, empty entry; NULL when there are too many. */
static struct module *module_new(void)
{
	uint32_t i = atomic_fetch_add(&n_modules, 1);

	if (i >= BLOCK_MODULES * N_BLOCKS) {
		atomic_fetch_sub(&n_modules, 1);
		return NULL;
	}

	_Atomic(struct module_block *) *place = &blocks[i / BLOCK_MODULES];

	if (atomic_load(place) == NULL) {
		struct module_block *expected = NULL;
		struct module_block *block = ht_sys_alloc_pages(sizeof *block);

		if (block == NULL)
			return NULL;
		if (!atomic_compare_exchange_strong(place, &expected, block))
			ht_sys_free_pages(block, sizeof *block);
	}
	return module_at(i);
}

static bool overlaps(const struct module *module, const struct ht_module_location *location)
{
	return module->record.map_start_addr < location->map_end_addr &&
	       location->map_start_addr < module->record.map_end_addr;
}

static bool is_same_range(const struct module *module, const struct ht_module_location *location)
{
	return module->record.map_start_addr == location->map_start_addr &&
	       module->record.map_end_addr == location->map_end_addr;
}

static bool is_same_live(const struct module *module, const struct ht_module_location *location)
{
	return module_state(module) == MODULE_LIVE &&
	       module->link_map_addr == location->link_map_addr && is_same_range(module, location);
}

static void find_build_id_in_notes(uint64_t addr, uint64_t n_bytes, struct ht_module_record *record)
{
	while (n_bytes >= sizeof(ElfW(Nhdr))) {
		const ElfW(Nhdr) *note = (const ElfW(Nhdr) *)addr;
		uint64_t name_bytes = ((uint64_t)note->n_namesz + 3) & ~3ull;
		uint64_t desc_bytes = ((uint64_t)note->n_descsz + 3) & ~3ull;
		uint64_t note_bytes = sizeof *note + name_bytes + desc_bytes;

		if (note_bytes > n_bytes)
			return;
		if (note->n_type == NT_GNU_BUILD_ID && note->n_namesz == 4 &&
		    note->n_descsz <= HT_BUILD_ID_MAX_BYTES) {
			const uint8_t *desc = (const uint8_t *)addr + sizeof *note + name_bytes;

			for (uint32_t i = 0; i < note->n_descsz; i++)
				record->build_id[i] = desc[i];
			record->build_id_bytes = (uint16_t)note->n_descsz;
			return;
		}
		addr += note_bytes;
		n_bytes -= note_bytes;
	}
}

/* A module without program headers, or without such a note, simply has no build-id. */
static void find_build_id(const struct ht_module_location *location,
                          struct ht_module_record *record)
{
	uint32_t n_phdrs = 0;
	const ElfW(Phdr) *phdrs = find_phdrs(location, &n_phdrs);

	for (uint32_t i = 0; phdrs != NULL && i < n_phdrs && record->build_id_bytes == 0; i++) {
		uint64_t addr = record->load_bias + phdrs[i].p_vaddr;

		if (phdrs[i].p_type == PT_NOTE && is_all_readable(addr, phdrs[i].p_memsz))
			find_build_id_in_notes(addr, phdrs[i].p_memsz, record);
	}
}

/* The loader's name of a module: terminated, at most MAX_PATH_BYTES. */
static const char *loader_path(uint64_t link_map_addr, uint32_t *ret_bytes)
{
	const char *path = ((const struct link_map *)link_map_addr)->l_name;

	if (path == NULL || path[0] == '\0')
		path = atomic_load(&exe_path);
	if (path == NULL)
		path = "";

	uint32_t n_bytes = 0;

	while (n_bytes < MAX_PATH_BYTES && path[n_bytes] != '\0')
		n_bytes++;
	*ret_bytes = n_bytes;
	return path;
}

static uint32_t hash_path(const char *path, uint32_t n_bytes)
{
	uint32_t hash = 2166136261u;

	for (uint32_t i = 0; i < n_bytes; i++)
		hash = (hash ^ (uint8_t)path[i]) * 16777619u;
	return hash;
}

static bool is_relative_file(const char *path, uint32_t n_bytes)
{
	if (n_bytes == 0 || path[0] == '/')
		return false;
	for (uint32_t i = 0; i < n_bytes; i++)
		if (path[i] == '/')
			return true;
	return false; /* linux-vdso.so.1 is no file */
}

static bool announce_path(const struct ht_walk_sink *sink, struct ht_module_record *record,
                          const char *path, uint32_t n_bytes)
{
	record->path_bytes = (uint16_t)n_bytes;
	return sink->module(sink->ctx, record, path);
}

/* dlopen("./plugin.so") leaves a relative name; whoever reads the trace has another directory. */
static bool try_announce(const struct ht_walk_sink *sink, const struct module *module)
{
	struct ht_module_record record = module->record;
	uint32_t n_bytes;
	const char *path = loader_path(module->link_map_addr, &n_bytes);
	const size_t buffer_bytes = 2 * (MAX_PATH_BYTES + 1);
	char *buffer = is_relative_file(path, n_bytes) ? ht_sys_alloc_pages(buffer_bytes) : NULL;

	if (buffer == NULL)
		return announce_path(sink, &record, path, n_bytes);

	long n_cwd =
	        ht_sys6(SYS_getcwd, (long)buffer, MAX_PATH_BYTES, 0, 0, 0, 0); /* counts the NUL */
	bool is_done;

	if (!ht_sys_is_error(n_cwd) && buffer[0] == '/' &&
	    (uint64_t)n_cwd + n_bytes <= MAX_PATH_BYTES) {
		uint32_t skip = n_bytes > 2 && path[0] == '.' && path[1] == '/' ? 2 : 0;

		buffer[n_cwd - 1] = '/';
		for (uint32_t i = skip; i < n_bytes; i++)
			buffer[(uint32_t)n_cwd + i - skip] = path[i];
		is_done = announce_path(sink, &record, buffer, (uint32_t)n_cwd + n_bytes - skip);
	} else {
		is_done = announce_path(sink, &record, path, n_bytes);
	}
	ht_sys_free_pages(buffer, buffer_bytes);
	return is_done;
}

void ht_module_table_describe(uint64_t link_map_addr, const struct ht_walk_sink *sink)
{
	const struct module module = { .link_map_addr = link_map_addr };

	(void)try_announce(sink, &module);
}

static void announce(const struct ht_walk_sink *sink, struct module *module)
{
	if (try_announce(sink, module))
		return;
	atomic_store(&module->is_lost, true);
	atomic_fetch_add(&ht_module_n_lost, 1);
}

static bool is_same_build(const struct module *module, const struct ht_module_record *record,
                          uint32_t path_hash)
{
	return record->build_id_bytes != 0 &&
	       module->record.build_id_bytes == record->build_id_bytes &&
	       __builtin_memcmp(module->record.build_id, record->build_id,
	                        sizeof record->build_id) == 0 &&
	       module->record.load_bias == record->load_bias && module->path_hash == path_hash;
}

static void forget(struct module *module)
{
	uint32_t live = MODULE_LIVE;

	if (atomic_compare_exchange_strong(&module->state, &live, MODULE_GONE))
		atomic_fetch_add(&ht_module_epoch, 1);
}

/*
 * A module that is new here: choose its generation. The same build at the same place as before says
 * nothing new: its addresses mean what they meant.
 */
static uint32_t add(const struct ht_module_location *location, const struct ht_walk_sink *sink)
{
	struct module *back = NULL;
	struct ht_module_record record = {
		.map_start_addr = location->map_start_addr,
		.map_end_addr = location->map_end_addr,
		.load_bias = ((const struct link_map *)location->link_map_addr)->l_addr,
	};
	uint32_t path_bytes;
	const char *path = loader_path(location->link_map_addr, &path_bytes);
	uint32_t path_hash = hash_path(path, path_bytes);

	find_build_id(location, &record);
	for (uint32_t i = 0; i < modules_in_use(); i++) {
		struct module *other = module_at(i);

		if (module_state(other) == MODULE_EMPTY || !overlaps(other, location))
			continue;
		if (is_same_live(other, location))
			return other->record.generation; /* another thread was faster */
		forget(other);                           /* it went unseen if it was still live */
		if (other->record.generation >= record.generation)
			record.generation = other->record.generation + 1;
		if (is_same_range(other, location) && is_same_build(other, &record, path_hash))
			back = other;
	}
	if (back != NULL) {
		back->link_map_addr = location->link_map_addr;
		atomic_store_explicit(&back->state, MODULE_LIVE, memory_order_release);
		sink->watch(sink->ctx, location->link_map_addr);
		return back->record.generation;
	}

	struct module *module = module_new();

	if (module != NULL) {
		module->record = record;
		module->path_hash = path_hash;
		module->link_map_addr = location->link_map_addr;
		atomic_store_explicit(&module->state, MODULE_LIVE, memory_order_release);
		sink->watch(sink->ctx, location->link_map_addr);
		announce(sink, module);
	}
	return record.generation;
}

uint32_t ht_module_table_see(const struct ht_module_location *location,
                             const struct ht_walk_sink *sink)
{
	for (uint32_t i = 0; i < modules_in_use(); i++) {
		struct module *module = module_at(i);

		if (is_same_live(module, location))
			return module->record.generation;
	}
	return add(location, sink);
}

uint32_t ht_module_table_generation(uint64_t pc)
{
	for (uint32_t i = 0; i < modules_in_use(); i++) {
		struct module *module = module_at(i);

		if (module_state(module) == MODULE_LIVE &&
		    pc - module->record.map_start_addr <
		            module->record.map_end_addr - module->record.map_start_addr)
			return module->record.generation;
	}
	return 0;
}

void ht_module_table_link_map_freed(uint64_t addr)
{
	for (uint32_t i = 0; i < modules_in_use(); i++) {
		struct module *module = module_at(i);

		if (module_state(module) == MODULE_LIVE && module->link_map_addr == addr)
			forget(module);
	}
}

void ht_module_table_announce_lost(const struct ht_walk_sink *sink)
{
	for (uint32_t i = 0; i < modules_in_use(); i++) {
		struct module *module = module_at(i);
		bool is_lost = true;

		if (module_state(module) == MODULE_EMPTY ||
		    !atomic_compare_exchange_strong(&module->is_lost, &is_lost, false))
			continue; /* or another thread has it in hand */
		atomic_fetch_sub(&ht_module_n_lost, 1);
		/* The loader's name of a module that has gone has gone with it. */
		if (module_state(module) == MODULE_LIVE)
			announce(sink, module);
	}
}
