/* SPDX-License-Identifier: MIT */
/* Asks libdwfl for separate debug information only when there may be some. Analyzer. */
#include "analyzer/symbols/debug_search.h"

#include "analyzer/base/strbuf.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct name {
	const char *text;
	const char *suffix;
};

static bool exists(const char *prefix, const char *directory, size_t n, const char *between,
                   const struct name *name)
{
	struct ht_strbuf path = { 0 };

	ht_strbuf_add_str(&path, prefix);
	ht_strbuf_add(&path, directory, n);
	ht_strbuf_add_str(&path, between);
	ht_strbuf_add_str(&path, name->text);
	ht_strbuf_add_str(&path, name->suffix);

	bool is_there = access(ht_strbuf_str(&path), F_OK) == 0;

	ht_strbuf_done(&path);
	return is_there;
}

/* The places that dwfl_standard_find_debuginfo() tries, with the name in .gnu_debuglink or FILE.debug. */
static bool may_be_linked(const char *file, const char *debug_link)
{
	const char *slash = strrchr(file, '/');
	size_t n = slash ? (size_t)(slash - file) : 0;
	const struct name name = {
		debug_link ? debug_link
		: slash    ? slash + 1
		           : file,
		debug_link ? "" : ".debug",
	};

	return exists("", file, n, slash ? "/" : "", &name) ||
	       exists("", file, n, slash ? "/.debug/" : ".debug/", &name) ||
	       exists("/usr/lib/debug", file, n, "/", &name) ||
	       exists("/usr/lib/debug/", "", 0, "", &name);
}

static bool may_be_anywhere(const char *file, const char *debug_link)
{
	char *real = realpath(file, NULL);
	bool is_possible =
	        may_be_linked(file, debug_link) || (real && may_be_linked(real, debug_link));

	free(real);
	return is_possible;
}

int ht_debug_search_find(Dwfl_Module *mod, void **userdata, const char *module_name,
                         Dwarf_Addr base, const char *file, const char *debug_link,
                         GElf_Word debug_link_crc, char **ret_path)
{
	const char *servers = getenv("DEBUGINFOD_URLS");
	bool is_searched = (servers && *servers) || !file;

	if (!is_searched) {
		int fd = dwfl_build_id_find_debuginfo(mod, userdata, module_name, base, file,
		                                      debug_link, debug_link_crc, ret_path);

		if (fd >= 0)
			return fd;
		is_searched = may_be_anywhere(file, debug_link);
	}
	return is_searched ? dwfl_standard_find_debuginfo(mod, userdata, module_name, base, file,
	                                                  debug_link, debug_link_crc, ret_path)
	                   : -1;
}
