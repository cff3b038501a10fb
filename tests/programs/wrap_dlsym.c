/* SPDX-License-Identifier: MIT */
/*
 * Preloaded beside the shim: wraps dlsym as fakechroot and friends do, allocates in it, and keeps
 * blocks of every kind from that time, for check_early_blocks(). The shim looks up the real functions with this
 * dlsym, so it must serve these blocks itself.
 */
#include "program.h"

#include <dlfcn.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>

#define N_BLOCKS    200
#define BLOCK_BYTES 1501

static unsigned char *blocks[N_BLOCKS];
static int n_blocks;

void *dlsym(void *restrict handle, const char *restrict name)
{
	static void *(*real)(void *, const char *);

	if (!real)
		real = (void *(*)(void *, const char *))(uintptr_t)dlvsym(RTLD_NEXT, "dlsym",
		                                                          "GLIBC_2.34");
	if (!real)
		real = (void *(*)(void *, const char *))(uintptr_t)dlvsym(RTLD_NEXT, "dlsym",
		                                                          "GLIBC_2.2.5");
	while (n_blocks < N_BLOCKS) {
		blocks[n_blocks] = calloc(1, opaque(BLOCK_BYTES));
		if (!blocks[n_blocks])
			abort();
		for (int i = 0; i < BLOCK_BYTES; i++) {
			if (blocks[n_blocks][i] != 0)
				abort();
			blocks[n_blocks][i] = (unsigned char)n_blocks;
		}
		n_blocks++;
	}
	return real(handle, name);
}

/* Called by robust_loader, long after. */
int check_early_blocks(void);
int check_early_blocks(void)
{
	for (int i = 0; i < n_blocks; i++) {
		CHECK((uintptr_t)blocks[i] % 16 == 0);
		CHECK(malloc_usable_size(blocks[i]) >= BLOCK_BYTES);
		memset(blocks[i], i, malloc_usable_size(blocks[i]));
		if (i % 3 == 0) {
			blocks[i] = realloc(blocks[i],
			                    opaque(i % 2 ? BLOCK_BYTES * 2 : BLOCK_BYTES / 2));
			CHECK(blocks[i]);
		}
	}
	for (int i = 0; i < n_blocks; i++) {
		for (int j = 0; j < BLOCK_BYTES / 2; j++)
			CHECK(blocks[i][j] == (unsigned char)i);
		free(blocks[i]);
	}
	return n_blocks;
}
