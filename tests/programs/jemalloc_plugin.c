/* SPDX-License-Identifier: MIT */
/* A library that a program with jemalloc opens, or that is linked to it: it has references of its own. Target. */
#include "program.h"

extern void *mallocx(size_t, int) __attribute__((weak));
extern void dallocx(void *, int) __attribute__((weak));

extern void jemalloc_plugin_work(void);

void jemalloc_plugin_work(void)
{
	void *blocks[4];

	for (int i = 0; i < 4; i++)
		CHECK((blocks[i] = mallocx(opaque(6001), 0)));
	dallocx(blocks[1], 0);
	dallocx(blocks[2], 0);
}
