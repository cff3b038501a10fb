/* SPDX-License-Identifier: MIT */
/* Finds the allocator that the user wants under the program. Analyzer. */
#ifndef HT_ALLOCATOR_H
#define HT_ALLOCATOR_H

#include <heaptide/error.h>
#include <limits.h>

/*
 * The library of an allocator by its name (jemalloc, tcmalloc, mimalloc), looked for where the loader looks, or by
 * its file name or path. ret_path is absolute, without the characters that LD_PRELOAD splits at.
 * Errors, with diag->msg for the user: HT_ERR_NOT_FOUND; HT_ERR_NOT_EXECUTABLE: it is for other programs, or
 * has no malloc.
 */
enum ht_err ht_allocator_find(const char *name, char ret_path[PATH_MAX],
			      struct ht_diag *diag) HT_MUST_CHECK;

#endif
