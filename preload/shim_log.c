/* SPDX-License-Identifier: MIT */
/* Messages of the shim, without stdio. Target, any thread, may not allocate. */
#include "shim_log.h"

#include "sys_prim.h"

#include <stdarg.h>
#include <stdatomic.h>

#define MAX_LINES 8

void ht_shim_log(const char *first, ...)
{
	static _Atomic int n_lines;
	char line[500];
	size_t n_bytes = 0;
	va_list args;

	if (atomic_fetch_add(&n_lines, 1) >= MAX_LINES)
		return;
	va_start(args, first);
	for (const char *s = "heaptide: "; s;
	     s = first, first = first ? va_arg(args, const char *) : NULL) {
		for (; *s && n_bytes < sizeof(line) - 1; s++)
			line[n_bytes++] = *s;
	}
	va_end(args);
	line[n_bytes++] = '\n';
	ht_sys_write(2, line, n_bytes);
}
