/* SPDX-License-Identifier: MIT */
/* Where a command writes what it makes: a file that is whole or not there, or stdout. Analyzer. */
#include "analyzer/cmd/output_file.h"

#include "analyzer/base/strbuf.h"
#include "analyzer/cmd/cmd.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static FILE *open_temporary(struct ht_output_file *output)
{
	struct ht_strbuf name = { 0 };
	mode_t mask = umask(0);

	umask(mask);
	ht_strbuf_addf(&name, "%s.XXXXXX", output->path);
	output->temporary = ht_strbuf_take(&name);

	int fd = mkstemp(output->temporary);

	if (fd < 0)
		return NULL;
	/* mkstemp is for secrets; this is a file like any other. */
	if (fchmod(fd, 0666 & ~mask) < 0)
		errno = 0;
	return fdopen(fd, "w");
}

bool ht_output_file_spares(const char *path, const char *input_path)
{
	struct stat in, out;

	if (!path || stat(path, &out) != 0 || stat(input_path, &in) != 0 ||
	    in.st_dev != out.st_dev || in.st_ino != out.st_ino)
		return true;
	ht_cmd_complain("%s is the trace itself; nothing was written", path);
	return false;
}

bool ht_output_file_open(struct ht_output_file *output, const char *path, const char *input_path)
{
	struct stat out;
	bool exists;

	*output = (struct ht_output_file){ .stream = stdout };
	if (!path || strcmp(path, "-") == 0)
		return true;
	output->path = path;
	exists = stat(path, &out) == 0;
	if (!ht_output_file_spares(path, input_path))
		return false;
	if (exists && !S_ISREG(out.st_mode))
		output->stream = fopen(path, "w");
	else
		output->stream = open_temporary(output);
	if (output->stream)
		return true;
	ht_cmd_complain("cannot write %s: %s", path, strerror(errno));
	free(output->temporary);
	return false;
}

int ht_output_file_finish(struct ht_output_file *output)
{
	bool is_written;

	if (!output->path)
		return ht_cmd_finish_stdout(HT_EXIT_OK);
	errno = 0;
	is_written = fflush(output->stream) == 0 && !ferror(output->stream);
	if (fclose(output->stream) != 0)
		is_written = false;
	if (is_written && output->temporary && rename(output->temporary, output->path) < 0)
		is_written = false;
	if (!is_written) {
		ht_cmd_complain("cannot write %s: %s", output->path,
		                errno ? strerror(errno) : "I/O error");
		if (output->temporary)
			unlink(output->temporary);
	}
	free(output->temporary);
	return is_written ? HT_EXIT_OK : HT_EXIT_FAILED;
}

void ht_output_file_drop(struct ht_output_file *output)
{
	if (!output->path)
		return;
	fclose(output->stream);
	if (output->temporary)
		unlink(output->temporary);
	free(output->temporary);
}
