/* SPDX-License-Identifier: MIT */
/* Reading /proc/PID/stat. Recorder. */
#ifndef HT_PROC_STAT_H
#define HT_PROC_STAT_H

#include <sys/types.h>

#define HT_PROC_STAT_BYTES 2048u

/*
 * Field 3 and all after it, as text in line, which a zombie has as well; NULL when there is no such
 * process.
 */
const char *ht_proc_stat_read(pid_t pid, char line[HT_PROC_STAT_BYTES]);

#endif
