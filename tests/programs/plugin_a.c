/* SPDX-License-Identifier: MIT */
/* One of two plugins that are loaded at the same address in turn. */
#include <stdlib.h>

void *plugin_run(void);
void plugin_free(void *p);

static __attribute__((noinline)) void *allocate_in_a(void)
{
	void *p = malloc(1001);

	__asm__ volatile("" : "+r"(p));
	return p;
}

void *plugin_run(void)
{
	void *p = allocate_in_a();

	__asm__ volatile("" : "+r"(p));
	return p;
}

void plugin_free(void *p)
{
	free(p);
}
