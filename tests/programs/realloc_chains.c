/* SPDX-License-Identifier: MIT */
/* Many blocks that grow and shrink in turns, moved and in place. */
#include "program.h"

#include <string.h>

#define N_BLOCKS 64
#define N_ROUNDS 200

int main(void)
{
	unsigned char *blocks[N_BLOCKS] = {NULL};
	size_t sizes[N_BLOCKS] = {0};
	unsigned seed = 1;

	for (int round = 0; round < N_ROUNDS; round++) {
		for (size_t i = 0; i < N_BLOCKS; i++) {
			seed = seed * 1103515245u + 12345u;

			size_t n = 1 + (seed >> 8) % (i % 8 == 0 ? 300000 : 3000);
			unsigned char *p = realloc(blocks[i], opaque(n));

			CHECK(p);
			if (sizes[i] && n)
				CHECK(p[0] == (unsigned char)i);
			memset(p, (int)i, n);
			blocks[i] = p;
			sizes[i] = n;
		}
	}
	for (size_t i = 0; i < N_BLOCKS; i++)
		free(blocks[i]);
	puts("chains whole");
	return 0;
}
