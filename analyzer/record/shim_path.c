/* SPDX-License-Identifier: MIT */
/* Finds the shim and composes LD_PRELOAD. Analyzer. */
#include "analyzer/record/shim_path.h"

#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"

#include <heaptide/env.h>

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* What ld.so splits LD_PRELOAD at. */
#define SEPARATORS " :"

static bool try_path(char *ret_path, const char *dir, const char *below)
{
	char path[PATH_MAX];
	int n = snprintf(path, sizeof(path), "%s/%s%s", dir, below, HEAPTIDE_PRELOAD_NAME);

	/* realpath also says whether it is there. */
	return n > 0 && (size_t)n < sizeof(path) && realpath(path, ret_path) != NULL;
}

static bool find(char *ret_path)
{
	/* Beside the executable in a build tree; installed; unpacked anywhere. */
	static const char *const below[] = {
		".libs/", "", "../lib/heaptide/", "../lib64/heaptide/", "../lib/" HT_MULTIARCH "/heaptide/",
	};
	const char *given = getenv(HEAPTIDE_ENV_PRELOAD);
	char dir[PATH_MAX];

	if (given && *given)
		return realpath(given, ret_path) != NULL;

	ssize_t n = readlink("/proc/self/exe", dir, sizeof(dir) - 1);

	if (n > 0) {
		dir[n] = '\0';
		char *slash = strrchr(dir, '/');

		if (slash)
			*slash = '\0';
		for (size_t i = 0; i < sizeof(below) / sizeof(below[0]); i++) {
			if (try_path(ret_path, dir, below[i]))
				return true;
		}
	}
	return try_path(ret_path, HT_PKGLIBDIR, "");
}

enum ht_err ht_shim_path_init(struct ht_shim_path *shim, struct ht_diag *diag)
{
	const char *given = getenv(HEAPTIDE_ENV_PRELOAD);
	const char *tmp = getenv("TMPDIR");
	char found[PATH_MAX];

	*shim = (struct ht_shim_path){ "", "" };
	if (!find(found))
		return ht_diag_set(diag, HT_ERR_NOT_FOUND, UINT64_MAX, UINT64_MAX,
				   "%s not found (%s)", HEAPTIDE_PRELOAD_NAME,
				   given && *given ? HEAPTIDE_ENV_PRELOAD " is wrong"
						   : "set " HEAPTIDE_ENV_PRELOAD " to its path");
	if (!strpbrk(found, SEPARATORS)) {
		strcpy(shim->path, found);
		return HT_OK;
	}
	/* ld.so knows no quoting: give the file a name that needs none. */
	if (!tmp || !*tmp || strpbrk(tmp, SEPARATORS))
		tmp = "/tmp";
	int n = snprintf(shim->link_dir, sizeof(shim->link_dir), "%s/heaptide-XXXXXX", tmp);

	if (n < 0 || (size_t)n >= sizeof(shim->link_dir) - sizeof("/" HEAPTIDE_PRELOAD_NAME) ||
	    !mkdtemp(shim->link_dir)) {
		shim->link_dir[0] = '\0';
		return ht_diag_set_errno(diag, "cannot make a directory in %s", tmp);
	}
	/* Programs that run as somebody else must get through. */
	char link[PATH_MAX + sizeof(HEAPTIDE_PRELOAD_NAME)];

	snprintf(link, sizeof(link), "%s/%s", shim->link_dir, HEAPTIDE_PRELOAD_NAME);
	if (symlink(found, link) != 0) {
		ht_diag_set_errno(diag, "cannot make %s", link);
		ht_shim_path_done(shim);
		return HT_ERR_IO;
	}
	snprintf(shim->path, sizeof(shim->path), "%.*s", (int)sizeof(shim->path) - 1, link);
	return HT_OK;
}

void ht_shim_path_done(struct ht_shim_path *shim)
{
	if (!shim->link_dir[0])
		return;
	unlink(shim->path);
	rmdir(shim->link_dir);
	shim->link_dir[0] = '\0';
}

static bool is_shim(const char *entry, size_t n_bytes)
{
	const size_t n_name = sizeof(HEAPTIDE_PRELOAD_NAME) - 1;

	return n_bytes >= n_name &&
	       memcmp(entry + n_bytes - n_name, HEAPTIDE_PRELOAD_NAME, n_name) == 0 &&
	       (n_bytes == n_name || entry[n_bytes - n_name - 1] == '/');
}

char *ht_shim_path_preload_value(const char *before, const char *shim)
{
	size_t size = (shim ? strlen(shim) : 0) + 1 + (before ? strlen(before) : 0) + 1;
	char *value = ht_xalloc(size);
	char *at = value;

	if (shim)
		at = stpcpy(at, shim);
	*at = '\0';
	for (const char *entry = before; entry && *entry;) {
		size_t n = strcspn(entry, SEPARATORS);

		if (n && !is_shim(entry, n)) {
			if (at != value)
				*at++ = ':';
			at = mempcpy(at, entry, n);
			*at = '\0';
		}
		entry += n;
		entry += strspn(entry, SEPARATORS);
	}
	return value;
}

void ht_shim_path_clean_environment(void)
{
	const char *before = getenv("LD_PRELOAD");

	if (!before)
		return;

	char *value = ht_shim_path_preload_value(before, NULL);

	if (*value)
		setenv("LD_PRELOAD", value, 1);
	else
		unsetenv("LD_PRELOAD");
	free(value);
}
