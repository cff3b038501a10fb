/* SPDX-License-Identifier: MIT */
/* Where libdwfl looks for the separate debug information of a file. Analyzer. */
#ifndef HT_DEBUG_SEARCH_H
#define HT_DEBUG_SEARCH_H

#include <elfutils/libdwfl.h>

/*
 * A callback find_debuginfo, as dwfl_standard_find_debuginfo(), which it calls only when that may
 * find anything, or when the user wants servers to be asked: the mere attempt loads libdebuginfod, libcurl and some
 * twenty more libraries, which takes longer than a short recording.
 */
int ht_debug_search_find(Dwfl_Module *mod, void **userdata, const char *module_name,
                         Dwarf_Addr base, const char *file, const char *debug_link,
                         GElf_Word debug_link_crc, char **ret_path);

#endif
