/* SPDX-License-Identifier: MIT */
/* Names of allocators, and whether a library is one. Analyzer. */
#include "analyzer/record/allocator.h"

#include "analyzer/base/diag.h"

#include <elf.h>
#include <elfutils/libdwfl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const struct allocator {
	const char *name;
	const char *files[4]; /* the better one first; ended by NULL */
	const char *package;  /* of Debian and its relatives */
} allocators[] = {
	{ "jemalloc", { "libjemalloc.so.2", "libjemalloc.so" }, "libjemalloc2" },
	/* The full one has a profiler of its own, which unwinds stacks. */
	{ "tcmalloc", { "libtcmalloc_minimal.so.4", "libtcmalloc.so.4", "libtcmalloc_minimal.so" },
	  "libtcmalloc-minimal4" },
	{ "mimalloc", { "libmimalloc.so.3", "libmimalloc.so.2", "libmimalloc.so" }, "libmimalloc2.0" },
};
#define N_ALLOCATORS (sizeof(allocators) / sizeof(allocators[0]))

/* After those of LD_LIBRARY_PATH. */
static const char *const directories[] = {
	"/usr/local/lib", "/usr/local/lib/" HT_MULTIARCH, "/lib/" HT_MULTIARCH, "/usr/lib/" HT_MULTIARCH,
	"/lib64", "/usr/lib64", "/lib", "/usr/lib",
};
#define N_DIRECTORIES (sizeof(directories) / sizeof(directories[0]))

static bool is_in(const char *dir, size_t n_dir, const char *file, char ret_path[PATH_MAX])
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%.*s/%s", (int)n_dir, dir, file);

	return n_dir && n > 0 && (size_t)n < sizeof(path) && realpath(path, ret_path) != NULL;
}

static bool search(const char *file, char ret_path[PATH_MAX])
{
	const char *more = getenv("LD_LIBRARY_PATH");

	for (const char *dir = more; dir && *dir;) {
		size_t n = strcspn(dir, ":;");

		if (is_in(dir, n, file, ret_path))
			return true;
		dir += n;
		dir += *dir != '\0';
	}
	for (size_t i = 0; i < N_DIRECTORIES; i++) {
		if (is_in(directories[i], strlen(directories[i]), file, ret_path))
			return true;
	}
	return false;
}

static enum ht_err refuse(struct ht_diag *diag, enum ht_err err, const char *name, const char *why)
{
	return ht_diag_set(diag, err, UINT64_MAX, UINT64_MAX, "--allocator=%s: %s", name, why);
}

static enum ht_err locate(const char *name, char ret_path[PATH_MAX], struct ht_diag *diag)
{
	char why[128];

	if (strchr(name, '/'))
		return realpath(name, ret_path) ? HT_OK :
						  refuse(diag, HT_ERR_NOT_FOUND, name, "no such file");
	for (size_t i = 0; i < N_ALLOCATORS; i++) {
		if (strcmp(allocators[i].name, name) != 0)
			continue;
		for (const char *const *file = allocators[i].files; *file; file++) {
			if (search(*file, ret_path))
				return HT_OK;
		}
		snprintf(why, sizeof(why), "%s is not found (Debian: install %s), give its path",
			 allocators[i].files[0], allocators[i].package);
		return refuse(diag, HT_ERR_NOT_FOUND, name, why);
	}
	if (search(name, ret_path))
		return HT_OK;
	return refuse(diag, HT_ERR_NOT_FOUND, name,
		      "not found; jemalloc, tcmalloc, mimalloc or the path of a library");
}

static bool read_header(const char *path, Elf64_Ehdr *ret_header)
{
	FILE *f = fopen(path, "re");
	bool is_read = f && fread(ret_header, sizeof(*ret_header), 1, f) == 1 &&
		       memcmp(ret_header->e_ident, ELFMAG, SELFMAG) == 0;

	if (f)
		fclose(f);
	return is_read;
}

/* Whether programs like ourselves could load it. */
static bool is_our_kind_of_library(const char *path)
{
	Elf64_Ehdr own, its;

	/* Both words are at the same place in files of either class. */
	return read_header(path, &its) && its.e_type == ET_DYN && read_header("/proc/self/exe", &own) &&
	       own.e_ident[EI_CLASS] == its.e_ident[EI_CLASS] && own.e_machine == its.e_machine;
}

/* The library's own symbols do; nothing is to be looked for elsewhere, on servers perhaps. */
static int find_no_debuginfo(Dwfl_Module *module, void **user, const char *name, Dwarf_Addr base,
			     const char *file, const char *link, GElf_Word crc, char **ret_name)
{
	(void)module;
	(void)user;
	(void)name;
	(void)base;
	(void)file;
	(void)link;
	(void)crc;
	(void)ret_name;
	return -1;
}

static bool has_malloc(const char *path)
{
	static const Dwfl_Callbacks callbacks = {
		.find_debuginfo = find_no_debuginfo,
		.section_address = dwfl_offline_section_address,
	};
	Dwfl *dwfl = dwfl_begin(&callbacks);
	Dwfl_Module *module = dwfl ? dwfl_report_offline(dwfl, "", path, -1) : NULL;
	int n = module ? dwfl_module_getsymtab(module) : 0;
	bool is_found = false;

	for (int i = 1; i < n && !is_found; i++) {
		GElf_Sym symbol;
		const char *name = dwfl_module_getsym(module, i, &symbol, NULL);

		is_found = name && symbol.st_shndx != SHN_UNDEF &&
			   GELF_ST_BIND(symbol.st_info) != STB_LOCAL &&
			   (strcmp(name, "malloc") == 0 || strncmp(name, "malloc@", 7) == 0);
	}
	dwfl_end(dwfl);
	return is_found;
}

enum ht_err ht_allocator_find(const char *name, char ret_path[PATH_MAX], struct ht_diag *diag)
{
	char found[PATH_MAX];
	enum ht_err err = locate(name, found, diag);

	if (err != HT_OK)
		return err;
	if (!is_our_kind_of_library(found))
		return refuse(diag, HT_ERR_NOT_EXECUTABLE, name, "not a library for programs of this machine");
	if (!has_malloc(found))
		return refuse(diag, HT_ERR_NOT_EXECUTABLE, name, "the library has no malloc");
	if (strpbrk(found, " :"))
		return refuse(diag, HT_ERR_NOT_EXECUTABLE, name,
			      "LD_PRELOAD cannot name a path that has blanks or colons");
	strcpy(ret_path, found);
	return HT_OK;
}
