/* SPDX-License-Identifier: MIT */
/* Finds and splits source files. Analyzer. */
#include "analyzer/report/source_text.h"

#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"

#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* Nobody writes longer ones, and everything else that a trace may name is none. */
#define MAX_BYTES (64u << 20)

static void split(struct ht_source_text *s)
{
	size_t n_lines = 0, capacity = 0;
	char *at = s->bytes;

	while (*at) {
		size_t n = strcspn(at, "\n");
		bool is_last = at[n] == '\0';

		at[n] = '\0';
		if (n > 0 && at[n - 1] == '\r')
			at[n - 1] = '\0';
		s->lines = ht_xalloc_grow(s->lines, &capacity, n_lines + 1, sizeof(*s->lines));
		s->lines[n_lines++] = at;
		at += n + !is_last;
	}
	s->n_lines = n_lines;
}

/* Take the file at path, if there is one. */
static bool read_file(struct ht_source_text *s, const char *path)
{
	/* A name from a trace may be that of a pipe. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
	struct stat st;
	size_t n = 0;

	if (fd < 0)
		return false;
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size > MAX_BYTES) {
		close(fd);
		return false;
	}
	s->bytes = ht_xalloc((size_t)st.st_size + 1);
	while (n < (size_t)st.st_size) {
		ssize_t n_read = read(fd, s->bytes + n, (size_t)st.st_size - n);

		if (n_read <= 0)
			break;
		n += (size_t)n_read;
	}
	close(fd);
	s->bytes[n] = '\0';
	s->path = ht_xalloc_str(path);
	s->changed_s = st.st_mtim.tv_sec;
	split(s);
	return true;
}

static bool read_below(struct ht_source_text *s, const char *directory, const char *path)
{
	struct ht_strbuf joined = { 0 };

	ht_strbuf_addf(&joined, "%s/%s", directory, path);

	bool is_there = read_file(s, ht_strbuf_str(&joined));

	ht_strbuf_done(&joined);
	return is_there;
}

struct ht_source_text ht_source_text_open(const char *path, const char *directory,
                                          const char *working_directory)
{
	struct ht_source_text s = { 0 };

	for (const char *part = path; directory && part; part = strchr(part, '/')) {
		part += strspn(part, "/");
		if (read_below(&s, directory, part))
			return s;
	}
	if (path[0] == '/')
		read_file(&s, path);
	else if (!working_directory || !read_below(&s, working_directory, path))
		read_file(&s, path);
	return s;
}

void ht_source_text_done(struct ht_source_text *s)
{
	if (!s)
		return;
	free(s->path);
	free(s->bytes);
	free(s->lines);
	*s = (struct ht_source_text){ 0 };
}

const char *ht_source_text_line(const struct ht_source_text *s, uint32_t line)
{
	return line >= 1 && line <= s->n_lines ? s->lines[line - 1] : NULL;
}
