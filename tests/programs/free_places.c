/* SPDX-License-Identifier: MIT */
/* Two functions allocate and two free, in ways that are counted; one block changes its size on the way. */
#include "program.h"

#define PLACE __attribute__((noinline)) static

PLACE void *make_ant(void)
{
	void *p = malloc(opaque(100));

	KEEP(p);
	return p;
}

PLACE void *make_bee(void)
{
	void *p = calloc(1, opaque(30));

	KEEP(p);
	return p;
}

/* Not the same function twice for the compiler. */
static int n_cats, n_dogs;

PLACE void drop_cat(void *p)
{
	free(p);
	n_cats++;
}

PLACE void drop_dog(void *p)
{
	free(p);
	n_dogs++;
}

PLACE void *stretch(void *p)
{
	p = realloc(p, opaque(5000));
	KEEP(p);
	return p;
}

int main(void)
{
	for (int i = 0; i < 300; i++)
		drop_cat(make_ant());
	for (int i = 0; i < 200; i++)
		drop_dog(make_ant());
	for (int i = 0; i < 50; i++)
		drop_dog(make_bee());
	drop_cat(stretch(make_bee()));
	return make_ant() == NULL || n_cats + n_dogs != 551;
}
