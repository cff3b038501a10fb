/* SPDX-License-Identifier: MIT */
/* findings CASE [AMOUNT [OTHER]]: a program with one thing that is worth changing, or nothing. */
#include "program.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define PLACE __attribute__((noinline)) static

/* What the program was given, or as much as is enough. */
static size_t amounts[2];

static size_t amount(int i, size_t otherwise)
{
	return amounts[i] ? amounts[i] : otherwise;
}

PLACE void loop_forgets(void)
{
	for (size_t i = 0; i < amount(0, 50000); i++)
		allocate_and_free(72);
}

#define N_TEXTS 8

/* In turns, so that each is in the way of another one. */
PLACE void append_slowly(void)
{
	char *texts[N_TEXTS] = { NULL };
	size_t step = amount(1, 100);

	for (size_t n = step; n <= amount(0, 500) * step; n += step) {
		for (int i = 0; i < N_TEXTS; i++) {
			texts[i] = realloc(texts[i], opaque(n));
			CHECK(texts[i]);
		}
	}
	for (int i = 0; i < N_TEXTS; i++)
		free(texts[i]);
}

PLACE void *cache_forever(size_t n_bytes)
{
	void *p = malloc(opaque(n_bytes));

	KEEP(p);
	return p;
}

static void grow(void)
{
	for (size_t i = 0; i < amount(1, 56); i++) {
		for (size_t k = 0; k < amount(0, 100); k++)
			CHECK(cache_forever(500));
		usleep(100000);
	}
}

struct tiny {
	struct tiny *next;
};

PLACE struct tiny *make_tiny(struct tiny *next)
{
	struct tiny *t = malloc(opaque(sizeof(*t)));

	CHECK(t);
	t->next = next;
	return t;
}

static void many_tiny(void)
{
	struct tiny *list = NULL;

	for (size_t i = 0; i < amount(0, 100000); i++)
		list = make_tiny(list);
	while (list) {
		struct tiny *next = list->next;

		free(list);
		list = next;
	}
}

#define N_PASSED 1000

static void *passed[N_PASSED];

PLACE void fill(size_t n)
{
	for (size_t i = 0; i < N_PASSED; i++)
		passed[i] = i < n ? malloc(opaque(40 + i % 50)) : NULL;
}

static void *drain(void *unused)
{
	for (int i = 0; i < N_PASSED; i++)
		free(passed[i]);
	return unused;
}

static void pass_on(void)
{
	for (size_t n = amount(0, 30000); n > 0; n -= n < N_PASSED ? n : N_PASSED) {
		pthread_t thread;

		fill(n);
		CHECK(pthread_create(&thread, NULL, drain, NULL) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
	}
}

PLACE void *short_copy(void)
{
	void *p = malloc(opaque(amount(0, 8u << 20)));

	KEEP(p);
	return p;
}

static void peak_for_a_moment(void)
{
	void *kept = malloc(opaque(amount(1, 3u << 20)));

	KEEP(kept);
	usleep(100000);
	free(short_copy());
	usleep(200000);
	free(kept);
}

/* A bit of everything, none of it much. */
static void nothing(void)
{
	void *kept[500];

	for (size_t round = 0; round < 20; round++) {
		for (size_t i = 0; i < 500; i++) {
			kept[i] = malloc(opaque(40 + (i * 7919 + round) % 400));
			CHECK(kept[i]);
		}
		for (size_t i = 0; i < 500; i++)
			free(kept[i]);
		for (int i = 0; i < 10; i++)
			allocate_and_free(100);
	}
}

int main(int argc, char **argv)
{
	static const struct {
		const char *name;
		void (*run)(void);
	} cases[] = {
		{ "loop", loop_forgets }, { "small-steps", append_slowly },
		{ "growing", grow },      { "tiny-blocks", many_tiny },
		{ "passed-on", pass_on }, { "short-peak", peak_for_a_moment },
		{ "none", nothing },
	};

	for (int i = 0; i < 2 && i + 2 < argc; i++)
		amounts[i] = (size_t)atol(argv[i + 2]);
	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(*cases); i++) {
		if (strcmp(cases[i].name, argv[1]) == 0) {
			cases[i].run();
			return 0;
		}
	}
	return 2;
}
