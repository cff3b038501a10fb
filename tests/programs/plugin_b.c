/* SPDX-License-Identifier: MIT */
/*
 * The other plugin: of the same size and layout in memory as the first, but with another frame
 * size, so that unwind rules kept from the first one would go wrong here.
 */
#include <stdlib.h>

void *plugin_run(void);
void plugin_free(void *p);

static __attribute__((noinline)) void *allocate_in_b(void)
{
	volatile char room[120];
	void *p = malloc(1002);

	room[7] = 1;
	(void)room[7];
	__asm__ volatile("" : "+r"(p));
	return p;
}

void *plugin_run(void)
{
	volatile char room[248];
	void *p = allocate_in_b();

	room[9] = 1;
	(void)room[9];
	__asm__ volatile("" : "+r"(p));
	return p;
}

void plugin_free(void *p)
{
	free(p);
}
