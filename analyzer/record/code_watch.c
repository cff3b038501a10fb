/* SPDX-License-Identifier: MIT */
/*
 * Copies what programs say about the code that they make into the trace, while they live. Analyzer.
 *
 * The files are looked for where the process has them: in its mount namespace, by its own number. What others left behind there is
 * told by its age. A file that is found stays open, so that its end can be read when the process is gone.
 */
#include "analyzer/record/code_watch.h"

#include "analyzer/record/code_text.h"

#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define BUFFER_BYTES  (256u << 10)
#define CHECKED_BYTES 32u

/* Of one process; more is nobody's code. */
#define FILE_MAX_BYTES   (1ull << 30)
#define PROCESS_MAX_NEWS (1u << 20)

/* While a file is not found the looks become rarer, up to one in so many. */
#define MAX_REST 32u

/* Time stamps of files are those of the last tick of the kernel. */
#define FILE_TIME_SLACK_NS 20000000u

enum { MAP, DUMP, N_FILES };

struct file {
	int fd; /* -1: not found yet */
	dev_t device;
	ino_t inode;
	uint64_t end_bytes;          /* how long it was at the last look */
	uint64_t done_bytes;         /* read and understood */
	uint64_t read_bytes;         /* in all, also what was read anew */
	char checked[CHECKED_BYTES]; /* the last ones of those done */
	struct ht_code_text text;
};

struct process {
	struct ht_code_process process;
	uint64_t since_ns; /* CLOCK_REALTIME: its files are not older */
	bool has_other_tmp;
	uint64_t last_look_tick;
	uint32_t n_news;
	uint32_t rest; /* looks to leave out */
	uint32_t next_rest;
	struct file files[N_FILES];
};

struct ht_code_watch {
	struct ht_column_writer *columns;
	const struct ht_clock_source *clock;
	struct process **processes; /* per slot; NULL: none */
	uint32_t n_slots;
	char *buffer;
};

/* A file that is being read, for what it says. */
struct reading {
	struct ht_code_watch *watch;
	struct process *process;
	const struct ht_code_text *text;
	struct ht_clock_reading now;
};

struct ht_code_watch *ht_code_watch_new(struct ht_column_writer *columns,
                                        const struct ht_clock_source *clock, uint32_t n_slots)
{
	struct ht_code_watch *watch = calloc(1, sizeof(*watch));

	if (!watch)
		return NULL;
	watch->columns = columns;
	watch->clock = clock;
	watch->n_slots = n_slots;
	watch->processes = calloc(n_slots, sizeof(struct process *));
	watch->buffer = malloc(BUFFER_BYTES);
	if (watch->processes && watch->buffer)
		return watch;
	ht_code_watch_free(watch);
	return NULL;
}

static void forget(struct ht_code_watch *watch, uint32_t slot)
{
	struct process *p = watch->processes[slot];

	for (int i = 0; p && i < N_FILES; i++) {
		if (p->files[i].fd >= 0)
			close(p->files[i].fd);
	}
	free(p);
	watch->processes[slot] = NULL;
}

void ht_code_watch_free(struct ht_code_watch *watch)
{
	if (!watch)
		return;
	for (uint32_t i = 0; watch->processes && i < watch->n_slots; i++)
		forget(watch, i);
	free(watch->processes);
	free(watch->buffer);
	free(watch);
}

static uint64_t to_ns(const struct timespec *t)
{
	return (uint64_t)t->tv_sec * 1000000000u + (uint64_t)t->tv_nsec;
}

/* Whether the process has a /tmp that is not ours. Nobody knows of one that is gone: ours then. */
static bool has_other_tmp(pid_t pid)
{
	char path[64];
	struct stat own, its;

	snprintf(path, sizeof(path), "/proc/%d/root/tmp", (int)pid);
	return pid > 0 && stat(path, &its) == 0 &&
	       (stat("/tmp", &own) != 0 || own.st_dev != its.st_dev || own.st_ino != its.st_ino);
}

