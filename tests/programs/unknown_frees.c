/* SPDX-License-Identifier: MIT */
/* Frees and reallocs blocks that came from glibc's own entry, so behind every interposer's back. */
#include "program.h"

extern void *__libc_malloc(size_t n_bytes);

int main(void)
{
	for (int i = 0; i < 10; i++) {
		void *p = __libc_malloc(opaque(100));

		KEEP(p);
		free(p);
	}

	char *p = __libc_malloc(opaque(100));

	p[99] = 7;
	p = realloc(p, opaque(100000));
	CHECK(p[99] == 7);
	free(p);
	return 0;
}
