/* SPDX-License-Identifier: MIT */
/* Finds the programs that processes of the recording ran and that never attached to it. Analyzer. */
#include "analyzer/record/exec_watch.h"

#include "analyzer/base/u64_map.h"
#include "analyzer/record/proc_stat.h"
#include "analyzer/record/process_finder.h"
#include "analyzer/record/program.h"

#include <limits.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct ht_exec_watch {
	struct ht_region *region;
	struct ht_unseen *unseen;
	struct ht_u64_map attached; /* pid -> tick of its newest image */
	/* Of each note: its process was gone at the last look, and who had attached was not all known then. */
	uint64_t gone_word[HT_N_EXEC_NOTES];
	struct ht_exec_note kept[HT_N_EXEC_NOTES];
};

struct ht_exec_watch *ht_exec_watch_new(struct ht_region *region, struct ht_unseen *unseen)
{
	struct ht_exec_watch *w = calloc(1, sizeof(*w));

	if (!w)
		return NULL;
	w->region = region;
	w->unseen = unseen;
	return w;
}

void ht_exec_watch_free(struct ht_exec_watch *w)
{
	if (!w)
		return;
	ht_u64_map_done(&w->attached);
	free(w);
}

void ht_exec_watch_attached(struct ht_exec_watch *w, uint32_t pid, uint64_t start_tick)
{
	if (w)
		*ht_u64_map_put(&w->attached, pid) = start_tick;
}

static bool is_gone(uint32_t pid)
{
	char line[HT_PROC_STAT_BYTES];
	const char *stat = ht_proc_stat_read((pid_t)pid, line);
	char state;

	return !stat || sscanf(stat, " %c", &state) != 1 || state == 'Z' || state == 'X';
}

/* What was given to exec, as a path from the root as far as can be told here. */
static void find_path(const struct ht_exec_note *note, char ret_path[PATH_MAX])
{
	char given[HT_EXEC_NOTE_PATH_BYTES + 1];
	uint32_t n = note->path_bytes < HT_EXEC_NOTE_PATH_BYTES ? note->path_bytes : HT_EXEC_NOTE_PATH_BYTES;
	struct ht_diag diag;

	memcpy(given, note->path, n);
	given[n] = '\0';
	if (given[0] != '/' && (strchr(given, '/') ? !realpath(given, ret_path) :
						     ht_program_find(given, ret_path, &diag) != HT_OK))
		snprintf(ret_path, PATH_MAX, "%s", given);
	else if (given[0] == '/')
		snprintf(ret_path, PATH_MAX, "%s", given);
}

static void report(struct ht_exec_watch *w, const struct ht_exec_note *note)
{
	char path[PATH_MAX];
	struct ht_diag diag;

	find_path(note, path);
	if (path[0] == '/' && ht_program_check(path, &diag) != HT_OK)
		ht_unseen_add_unrecorded(w->unseen, path, diag.msg);
	else
		ht_unseen_add_unrecorded(w->unseen, path,
					 note->has_environment ?
						 "ended before it could be, or did not find the recording" :
						 "was given an environment without LD_PRELOAD or HEAPTIDE_REGION");
}

/* One note. Settled ones are freed. */
static void look_at(struct ht_exec_watch *w, struct ht_exec_note *note, uint64_t *gone_word, bool is_end)
{
	uint64_t word = atomic_load_explicit(&note->word, memory_order_acquire);
	uint32_t pid = (uint32_t)(word >> 32);
	bool was_gone = *gone_word == word;

	*gone_word = 0;
	if ((uint32_t)word != HT_EXEC_NOTE_SET)
		return;

	const uint64_t *tick = ht_u64_map_get(&w->attached, pid);
	bool has_attached = tick && *tick >= note->tick;
	/* The numbers of other namespaces say nothing here. */
	bool is_ours = ht_process_finder_is_ours(note->pid_namespace);

	if (!has_attached && is_ours && !was_gone && !is_end) {
		*gone_word = is_gone(pid) ? word : 0;
		return;
	}
	if (!has_attached && is_ours)
		report(w, note);
	atomic_store(&note->word, HT_EXEC_NOTE_FREE);
}

void ht_exec_watch_look(struct ht_exec_watch *w)
{
	for (uint32_t i = 0; w && i < HT_N_EXEC_NOTES; i++)
		look_at(w, ht_region_exec_note(w->region->header, i), &w->gone_word[i], false);
}

void ht_exec_watch_keep(struct ht_exec_watch *w)
{
	if (w)
		memcpy(w->kept, ht_region_exec_note(w->region->header, 0), sizeof(w->kept));
}

void ht_exec_watch_finish(struct ht_exec_watch *w)
{
	for (uint32_t i = 0; w && i < HT_N_EXEC_NOTES; i++)
		look_at(w, &w->kept[i], &w->gone_word[i], true);
}
