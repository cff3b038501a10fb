/* SPDX-License-Identifier: MIT */
/* Finds the shim's own directory. Target, before main. */
#include "shim_text.h"

#include <dlfcn.h>
#include <stdint.h>

size_t ht_shim_directory(char *path, size_t size)
{
	Dl_info info;
	size_t n, end = 0;

	if (!dladdr((void *)(uintptr_t)ht_shim_directory, &info) || !info.dli_fname)
		return 0;
	n = ht_text_append(path, 0, size, info.dli_fname);
	for (size_t i = 0; i < n; i++) {
		if (path[i] == '/')
			end = i + 1;
	}
	path[end] = '\0';
	return end;
}
