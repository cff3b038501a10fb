/* SPDX-License-Identifier: MIT */
/* steady_churn N: N allocations of many sizes, 64 alive at a time; says when it is done. */
#include "program.h"

int main(int argc, char **argv)
{
	void *kept[64] = { NULL };
	long n = argc > 1 ? atol(argv[1]) : 1000;

	for (long i = 0; i < n; i++) {
		/* A linear congruential series, so that the trace does not compress to nothing. */
		size_t k = opaque((size_t)i * 2654435761u >> 7) % 64;

		free(kept[k]);
		kept[k] = malloc(1 + ((size_t)i * 1103515245u >> 5) % 3000);
		KEEP(kept[k]);
	}
	for (size_t k = 0; k < 64; k++)
		free(kept[k]);
	printf("%ld done\n", n);
	return 0;
}
