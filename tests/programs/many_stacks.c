/* SPDX-License-Identifier: MIT */
/* Allocates and frees from as many different stacks as the first argument says. */
#include "program.h"

static void left(unsigned long path, unsigned depth);
static void right(unsigned long path, unsigned depth);

static void turn(unsigned long path, unsigned depth)
{
	if (depth == 0)
		allocate_and_free(16);
	else if (path & 1)
		right(path >> 1, depth - 1);
	else
		left(path >> 1, depth - 1);
	KEEP(path); /* no tail call */
}

static __attribute__((noinline)) void left(unsigned long path, unsigned depth)
{
	turn(path, depth);
	KEEP(depth);
}

static __attribute__((noinline)) void right(unsigned long path, unsigned depth)
{
	KEEP(depth);
	turn(path, depth);
	KEEP(path);
}

int main(int argc, char **argv)
{
	unsigned depth = 0;

	CHECK(argc == 2);
	unsigned long n_stacks = strtoul(argv[1], NULL, 10);

	while (1ul << depth < n_stacks)
		depth++;
	for (unsigned long i = 0; i < n_stacks; i++)
		left(i, depth);
	return 0;
}
