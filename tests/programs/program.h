/* SPDX-License-Identifier: MIT */
/* What the test programs share: keeping the compiler from optimising allocations away. Target. */
#ifndef HT_PROGRAM_H
#define HT_PROGRAM_H

#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>

/* The compiler must believe that p is read and changed here, so the call that made it stays. */
#define KEEP(p) __asm__ volatile("" : "+r"(p) : : "memory")

/* A value the compiler cannot know. */
static inline size_t opaque(size_t v)
{
	KEEP(v);
	return v;
}

/* One allocation and its free. */
static inline void allocate_and_free(size_t n_bytes)
{
	void *p = malloc(opaque(n_bytes));

	KEEP(p);
	free(p);
}

/* A program that finds itself misbehaving says where and ends with 1. */
#define CHECK(condition)                                                                      \
	do {                                                                                  \
		if (!(condition)) {                                                           \
			fprintf(stderr, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
			exit(1);                                                              \
		}                                                                             \
	} while (0)

#endif
