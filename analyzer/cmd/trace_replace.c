/* SPDX-License-Identifier: MIT */
/* Putting a trace with some blocks exchanged in the place of another, or of itself. Analyzer. */
#include "analyzer/cmd/trace_replace.h"

#include "analyzer/base/xalloc.h"
#include "analyzer/cmd/cmd.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

/* With the rights that the trace has. */
static bool give_mode(const char *trace_path, int fd)
{
	struct stat st;

	return stat(trace_path, &st) == 0 && fchmod(fd, st.st_mode & 07777) == 0;
}

bool ht_trace_replace(const char *trace_path, const struct ht_trace_file *file, const char *path,
                      enum ht_block_type type, ht_trace_rewrite_fn *add, void *context)
{
	struct ht_diag diag = { .msg = "" };
	char *temporary = ht_xalloc(strlen(path) + sizeof(".XXXXXX"));

	stpcpy(stpcpy(temporary, path), ".XXXXXX");

	int fd = mkstemp(temporary);
	bool is_written = false;

	if (fd < 0) {
		ht_cmd_complain("cannot write %s: %s", path, strerror(errno));
	} else if (ht_trace_rewrite(file, fd, type, add, context, &diag) != HT_OK) {
		ht_cmd_complain("%s was not changed: %s", path, diag.msg);
	} else if (!give_mode(trace_path, fd) || fsync(fd) != 0 || rename(temporary, path) != 0) {
		ht_cmd_complain("cannot write %s: %s", path, strerror(errno));
	} else {
		is_written = true;
	}
	if (fd >= 0) {
		close(fd);
		if (!is_written)
			unlink(temporary);
	}
	free(temporary);
	return is_written;
}

char *ht_trace_replace_path(const char *trace_path, const char *output, bool is_forced)
{
	const char *path = output ? output : trace_path;
	char *real = realpath(path, NULL);
	struct stat st;

	if (!real && output)
		return ht_xalloc_str(path);
	if (!real || stat(real, &st) != 0) {
		ht_cmd_complain("%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode)) {
		ht_cmd_complain("%s is no file that could be replaced%s", path,
		                output ? "" : "; use -o");
	} else if (output && !is_forced) {
		ht_cmd_complain("%s exists; use -f to replace it", path);
	} else {
		return real;
	}
	free(real);
	return NULL;
}

bool ht_trace_replace_is_lossy(const struct ht_trace_file *file)
{
	size_t n_kept;
	const struct ht_diag *damages = ht_trace_file_damages(file, &n_kept);
	size_t n_cuts = 0;

	while (n_cuts < n_kept && damages[n_cuts].err == HT_ERR_TRUNCATED)
		n_cuts++;
	return n_cuts < ht_trace_file_n_damages(file) ||
	       ht_trace_file_end(file) == HT_FILE_END_DAMAGED;
}
