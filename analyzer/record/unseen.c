/* SPDX-License-Identifier: MIT */
/* Collects what a recording knows that it cannot see, and writes it down at the end. Analyzer. */
#include "analyzer/record/unseen.h"

#include "analyzer/record/own_allocator.h"

#include <heaptide/trace_codec.h>
#include <heaptide/trace_format.h>

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX_FILES  4096u
#define ITEM_BYTES (PATH_MAX + 256u)
#define MAX_ITEMS  256u
#define MAX_PROGRAMS 128u

struct file {
	char *path;
	bool is_program;
	bool has_libraries; /* of the program, found */
	bool is_recorded;   /* as the allocator that it is */
	uint32_t n_bypassed; /* processes that had its malloc, not the recorded one */
	uint32_t n_bypassing; /* processes in which it had another malloc */
};

struct unrecorded {
	char *path;
	char *reason;
	uint64_t n;
};

/* A hash table of files, open, half empty at least, and a list of programs. */
struct ht_unseen {
	struct file files[2 * MAX_FILES];
	size_t n_files;
	struct unrecorded programs[MAX_PROGRAMS];
	size_t n_programs;
};

struct ht_unseen *ht_unseen_new(void)
{
	return calloc(1, sizeof(struct ht_unseen));
}

void ht_unseen_free(struct ht_unseen *unseen)
{
	for (size_t i = 0; unseen && i < 2 * MAX_FILES; i++)
		free(unseen->files[i].path);
	for (size_t i = 0; unseen && i < unseen->n_programs; i++) {
		free(unseen->programs[i].path);
		free(unseen->programs[i].reason);
	}
	free(unseen);
}

static size_t hash_of(const char *path, size_t n_bytes)
{
	uint64_t hash = 14695981039346656037u;

	for (size_t i = 0; i < n_bytes; i++)
		hash = (hash ^ (uint8_t)path[i]) * 1099511628211u;
	return (size_t)(hash >> 20);
}

/* The place of the file of this path, empty when it is new. NULL when it is none. */
static struct file *place_of(struct ht_unseen *unseen, const char *path, size_t n_bytes)
{
	if (!unseen || n_bytes == 0 || n_bytes >= PATH_MAX || path[0] != '/')
		return NULL;
	for (size_t i = hash_of(path, n_bytes);; i++) {
		struct file *file = &unseen->files[i % (2 * MAX_FILES)];

		if (!file->path ||
		    (strncmp(file->path, path, n_bytes) == 0 && !file->path[n_bytes]))
			return file;
	}
}

/* The file of this path, added when it is new. NULL when it is none, or one too many. */
static struct file *find(struct ht_unseen *unseen, const char *path, size_t n_bytes)
{
	struct file *file = place_of(unseen, path, n_bytes);

	if (file && !file->path && unseen->n_files < MAX_FILES) {
		file->path = strndup(path, n_bytes);
		unseen->n_files += file->path != NULL;
	}
	return file && file->path ? file : NULL;
}

void ht_unseen_add_library(struct ht_unseen *unseen, const char *path, size_t n_bytes)
{
	find(unseen, path, n_bytes);
}

/* Each file of which code is mapped. False when there is none: the process is just ending. */
static bool add_mapped(struct ht_unseen *unseen, pid_t pid)
{
	char path[64];
	char *line = NULL;
	size_t size = 0;
	ssize_t n_bytes;
	bool has_any = false;

	snprintf(path, sizeof(path), "/proc/%d/maps", (int)pid);
	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	while ((n_bytes = getline(&line, &size, f)) > 0) {
		char *name = memchr(line, '/', (size_t)n_bytes);
		char *rights = memchr(line, ' ', (size_t)n_bytes);

		if (name && rights && strlen(rights) > 4 && rights[3] == 'x')
			has_any |= find(unseen, name, strcspn(name, "\n")) != NULL;
	}
	free(line);
	fclose(f);
	return has_any;
}

void ht_unseen_add_program(struct ht_unseen *unseen, pid_t pid, const char *exe, size_t n_bytes)
{
	struct file *file = find(unseen, exe, n_bytes);

	if (!file)
		return;
	file->is_program = true;
	/* Once for all processes that run it. */
	if (!file->has_libraries && pid > 0)
		file->has_libraries = add_mapped(unseen, pid);
}