void ht_code_watch_begin(struct ht_code_watch *watch, uint32_t slot,
                         const struct ht_code_process *process)
{
	struct process *p = watch ? calloc(1, sizeof(*p)) : NULL;
	struct timespec now;

	if (!p)
		return;
	forget(watch, slot);
	p->process = *process;
	p->has_other_tmp = has_other_tmp(process->pid);
	p->next_rest = 1;
	for (int i = 0; i < N_FILES; i++)
		p->files[i].fd = -1;

	uint64_t now_tick = ht_clock_source_now(watch->clock);
	uint64_t age_ticks = now_tick > process->start_tick ? now_tick - process->start_tick : 0;

	clock_gettime(CLOCK_REALTIME, &now);
	p->since_ns = to_ns(&now) - FILE_TIME_SLACK_NS -
	              (uint64_t)((unsigned __int128)age_ticks * watch->clock->tick_ps / 1000);
	watch->processes[slot] = p;
}

/* Whether this may be a file of the process: not older, and nobody else's but root's. */
static bool is_its_file(const struct process *p, const struct stat *st)
{
	uid_t self = geteuid();

	return S_ISREG(st->st_mode) && (st->st_uid == self || st->st_uid == 0 || self == 0) &&
	       to_ns(&st->st_mtim) >= p->since_ns;
}

/* Open path, unless that is the file that is open. What was read of another one is of the same process, too. */
static bool open_file(const struct process *p, struct file *file, const char *path)
{
	struct stat st;

	if (lstat(path, &st) != 0 || !is_its_file(p, &st) ||
	    (file->fd >= 0 && st.st_dev == file->device && st.st_ino == file->inode))
		return false;

	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY);

	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0 || !is_its_file(p, &st)) {
		close(fd);
		return false;
	}
	if (file->fd >= 0)
		close(file->fd);
	*file = (struct file){
		.fd = fd, .device = st.st_dev, .inode = st.st_ino, .read_bytes = file->read_bytes
	};
	return true;
}

/* In the /tmp of the process, or in ours when that is the same: it is there also when the process is gone. */
static bool open_in_tmp(const struct process *p, struct file *file, const char *name,
                        const char *type)
{
	char path[128], root[64] = "";

	if (p->has_other_tmp)
		snprintf(root, sizeof(root), "/proc/%d/root", (int)p->process.pid);
	snprintf(path, sizeof(path), "%s/tmp/%s-%u.%s", root, name, (unsigned)p->process.own_pid,
	         type);
	return open_file(p, file, path);
}

/* Programs map a page of their jitdump as code, so that others know where it is. */
static bool open_mapped_dump(const struct process *p, struct file *file)
{
	char path[PATH_MAX + 64], wanted[64];
	char *line = NULL;
	size_t size = 0;
	ssize_t n_bytes;
	bool is_found = false;

	if (p->process.pid <= 0)
		return false;
	snprintf(wanted, sizeof(wanted), "/jit-%u.dump\n", (unsigned)p->process.own_pid);
	snprintf(path, sizeof(path), "/proc/%d/maps", (int)p->process.pid);

	FILE *f = fopen(path, "re");

	if (!f)
		return false;
	while (!is_found && (n_bytes = getline(&line, &size, f)) > 0) {
		char *name = memchr(line, '/', (size_t)n_bytes);
		size_t tail = strlen(wanted);

		if (!name || strlen(name) < tail || strlen(name) >= PATH_MAX ||
		    strcmp(name + strlen(name) - tail, wanted) != 0)
			continue;
		name[strlen(name) - 1] = '\0';
		snprintf(path, sizeof(path), "/proc/%d/root%s", (int)p->process.pid, name);
		is_found = open_file(p, file, path);
	}
	free(line);
	fclose(f);
	return is_found;
}

static void look_for_files(struct process *p)
{
	bool has_found = open_in_tmp(p, &p->files[MAP], "perf", "map");

	if (p->files[DUMP].fd < 0)
		has_found |= open_in_tmp(p, &p->files[DUMP], "jit", "dump") ||
		             open_mapped_dump(p, &p->files[DUMP]);
	p->next_rest = has_found ? 1 : p->next_rest < MAX_REST ? 2 * p->next_rest : MAX_REST;
	p->rest = p->next_rest;
}

/* Since when it was there: a jitdump says so, a map had no such line when we looked before. */
static uint64_t tick_of(const struct reading *r, const struct ht_code_news *news)
{
	const struct ht_clock_source *clock = r->watch->clock;

	if (!r->text->is_dump)
		return r->process->last_look_tick + 1;
	if (r->text->is_tsc)
		return clock->kind == HT_CLOCK_TSC ? news->time >> clock->shift
		                                   : r->process->last_look_tick;
	if (news->time > r->now.ns || clock->tick_ps == 0)
		return r->process->last_look_tick;

	unsigned __int128 age_ticks =
	        (unsigned __int128)(r->now.ns - news->time) * 1000 / clock->tick_ps;

	return age_ticks < r->now.tick ? r->now.tick - (uint64_t)age_ticks : 0;
}

