/* SPDX-License-Identifier: MIT */
/* Where the shim is, and how LD_PRELOAD must name it. Analyzer. */
#ifndef HT_SHIM_PATH_H
#define HT_SHIM_PATH_H

#include <heaptide/error.h>
#include <limits.h>

struct ht_shim_path {
	char path[PATH_MAX];    /* absolute, without the characters that LD_PRELOAD splits at */
	char link_dir[PATH_MAX]; /* private directory made for that; empty when none was needed */
};

/*
 * HEAPTIDE_PRELOAD, or the shim of the build tree or installation that this executable is in.
 * Release with ht_shim_path_done(). Errors: HT_ERR_NOT_FOUND, HT_ERR_IO.
 */
enum ht_err ht_shim_path_init(struct ht_shim_path *shim, struct ht_diag *diag) HT_MUST_CHECK;
void ht_shim_path_done(struct ht_shim_path *shim);

/*
 * The value of LD_PRELOAD that has the shim first and keeps the rest of before (may be NULL), to be
 * released with free(). Other names of a shim are dropped from it. shim NULL: only that.
 */
char *ht_shim_path_preload_value(const char *before, const char *shim);

/* Take all shims out of this process's LD_PRELOAD, for children that are not to be recorded. */
void ht_shim_path_clean_environment(void);

#endif