void ht_unseen_add_allocator(struct ht_unseen *unseen, const char *path, size_t n_bytes,
			     bool is_bypassing)
{
	char name[PATH_MAX], real[PATH_MAX];

	if (n_bytes == 0 || n_bytes >= PATH_MAX)
		return;
	memcpy(name, path, n_bytes);
	name[n_bytes] = '\0';

	struct file *file = realpath(name, real) ? find(unseen, real, strlen(real)) : NULL;

	if (file && is_bypassing)
		file->n_bypassed++;
	else if (file)
		file->is_recorded = true;
}

void ht_unseen_add_bypassing(struct ht_unseen *unseen, const char *path, size_t n_bytes)
{
	struct file *file = find(unseen, path, n_bytes);

	if (file)
		file->n_bypassing++;
}

void ht_unseen_add_unrecorded(struct ht_unseen *unseen, const char *path, const char *reason)
{
	for (size_t i = 0; unseen && i < unseen->n_programs; i++) {
		struct unrecorded *known = &unseen->programs[i];

		if (strcmp(known->path, path) == 0 && strcmp(known->reason, reason) == 0) {
			known->n++;
			return;
		}
	}
	if (!unseen || unseen->n_programs == MAX_PROGRAMS)
		return;

	struct unrecorded added = { strdup(path), strdup(reason), 1 };

	if (added.path && added.reason) {
		unseen->programs[unseen->n_programs++] = added;
		return;
	}
	free(added.path);
	free(added.reason);
}

/* The allocator that nothing is recorded of. A link says nothing that the file behind it does not say. */
static const char *own_allocator_of(struct ht_unseen *unseen, const struct file *file,
				    bool *ret_has_operators)
{
	char real[PATH_MAX];
	const char *what;

	*ret_has_operators = false;
	if (!file->path || file->is_recorded)
		return NULL;
	what = ht_own_allocator_of(file->path, file->is_program, ret_has_operators);
	if (!what || !realpath(file->path, real) || strcmp(real, file->path) == 0)
		return what;
	return place_of(unseen, real, strlen(real))->path ? NULL : what;
}

/* The body of an UNSEEN block. */
struct items {
	uint8_t *body;
	struct ht_put put;
	uint32_t n;
};

/* False when there is no memory. One too many is left out. */
static bool put_item(struct items *items, enum ht_unseen_kind kind, uint64_t n, const char *path,
		     const char *detail)
{
	if (!items->body) {
		items->body = calloc(MAX_ITEMS, ITEM_BYTES);
		if (!items->body)
			return false;
		items->put = ht_put_init(items->body, MAX_ITEMS * ITEM_BYTES);
	}
	if (items->n == MAX_ITEMS)
		return true;
	ht_put_u64(&items->put, kind);
	ht_put_u64(&items->put, n);
	ht_put_bytes(&items->put, path, strlen(path));
	ht_put_bytes(&items->put, detail, strlen(detail));
	items->n++;
	return true;
}

static bool put_file(struct ht_unseen *unseen, const struct file *file, struct items *items)
{
	bool has_operators;
	const char *what = own_allocator_of(unseen, file, &has_operators);
	bool is_good = true;

	/* A program's own malloc is known by its symbols as well. */
	if (file->n_bypassed && !file->is_program)
		is_good = put_item(items, HT_UNSEEN_MALLOC, file->n_bypassed, file->path, "");
	else if (what)
		is_good = put_item(items, HT_UNSEEN_OWN_ALLOCATOR, 1, file->path, what);
	if (file->n_bypassing && !what)
		is_good = is_good && put_item(items, HT_UNSEEN_BYPASSING, file->n_bypassing, file->path, "");
	if (has_operators)
		is_good = is_good && put_item(items, HT_UNSEEN_OPERATORS, 1, file->path, "");
	return is_good;
}

enum ht_err ht_unseen_write(struct ht_unseen *unseen, struct ht_block_writer *blocks,
			    struct ht_diag *diag)
{
	struct ht_block_meta meta = { .type = HT_BLOCK_UNSEEN };
	struct items items = { 0 };
	enum ht_err err = HT_OK;
	bool is_good = true;

	for (size_t i = 0; unseen && i < unseen->n_programs; i++)
		is_good &= put_item(&items, HT_UNSEEN_PROGRAM, unseen->programs[i].n,
				    unseen->programs[i].path, unseen->programs[i].reason);
	for (size_t i = 0; unseen && i < 2 * MAX_FILES; i++)
		is_good &= put_file(unseen, &unseen->files[i], &items);
	meta.n_items = items.n;
	if (!is_good)
		err = HT_ERR_NOMEM;
	else if (items.body)
		err = ht_block_writer_put(blocks, &meta, items.body,
					  (size_t)(items.put.pos - items.body), diag);
	free(items.body);
	return err;
}
