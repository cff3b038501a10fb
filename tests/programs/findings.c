/* SPDX-License-Identifier: MIT */
/* findings CASE: a program with one thing that is worth changing, or nothing. */
#include "program.h"

#include <pthread.h>
#include <string.h>
#include <unistd.h>

#define PLACE __attribute__((noinline)) static

PLACE void loop_forgets(void)
{
	for (int i = 0; i < 50000; i++)
		allocate_and_free(72);
}

#define N_TEXTS 8

/* In turns, so that each is in the way of another one. */
PLACE void append_slowly(void)
{
	char *texts[N_TEXTS] = { NULL };

	for (size_t n = 100; n <= 50000; n += 100) {
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
	for (int i = 0; i < 56; i++) {
		for (int k = 0; k < 100; k++)
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

	for (int i = 0; i < 100000; i++)
		list = make_tiny(list);
	while (list) {
		struct tiny *next = list->next;

		free(list);
		list = next;
	}
}

#define N_PASSED 1000

static void *passed[N_PASSED];

PLACE void fill(void)
{
	for (int i = 0; i < N_PASSED; i++)
		passed[i] = malloc(opaque(40 + (size_t)i % 50));
}

static void *drain(void *unused)
{
	for (int i = 0; i < N_PASSED; i++)
		free(passed[i]);
	return unused;
}

static void pass_on(void)
{
	for (int i = 0; i < 30; i++) {
		pthread_t thread;

		fill();
		CHECK(pthread_create(&thread, NULL, drain, NULL) == 0);
		CHECK(pthread_join(thread, NULL) == 0);
	}
}

PLACE void *short_copy(void)
{
	void *p = malloc(opaque(8 << 20));

	KEEP(p);
	return p;
}

static void peak_for_a_moment(void)
{
	void *kept = malloc(opaque(3 << 20));

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

	for (size_t i = 0; argc > 1 && i < sizeof(cases) / sizeof(*cases); i++) {
		if (strcmp(cases[i].name, argv[1]) == 0) {
			cases[i].run();
			return 0;
		}
	}
	return 2;
}
