/* SPDX-License-Identifier: MIT */
/* N_HELD blocks of 1000 bytes that are freed, 10 temporary ones of 64, N_LEAKED of 100 that are not. */
#include "program.h"

#define MAX_BLOCKS 100

static void *held[MAX_BLOCKS];

static __attribute__((noinline)) void hold(size_t n)
{
	for (size_t i = 0; i < n; i++)
		held[i] = malloc(opaque(1000));
}

static __attribute__((noinline)) void leak(size_t n)
{
	for (size_t i = 0; i < n; i++) {
		void *p = malloc(opaque(100));

		KEEP(p);
	}
}

int main(int argc, char **argv)
{
	size_t n_held = argc > 1 ? strtoul(argv[1], NULL, 10) : 0;
	size_t n_leaked = argc > 2 ? strtoul(argv[2], NULL, 10) : 0;

	CHECK(n_held <= MAX_BLOCKS);
	hold(n_held);
	for (int i = 0; i < 10; i++)
		allocate_and_free(64);
	for (size_t i = 0; i < n_held; i++)
		free(held[i]);
	leak(n_leaked);
	return 0;
}