static void take_news(void *context, const struct ht_code_news *news)
{
	struct reading *r = context;
	const struct ht_code_info code = {
		.process_serial = r->process->process.serial,
		.kind = news->kind,
		.tick = tick_of(r, news),
		.addr = news->addr,
		.n_bytes = news->n_bytes,
		.old_addr = news->old_addr,
		.name = news->name,
		.name_bytes = news->name_bytes,
	};

	if (r->process->n_news == PROCESS_MAX_NEWS)
		return;
	r->process->n_news++;
	ht_column_writer_code(r->watch->columns, &code);
}

/* See how long the file is. One that is not what was read any more was written anew, and is read anew. */
static void look_at_file(struct file *file)
{
	char checked[CHECKED_BYTES];
	size_t n_checked =
	        file->done_bytes < CHECKED_BYTES ? (size_t)file->done_bytes : CHECKED_BYTES;
	struct stat st;

	if (file->fd < 0 || fstat(file->fd, &st) != 0 || (uint64_t)st.st_size == file->end_bytes)
		return;
	file->end_bytes = (uint64_t)st.st_size;
	if (file->end_bytes < file->done_bytes ||
	    pread(file->fd, checked, n_checked, (off_t)(file->done_bytes - n_checked)) !=
	            (ssize_t)n_checked ||
	    memcmp(checked, file->checked + CHECKED_BYTES - n_checked, n_checked) != 0) {
		file->done_bytes = 0;
		memset(&file->text, 0, sizeof(file->text));
	}
}

static void remember(struct file *file, const char *bytes, size_t n_bytes)
{
	size_t n = n_bytes < CHECKED_BYTES ? n_bytes : CHECKED_BYTES;

	memmove(file->checked, file->checked + n, CHECKED_BYTES - n);
	memcpy(file->checked + CHECKED_BYTES - n, bytes + n_bytes - n, n);
}

static void read_more(struct ht_code_watch *watch, struct process *p, int kind)
{
	struct file *file = &p->files[kind];
	struct reading reading = { .watch = watch, .process = p, .text = &file->text };

	reading.now = ht_clock_source_pair(watch->clock);
	while (file->done_bytes < file->end_bytes && file->read_bytes < FILE_MAX_BYTES) {
		uint64_t left_bytes = file->end_bytes - file->done_bytes;
		ssize_t n = pread(file->fd, watch->buffer,
		                  left_bytes < BUFFER_BYTES ? (size_t)left_bytes : BUFFER_BYTES,
		                  (off_t)file->done_bytes);
		size_t n_done;

		if (n <= 0)
			break;
		if (kind == MAP)
			n_done = ht_code_text_map(&file->text, watch->buffer, (size_t)n, take_news,
			                          &reading);
		else
			n_done = ht_code_text_dump(&file->text, watch->buffer, (size_t)n, take_news,
			                           &reading);
		if (n_done == 0 || file->text.is_bad)
			break;
		remember(file, watch->buffer, n_done);
		file->done_bytes += n_done;
		file->read_bytes += n_done;
	}
}

bool ht_code_watch_look(struct ht_code_watch *watch, uint32_t slot)
{
	struct process *p = watch ? watch->processes[slot] : NULL;
	bool has_any = false;

	if (!p)
		return false;
	if (p->rest == 0)
		look_for_files(p);
	else
		p->rest--;
	for (int i = 0; i < N_FILES; i++) {
		look_at_file(&p->files[i]);
		has_any |= p->files[i].fd >= 0;
	}
	return has_any;
}

void ht_code_watch_read(struct ht_code_watch *watch, uint32_t slot)
{
	struct process *p = watch ? watch->processes[slot] : NULL;

	if (!p)
		return;
	for (int i = 0; i < N_FILES; i++)
		read_more(watch, p, i);
	ht_column_writer_flush_nodes(watch->columns);
	p->last_look_tick = ht_clock_source_now(watch->clock);
}

void ht_code_watch_end(struct ht_code_watch *watch, uint32_t slot)
{
	if (!watch || !watch->processes[slot])
		return;
	watch->processes[slot]->rest = 0;
	if (ht_code_watch_look(watch, slot))
		ht_code_watch_read(watch, slot);
	forget(watch, slot);
}
