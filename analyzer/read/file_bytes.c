/* SPDX-License-Identifier: MIT */
/* The bytes of an input file at any place. Analyzer. */
#include "analyzer/read/file_bytes.h"

#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define PIPE_READ_BYTES (1u << 20)

static enum ht_err read_pipe(struct ht_file_bytes *file, const char *path, struct ht_diag *diag)
{
	size_t capacity = 0;

	for (;;) {
		file->memory =
		        ht_xalloc_grow(file->memory, &capacity, file->n_bytes + PIPE_READ_BYTES, 1);
		ssize_t n = read(file->fd, file->memory + file->n_bytes, PIPE_READ_BYTES);

		if (n == 0)
			return HT_OK;
		if (n > 0)
			file->n_bytes += (uint64_t)n;
		else if (errno != EINTR)
			return ht_diag_set_errno(diag, "cannot read %s", path);
	}
}

enum ht_err ht_file_bytes_open(const char *path, struct ht_file_bytes *ret_file,
                               struct ht_diag *diag)
{
	struct ht_file_bytes file = { .fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY) };
	struct stat st;
	enum ht_err err = HT_OK;

	if (file.fd < 0)
		return ht_diag_set_errno(diag, "cannot open %s", path);
	if (fstat(file.fd, &st) < 0) {
		err = ht_diag_set_errno(diag, "cannot open %s", path);
	} else if (S_ISDIR(st.st_mode)) {
		errno = EISDIR;
		err = ht_diag_set_errno(diag, "cannot read %s", path);
	} else if (S_ISREG(st.st_mode)) {
		file.n_bytes = (uint64_t)st.st_size;
	} else {
		err = read_pipe(&file, path, diag);
	}
	if (err) {
		ht_file_bytes_close(&file);
		return err;
	}
	*ret_file = file;
	return HT_OK;
}

void ht_file_bytes_close(struct ht_file_bytes *file)
{
	if (!file)
		return;
	if (file->fd >= 0)
		close(file->fd);
	free(file->memory);
	*file = (struct ht_file_bytes){ .fd = -1 };
}

enum ht_err ht_file_bytes_read(const struct ht_file_bytes *file, uint64_t off_bytes, void *buf,
                               size_t n, struct ht_diag *diag)
{
	uint8_t *out = buf;

	if (off_bytes > file->n_bytes || n > file->n_bytes - off_bytes)
		return ht_diag_set(diag, HT_ERR_TRUNCATED, off_bytes, UINT64_MAX,
		                   "the file ends at byte %llu", (unsigned long long)file->n_bytes);
	if (file->memory) {
		memcpy(out, file->memory + off_bytes, n);
		return HT_OK;
	}
	while (n > 0) {
		ssize_t n_read = pread(file->fd, out, n, (off_t)off_bytes);

		if (n_read == 0)
			return ht_diag_set(diag, HT_ERR_TRUNCATED, off_bytes, UINT64_MAX,
			                   "the file became shorter");
		if (n_read > 0) {
			out += n_read;
			off_bytes += (uint64_t)n_read;
			n -= (size_t)n_read;
		} else if (errno != EINTR) {
			return ht_diag_set_errno(diag, "cannot read at byte %llu",
			                         (unsigned long long)off_bytes);
		}
	}
	return HT_OK;
}
