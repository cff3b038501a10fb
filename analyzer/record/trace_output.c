/* SPDX-License-Identifier: MIT */
/* Names, opens and locks trace files. Analyzer. */
#include "analyzer/record/trace_output.h"

#include "analyzer/base/diag.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/utsname.h>
#include <time.h>
#include <unistd.h>

#define MAX_NUMBER 9999

/* What a letter stands for; NULL: nothing. */
static const char *replacement(char letter, pid_t pid, const char *program, char *buf, size_t size)
{
	const char *base = strrchr(program, '/');
	struct utsname host;

	switch (letter) {
	case 'p': snprintf(buf, size, "%d", (int)pid); break;
	case 'e': snprintf(buf, size, "%s", base ? base + 1 : program); break;
	case 'h': snprintf(buf, size, "%s", uname(&host) == 0 ? host.nodename : "localhost"); break;
	case 't': snprintf(buf, size, "%lld", (long long)time(NULL)); break;
	case '%': return "%";
	default: return NULL;
	}
	for (char *c = buf; *c; c++) {
		if (*c == '/')
			*c = '_';
	}
	return buf;
}

enum ht_err ht_trace_output_expand(const char *pattern, pid_t pid, const char *program,
				   char ret_path[PATH_MAX], struct ht_diag *diag)
{
	char path[PATH_MAX];
	char buf[256];
	size_t n = 0;

	for (const char *c = pattern; *c; c++) {
		const char *text = NULL;

		if (*c == '%' && c[1])
			text = replacement(c[1], pid, program, buf, sizeof(buf));
		size_t n_text = text ? strlen(text) : 1;

		if (n + n_text >= sizeof(path))
			return ht_diag_set(diag, HT_ERR_LIMIT, UINT64_MAX, UINT64_MAX,
					   "the name of the trace is too long");
		memcpy(path + n, text ? text : c, n_text);
		n += n_text;
		if (text)
			c++;
	}
	path[n] = '\0';
	memcpy(ret_path, path, n + 1);
	return HT_OK;
}

static enum ht_err fail(struct ht_trace_output *o, const char *path, struct ht_diag *diag)
{
	int sys_errno = errno;

	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
	errno = sys_errno;
	if (errno == EEXIST)
		return ht_diag_set(diag, HT_ERR_IO, UINT64_MAX, UINT64_MAX,
				   "%.150s exists; use -f to replace it", path);
	if (errno == EWOULDBLOCK)
		return ht_diag_set(diag, HT_ERR_IO, UINT64_MAX, UINT64_MAX,
				   "%.120s: another recording is being written to it", path);
	return ht_diag_set(diag, HT_ERR_IO, UINT64_MAX, UINT64_MAX, "cannot write %.120s: %s", path,
			   strerror(errno));
}

/* A device or a pipe: nothing to create and nothing to replace. */
static bool is_special(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && !S_ISREG(st.st_mode) && !S_ISDIR(st.st_mode);
}

static int open_new(struct ht_trace_output *o, const char *path, enum ht_taken taken)
{
	const int flags = O_RDWR | O_CREAT | O_CLOEXEC | O_NOCTTY;

	if (snprintf(o->path, sizeof(o->path), "%s", path) >= (int)sizeof(o->path)) {
		errno = ENAMETOOLONG;
		return -1;
	}
	int fd = open(o->path, flags | O_EXCL, 0666);

	if (fd >= 0 || errno != EEXIST || taken == HT_TAKEN_REFUSE)
		return fd;
	/* Truncated only when it is ours: another recording may be writing to it. */
	if (taken == HT_TAKEN_REPLACE)
		return open(o->path, flags, 0666);
	for (int i = 1; fd < 0 && i <= MAX_NUMBER; i++) {
		if (snprintf(o->path, sizeof(o->path), "%s.%d", path, i) >= (int)sizeof(o->path)) {
			errno = ENAMETOOLONG;
			return -1;
		}
		fd = open(o->path, flags | O_EXCL, 0666);
		if (fd < 0 && errno != EEXIST)
			break;
	}
	return fd;
}

enum ht_err ht_trace_output_init(struct ht_trace_output *o, const char *path, enum ht_taken taken,
				 struct ht_diag *diag)
{
	struct stat st;

	*o = (struct ht_trace_output){ .fd = -1, .is_file = true };
	if (is_special(path)) {
		snprintf(o->path, sizeof(o->path), "%s", path);
		o->is_file = false;
		/* Without O_NONBLOCK a pipe that nobody reads would hold us up for ever. */
		o->fd = open(path, O_WRONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
		if (o->fd < 0 || fcntl(o->fd, F_SETFL, 0) != 0)
			return fail(o, path, diag);
		return HT_OK;
	}
	o->fd = open_new(o, path, taken);
	if (o->fd < 0)
		return fail(o, path, diag);
	/* Some file systems know no locks; only somebody else's lock is a reason to stop. */
	if (flock(o->fd, LOCK_EX | LOCK_NB) != 0 && errno == EWOULDBLOCK)
		return fail(o, o->path, diag);
	/*
	 * Not to nothing: ext4 takes that for the replacement of precious data, and writes everything
	 * to the disk before close() returns. What is left is overwritten at once.
	 */
	if (fstat(o->fd, &st) == 0 && st.st_size > 1 && ftruncate(o->fd, 1) != 0)
		return fail(o, o->path, diag);
	return HT_OK;
}

void ht_trace_output_done(struct ht_trace_output *o)
{
	if (o->fd >= 0)
		close(o->fd);
	o->fd = -1;
}

void ht_trace_output_discard(struct ht_trace_output *o)
{
	/* Only what was made by us: without a descriptor the name is somebody else's. */
	if (o->is_file && o->fd >= 0)
		unlink(o->path);
	ht_trace_output_done(o);
}
