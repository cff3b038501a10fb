/* SPDX-License-Identifier: MIT */
/* One executable or library: finding it and its debug information, and asking both. Analyzer. */
#include "analyzer/symbols/symbol_file.h"

#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/symbols/debug_search.h"
#include "analyzer/symbols/debug_sections.h"
#include "analyzer/symbols/dwarf_index.h"
#include "analyzer/symbols/elf_symbols.h"

#include <elfutils/libdwfl.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

struct ht_symbol_file {
	Dwfl *dwfl;
	Dwfl_Module *mod;
	Dwfl_Callbacks callbacks; /* for dwfl, with debuginfo_path in it */
	char *debuginfo_path;     /* NULL is libdwfl's default */
	struct ht_arena *arena;
	struct ht_elf_symbols *symbols;     /* NULL until asked for */
	struct ht_debug_sections *sections; /* of dwarf; may be NULL */
	struct ht_dwarf_index *dwarf;       /* NULL when there is no debug information */
	bool is_dwarf_tried;
	Dwarf_Addr dwarf_bias;        /* address in the file = address in the DWARF + this */
};

/* libdwfl looks beside the file, and in these with the file's directory and name or the build-id. */
#define DEBUG_PATHS_DEFAULT ":.debug:/usr/lib/debug"

static void set_callbacks(struct ht_symbol_file *file, const struct ht_symbol_search *search)
{
	if (search->debug_paths) {
		struct ht_strbuf path = {0};

		ht_strbuf_addf(&path, DEBUG_PATHS_DEFAULT ":%s", search->debug_paths);
		file->debuginfo_path = ht_strbuf_take(&path);
	}
	file->callbacks = (Dwfl_Callbacks){
		.find_elf = dwfl_build_id_find_elf,
		.find_debuginfo =
			search->debug_paths ? dwfl_standard_find_debuginfo : ht_debug_search_find,
		.section_address = dwfl_offline_section_address,
		.debuginfo_path = &file->debuginfo_path,
	};
}

/* Open path as an ELF file at base 0, so that addresses are those in the file. False: reason set. */
static bool open_elf(struct ht_symbol_file *file, const char *path, const char **reason)
{
	struct stat st;

	if (stat(path, &st) != 0) {
		*reason = strerror(errno);
		return false;
	}
	if (!S_ISREG(st.st_mode)) { /* opening a FIFO would wait for ever */
		*reason = "not a regular file";
		return false;
	}
	file->dwfl = dwfl_begin(&file->callbacks);
	if (file->dwfl) {
		dwfl_report_begin(file->dwfl);
		file->mod = dwfl_report_elf(file->dwfl, path, path, -1, 0, true);
		dwfl_report_end(file->dwfl, NULL, NULL);
	}
	if (!file->mod) {
		const char *msg = dwfl_errmsg(-1);

		*reason = msg ? msg : "not an ELF file";
		return false;
	}
	return true;
}

static void close_elf(struct ht_symbol_file *file)
{
	if (file->dwfl)
		dwfl_end(file->dwfl);
	file->dwfl = NULL;
	file->mod = NULL;
}

static bool has_build_id(struct ht_symbol_file *file, const uint8_t *build_id, size_t n_bytes)
{
	const unsigned char *found;
	GElf_Addr vaddr, bias;

	if (!n_bytes)
		return true;
	dwfl_module_getelf(file->mod, &bias); /* the build-id is read with it */

	int n = dwfl_module_build_id(file->mod, &found, &vaddr);

	return n > 0 && (size_t)n == n_bytes && memcmp(found, build_id, n_bytes) == 0;
}

/* DIRECTORY/.build-id/xx/yyyy.debug: has symbols and lines even when the program is gone. */
static void debug_file_path(struct ht_strbuf *path, const char *directory, size_t n,
			    const uint8_t *build_id, size_t n_bytes)
{
	ht_strbuf_clear(path);
	ht_strbuf_add(path, directory, n);
	ht_strbuf_add_str(path, "/.build-id/");
	for (size_t i = 0; i < n_bytes; i++)
		ht_strbuf_addf(path, i == 0 ? "%02x/" : "%02x", build_id[i]);
	ht_strbuf_add_str(path, ".debug");
}

/* What the kernel calls a mapping that is no file, and the names the loader gives the vDSO. */
static bool is_nameless(const char *path)
{
	return !*path || *path == '[' || strncmp(path, "linux-vdso", 10) == 0 ||
	       strncmp(path, "linux-gate", 10) == 0;
}

static const char deleted_suffix[] = " (deleted)";

/* The path without the suffix that the kernel puts behind deleted files; to be released. */
static char *path_before_deletion(const char *path, bool *ret_is_deleted)
{
	size_t n = strlen(path), n_suffix = sizeof(deleted_suffix) - 1;

	*ret_is_deleted = n > n_suffix && strcmp(path + n - n_suffix, deleted_suffix) == 0;
	return ht_xalloc_dup(path, *ret_is_deleted ? n - n_suffix : n);
}

/* Leave file open on path if that is the build that is wanted; else *reason says why not. */
static bool open_build(struct ht_symbol_file *file, const char *path, const uint8_t *build_id,
		       size_t build_id_bytes, const char **reason)
{
	if (open_elf(file, path, reason)) {
		if (has_build_id(file, build_id, build_id_bytes))
			return true;
		*reason = "changed since the recording (its build-id differs)";
	}
	close_elf(file);
	return false;
}

