/* SPDX-License-Identifier: MIT */
/* Loses blocks of different sizes in functions with names of their own. */
#include <stdlib.h>

#define KEEP(p) __asm__ volatile("" : : "r"(p) : "memory")

/* Not inlined, and no tail calls: stacks must have them. */
#define LOSER(name, n_blocks, n_bytes)                   \
	static __attribute__((noinline)) void name(void) \
	{                                                \
		for (int i = 0; i < (n_blocks); i++) {   \
			void *p = malloc(n_bytes);       \
                                                         \
			KEEP(p);                         \
		}                                        \
		KEEP(NULL);                              \
	}

LOSER(lose_alpha, 3, 1000)
LOSER(lose_beta_cache, 1, 20000)
LOSER(lose_gamma, 2, 300000)

static void *early;

__attribute__((constructor)) static void begin(void)
{
	early = malloc(4000000);
}

int main(void)
{
	lose_alpha();
	lose_beta_cache();
	lose_gamma();
	return early == NULL;
}
