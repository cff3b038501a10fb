/* SPDX-License-Identifier: MIT */
/* Looks through /proc for the process behind a slot. Analyzer. */
#include "analyzer/record/process_finder.h"

#include "analyzer/record/clock_source.h"
#include "analyzer/record/proc_stat.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>

/* A fruitless search of all of /proc is not repeated sooner. */
#define SEARCH_INTERVAL_NS 1000000000ull

enum mapped {
	MAPPED,
	NOT_MAPPED,
	NOTHING_MAPPED, /* a process that is just ending, or a thread of the kernel */
	CANNOT_LOOK,
};

/* State letter and parent from /proc/PID/stat. False: no such process. */
static bool read_stat(pid_t pid, char *ret_state, pid_t *ret_ppid)
{
	char line[HT_PROC_STAT_BYTES];
	const char *stat = ht_proc_stat_read(pid, line);

	return stat && sscanf(stat, " %c %d", ret_state, ret_ppid) == 2;
}

static enum mapped list_has_region(const struct ht_region *region, pid_t pid)
{
	char path[64];
	char *line = NULL;
	size_t size = 0;
	enum mapped result = NOTHING_MAPPED;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	errno = 0;
	FILE *f = fopen(path, "re");

	/* ESRCH: newer kernels refuse what others show as an empty list. */
	if (!f)
		return errno == EACCES || errno == EPERM ? CANNOT_LOOK : NOTHING_MAPPED;
	while (result != MAPPED && getline(&line, &size, f) > 0) {
		unsigned int dev_major;
		unsigned int dev_minor;
		unsigned long long ino;

		result = NOT_MAPPED;

		if (sscanf(line, "%*s %*s %*s %x:%x %llu", &dev_major, &dev_minor, &ino) == 3 &&
		    ino == region->ino && dev_major == major(region->dev) &&
		    dev_minor == minor(region->dev))
			result = MAPPED;
	}
	/* Reading is refused later than opening in some kernels. */
	if (result != MAPPED && ferror(f) && (errno == EACCES || errno == EPERM))
		result = CANNOT_LOOK;
	free(line);
	fclose(f);
	return result;
}

/*
 * The list is read in pieces, and breaks off when the process ends between two of them. That it has
 * any mapping afterwards says that the list was whole.
 */
static enum mapped has_region(const struct ht_region *region, pid_t pid)
{
	enum mapped mapped = list_has_region(region, pid);

	if (mapped == NOT_MAPPED && list_has_region(region, pid) != NOT_MAPPED)
		return NOTHING_MAPPED;
	return mapped;
}

bool ht_process_finder_has_left(const struct ht_region *region, pid_t pid)
{
	return has_region(region, pid) == NOT_MAPPED;
}

/* Whether pid is known as inner in a pid namespace below ours. */
static bool has_inner_pid(pid_t pid, pid_t inner)
{
	char path[64];
	char line[256];
	bool is_it = false;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	while (fgets(line, sizeof(line), f)) {
		if (strncmp(line, "NSpid:", 6) != 0)
			continue;
		/* Ours first, its own last; one number means the same namespace. */
		char *last = strrchr(line, '\t');

		is_it = last && last != strchr(line, '\t') && atoi(last + 1) == inner;
		break;
	}
	fclose(f);
	return is_it;
}

static pid_t search(const struct ht_region *region, pid_t inner)
{
	static uint64_t last_fruitless_ns;
	uint64_t now_ns = ht_clock_source_ns();
	pid_t found = 0;

	if (last_fruitless_ns && now_ns - last_fruitless_ns < SEARCH_INTERVAL_NS)
		return 0;

	DIR *dir = opendir("/proc");
	struct dirent *entry;

	if (!dir)
		return 0;
	while (!found && (entry = readdir(dir))) {
		pid_t pid = (pid_t)atoi(entry->d_name);

		if (!isdigit((unsigned char)entry->d_name[0]) || !has_inner_pid(pid, inner))
			continue;
		enum mapped mapped = has_region(region, pid);

		if (mapped == MAPPED || mapped == CANNOT_LOOK)
			found = pid;
	}
	closedir(dir);
	last_fruitless_ns = found ? 0 : now_ns;
	return found;
}

bool ht_process_finder_is_ours(uint64_t pid_namespace)
{
	static _Atomic uint64_t ours;
	struct stat st;

	if (!ours && stat("/proc/self/ns/pid", &st) == 0)
		ours = st.st_ino;
	return ours && ours == pid_namespace;
}

/* What the process with this number in our own namespace is. */
static enum ht_found look_at(const struct ht_region *region, pid_t pid, pid_t ppid)
{
	pid_t ppid_now = 0;
	char state = '\0';

	if (!read_stat(pid, &state, &ppid_now))
		return HT_FOUND_NOT;
	/* A zombie has no mappings any more, only its number. */
	if (state == 'Z')
		return HT_FOUND;
	switch (has_region(region, pid)) {
	case MAPPED:
	case CANNOT_LOOK: return HT_FOUND;
	case NOT_MAPPED: return ppid && ppid_now == ppid ? HT_FOUND_EXEC : HT_FOUND_NOT;
	case NOTHING_MAPPED: return ppid && ppid_now == ppid ? HT_FOUND : HT_FOUND_NOT;
	}
	return HT_FOUND_NOT;
}

enum ht_found ht_process_finder_find(const struct ht_region *region, pid_t pid, pid_t ppid,
				     uint64_t pid_namespace, pid_t *ret_pid)
{
	bool is_ours = ht_process_finder_is_ours(pid_namespace);
	enum ht_found found = HT_FOUND_NOT;
	pid_t inner = 0;

	if (pid <= 0)
		return HT_FOUND_NOT;
	/* The first process of a namespace has no parent there: its number 1 is not our number 1. */
	if (is_ours || (!pid_namespace && ppid))
		found = look_at(region, pid, ppid);
	/* Looking through all of /proc takes a while, in which others end unseen. */
	if (found != HT_FOUND && !is_ours)
		inner = search(region, pid);
	if (found != HT_FOUND_NOT || inner)
		*ret_pid = inner ? inner : pid;
	return inner ? HT_FOUND : found;
}
