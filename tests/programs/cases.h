/* SPDX-License-Identifier: MIT */
/*
 * What the programs of tests/ROBUSTNESS.md share: a program has a table of cases, its first argument
 * picks one. A case says with promise() what its trace must hold. Target.
 */
#ifndef HT_CASES_H
#define HT_CASES_H

#include "program.h"

#include <stdint.h>
#include <string.h>

struct named_case {
	const char *name;
	void (*run)(char **args); /* what follows the name on the command line, ended by NULL */
};

/*
 * A line on stdout for the test: in all processes of the trace together, blocks of n_bytes came
 * from an allocation or a realloc n_times, and n_live of them are there in the end. Sizes are odd, so that nobody else
 * asks for the same.
 */
static inline void promise(size_t n_bytes, size_t n_times, size_t n_live)
{
	printf("promise: size %zu times %zu live %zu\n", n_bytes, n_times, n_live);
}

/* p, in a way that the compiler cannot follow: it leaves no allocation out as useless. */
static inline void *kept(void *p)
{
	KEEP(p);
	return p;
}

/* n_times blocks that stay. */
static inline void leak(size_t n_bytes, size_t n_times)
{
	for (size_t i = 0; i < n_times; i++)
		CHECK(kept(malloc(opaque(n_bytes))));
}

static inline int run_case(const struct named_case *cases, size_t n_cases, char **argv)
{
	for (size_t i = 0; argv[1] && i < n_cases; i++) {
		if (strcmp(cases[i].name, argv[1]) == 0) {
			cases[i].run(argv + 2);
			puts("done");
			return 0;
		}
	}
	fprintf(stderr, "no such case\n");
	return 99;
}
#define RUN_CASE(cases, argv) run_case(cases, sizeof(cases) / sizeof((cases)[0]), argv)

#endif
