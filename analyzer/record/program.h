/* SPDX-License-Identifier: MIT */
/* Finds the program to record and says beforehand whether it can be. Analyzer. */
#ifndef HT_PROGRAM_H
#define HT_PROGRAM_H

#include <heaptide/error.h>
#include <limits.h>

/*
 * Find name as execvp(3) would and write its path to ret_path.
 * Errors: HT_ERR_NOT_FOUND, HT_ERR_NOT_EXECUTABLE.
 */
enum ht_err ht_program_find(const char *name, char ret_path[PATH_MAX], struct ht_diag *diag)
	HT_MUST_CHECK;

/*
 * Whether LD_PRELOAD will enter the program at path, and the interpreters that its #! lines name.
 * What cannot be told is allowed. diag->msg says why not, and what to do.
 * Errors: HT_ERR_STATIC, HT_ERR_PRIVILEGED, HT_ERR_NOT_EXECUTABLE (another machine's or libc's, or with
 * AddressSanitizer),
 * HT_ERR_NOT_FOUND (the interpreter).
 */
enum ht_err ht_program_check(const char *path, struct ht_diag *diag) HT_MUST_CHECK;

#endif
