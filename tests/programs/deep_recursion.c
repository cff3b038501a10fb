/* SPDX-License-Identifier: MIT */
/* deep_recursion [N]: an allocation on each of N (20,000) levels, going down and coming up. */
#include "program.h"

#include <sys/resource.h>
#include <unistd.h>

#define N_LEVELS 20000

static __attribute__((noinline)) size_t descend(size_t level)
{
	void *p = malloc(opaque(24));

	KEEP(p);

	size_t below = level ? descend(level - 1) : 0;

	free(p);
	p = malloc(opaque(25));
	KEEP(p);
	free(p);
	return below + 1;
}

int main(int argc, char **argv)
{
	printf("%zu levels\n", descend(argc > 1 ? strtoul(argv[1], NULL, 10) : N_LEVELS));
	return 0;
}
