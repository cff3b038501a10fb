/* SPDX-License-Identifier: MIT */
/* Tells the recorder which programs are about to run, so that it can say which of them it never saw. Target, any thread. */
#include "exec_note.h"

#include "clock.h"
#include "lifecycle.h"
#include "sys_prim.h"

#include <heaptide/env.h>
#include <stdbool.h>
#include <stddef.h>

#define PAGE_BYTES     4096u
#define MAX_PATH_BYTES 4096u
#define NO_PAGE        1u

/* Pointers that the kernel would refuse with EFAULT must not be followed. Looks at one page after the other. */
static bool is_readable(const void *p, uint64_t *page)
{
	uint64_t of_it = (uintptr_t)p & -(uint64_t)PAGE_BYTES;

	if (of_it != *page && ht_sys_is_readable(of_it))
		*page = of_it;
	return of_it == *page;
}

/* Whether the text at s, which ends or is followed by what is not readable, begins with a prefix. */
static bool starts_with(const char *s, const char *prefix, uint64_t *page)
{
	for (; *prefix; s++, prefix++) {
		if (!is_readable(s, page) || *s != *prefix)
			return false;
	}
	return true;
}

static bool has_variables(char *const *envp)
{
	uint64_t array_page = NO_PAGE, page = NO_PAGE;
	bool has_region = false, has_preload = false;

	for (; envp && is_readable(envp, &array_page) && *envp; envp++) {
		has_region |= starts_with(*envp, HEAPTIDE_ENV_REGION "=", &page);
		has_preload |= starts_with(*envp, "LD_PRELOAD=", &page);
	}
	return has_region && has_preload;
}

static uint32_t length_of(const char *path)
{
	uint64_t page = NO_PAGE;
	uint32_t n = 0;

	while (n < MAX_PATH_BYTES && is_readable(path + n, &page) && path[n])
		n++;
	return n;
}

static void fill(struct ht_exec_note *note, const char *path, uint32_t n_bytes, char *const *envp)
{
	uint32_t skip = n_bytes > HT_EXEC_NOTE_PATH_BYTES ? n_bytes - HT_EXEC_NOTE_PATH_BYTES : 0;

	note->tick = ht_clock_tick();
	note->pid_namespace = ht_process.pid_namespace;
	note->has_environment = has_variables(envp);
	note->path_bytes = n_bytes - skip;
	for (uint32_t i = skip; i < n_bytes; i++)
		note->path[i - skip] = path[i];
}

/* A free one, filled in and CLAIMED. */
static struct ht_exec_note *claim(const char *path, char *const *envp)
{
	struct ht_region_header *region = ht_process.region;

	if (!region || !path || ht_sys_is_confined)
		return NULL;

	uint32_t n_bytes = length_of(path);

	if (n_bytes == 0)
		return NULL;
	for (uint32_t i = 0; i < HT_N_EXEC_NOTES; i++) {
		struct ht_exec_note *note = ht_region_exec_note(region, i);
		uint64_t free_word = HT_EXEC_NOTE_FREE;

		if (atomic_compare_exchange_strong(&note->word, &free_word, HT_EXEC_NOTE_CLAIMED)) {
			fill(note, path, n_bytes, envp);
			return note;
		}
	}
	return NULL;
}

struct ht_exec_note *ht_exec_note_add(const char *path, char *const *envp)
{
	struct ht_exec_note *note = claim(path, envp);

	if (note)
		ht_exec_note_set_child(note, ht_sys_getpid());
	return note;
}

struct ht_exec_note *ht_exec_note_add_child(const char *path, char *const *envp)
{
	return claim(path, envp);
}

void ht_exec_note_set_child(struct ht_exec_note *note, uint32_t pid)
{
	if (note)
		atomic_store(&note->word, (uint64_t)pid << 32 | HT_EXEC_NOTE_SET);
}

void ht_exec_note_remove(struct ht_exec_note *note)
{
	if (note)
		atomic_store(&note->word, HT_EXEC_NOTE_FREE);
}