/* The same with separate debug files in the directories of a search path. */
static bool open_debug_file(struct ht_symbol_file *file, const char *directories,
			    const uint8_t *build_id, size_t build_id_bytes)
{
	struct ht_strbuf path = {0};
	const char *ignored;
	bool is_found = false;

	while (directories && *directories && !is_found) {
		size_t n = strcspn(directories, ":");

		debug_file_path(&path, directories, n, build_id, build_id_bytes);
		is_found = n && open_build(file, ht_strbuf_str(&path), build_id, build_id_bytes,
					   &ignored);
		directories += n + (directories[n] == ':');
	}
	ht_strbuf_done(&path);
	return is_found;
}

static bool open_below(struct ht_symbol_file *file, const char *sysroot, const char *path,
		       const uint8_t *build_id, size_t build_id_bytes, const char **reason)
{
	struct ht_strbuf whole = {0};

	ht_strbuf_addf(&whole, "%s/%s", sysroot, path);

	bool is_found = open_build(file, ht_strbuf_str(&whole), build_id, build_id_bytes, reason);

	ht_strbuf_done(&whole);
	return is_found;
}

/* Leave file open on something to believe, or fill why. */
static bool find_elf(struct ht_symbol_file *file, const char *recorded_path, const uint8_t *build_id,
		     size_t build_id_bytes, const struct ht_symbol_search *search,
		     struct ht_strbuf *why)
{
	bool is_deleted;
	char *path = path_before_deletion(recorded_path, &is_deleted);
	const char *reason = NULL;
	bool is_found = false;

	if (is_deleted && !build_id_bytes)
		reason = "deleted while the program ran";
	else if (search->sysroot)
		is_found = open_below(file, search->sysroot, path, build_id, build_id_bytes, &reason);
	/* Below the sysroot is where the right one should be: elsewhere only proof counts. */
	if (!is_found && !(is_deleted && !build_id_bytes) && (!search->sysroot || build_id_bytes))
		is_found = open_build(file, path, build_id, build_id_bytes, &reason);
	if (!is_found && build_id_bytes)
		is_found = open_debug_file(file, search->debug_paths, build_id, build_id_bytes) ||
			   open_debug_file(file, "/usr/lib/debug", build_id, build_id_bytes);
	if (!is_found)
		ht_strbuf_addf(why, "%s: %s; functions in it have no names", path, reason);
	free(path);
	return is_found;
}

struct ht_symbol_file *ht_symbol_file_open(const char *path, const uint8_t *build_id,
					   size_t build_id_bytes,
					   const struct ht_symbol_search *search,
					   struct ht_arena *arena, struct ht_strbuf *why)
{
	if (is_nameless(path))
		return NULL;

	struct ht_symbol_file *file = ht_xalloc_zeroed(1, sizeof(*file));

	set_callbacks(file, search);
	if (!find_elf(file, path, build_id, build_id_bytes, search, why)) {
		ht_symbol_file_close(file);
		return NULL;
	}

	file->arena = arena;
	return file;
}

void ht_symbol_file_close(struct ht_symbol_file *file)
{
	if (!file)
		return;
	ht_dwarf_index_free(file->dwarf);
	ht_elf_symbols_free(file->symbols);
	close_elf(file);
	ht_debug_sections_free(file->sections);
	free(file->debuginfo_path);
	free(file);
}

/* Many files are opened and never asked; reading this may take longer than all else together. */
static struct ht_dwarf_index *dwarf_of(struct ht_symbol_file *file)
{
	if (file->is_dwarf_tried)
		return file->dwarf;
	file->is_dwarf_tried = true;
	file->sections = ht_debug_sections_new(file->mod);

	Dwarf *dw = dwfl_module_getdwarf(file->mod, &file->dwarf_bias);

	if (dw)
		file->dwarf = ht_dwarf_index_new(dw, file->arena);
	return file->dwarf;
}

static struct ht_elf_symbols *symbols_of(struct ht_symbol_file *file)
{
	if (!file->symbols)
		file->symbols = ht_elf_symbols_new(file->mod, file->arena);
	return file->symbols;
}

/* What the symbol table has better than the debug information; else name. */
static const char *better_name(struct ht_symbol_file *file, uint64_t addr, const char *name,
			       enum ht_dwarf_name kind)
{
	const char *better = NULL;

	if (kind == HT_DWARF_NAME_BARE)
		better = ht_elf_symbols_find_qualified(symbols_of(file), addr);
	else if (kind == HT_DWARF_NAME_C)
		better = ht_elf_symbols_find_public(symbols_of(file), addr, name);
	return better ? better : name;
}

size_t ht_symbol_file_find(struct ht_symbol_file *file, uint64_t addr, struct ht_frame_name *frames,
			   size_t max)
{
	struct ht_dwarf_index *dwarf = dwarf_of(file);
	size_t n = 0;
	enum ht_dwarf_name kind;

	if (dwarf)
		n = ht_dwarf_index_find(dwarf, addr - file->dwarf_bias, frames, max, &kind);

	if (n && frames[n - 1].function) {
		frames[n - 1].function =
			better_name(file, addr, frames[n - 1].function, kind);
		return n;
	}

	/* Code without debug information, or assembly with lines but no functions. */
	const char *function = ht_elf_symbols_find(symbols_of(file), addr);

	if (!n) {
		if (!function)
			return 0;
		frames[n++] = (struct ht_frame_name){0};
	}
	frames[n - 1].function = function;
	return n;
}
