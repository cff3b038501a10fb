/* SPDX-License-Identifier: MIT */
/* Starts a recorder for a process that was preloaded by hand. Target, before main. */
#ifndef HT_RECORDER_START_H
#define HT_RECORDER_START_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Start the recorder and get the path of its region as a NUL-terminated string in ret_path. The
 * program sees nothing of it: no child to wait for, no SIGCHLD, no descriptor. On failure, false, with
 * a phrase for people in ret_path.
 */
bool ht_recorder_start(char *ret_path, size_t path_size);

/*
 * Give environ the entry "HEAPTIDE_REGION=path", so that children join the recording. Replaces the
 * array by one of ours, as a program may do itself; libc copies it before it changes it.
 */
void ht_recorder_export_region(const char *path);

/* The value of an environment variable, or NULL; also when environ is not set up yet. */
const char *ht_recorder_getenv(const char *name);

#endif
