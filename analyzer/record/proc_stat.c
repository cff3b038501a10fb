/* SPDX-License-Identifier: MIT */
/* Reading /proc/PID/stat. Recorder. */
#include "analyzer/record/proc_stat.h"

#include <stdio.h>
#include <string.h>

const char *ht_proc_stat_read(pid_t pid, char line[HT_PROC_STAT_BYTES])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	FILE *f = fopen(path, "re");

	if (!f)
		return NULL;
	size_t n = fread(line, 1, HT_PROC_STAT_BYTES - 1, f);

	fclose(f);
	line[n] = '\0';
	/* The name, field 2, may hold anything: the last parenthesis ends it. */
	char *at = strrchr(line, ')');

	return at ? at + 1 : NULL;
}
