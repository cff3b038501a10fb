/* SPDX-License-Identifier: MIT */
/* Tests of the choice of images and forks: its patterns against fnmatch(3), and every --follow. */
#include "preload/follow.h"
#include "run_suite.h"

#include <check.h>
#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define N_RANDOM 200000

static struct ht_region_header *make_region(uint32_t follow, const char *only)
{
	struct ht_region_header *region = aligned_alloc(4096, 4096);

	ck_assert_ptr_nonnull(region);
	memset(region, 0, 4096);
	region->follow = follow;
	snprintf(region->only, sizeof(region->only) - 1, "%s", only);
	return region;
}

static void random_text(char *text, const char *alphabet, size_t max)
{
	size_t n = (size_t)rand() % max;

	for (size_t i = 0; i < n; i++)
		text[i] = alphabet[(size_t)rand() % strlen(alphabet)];
	text[n] = '\0';
}

START_TEST(test_only_random_patterns_match_as_fnmatch)
{
	struct ht_region_header *region = make_region(HT_FOLLOW_ALL, "");
	size_t n_wanted = 0;

	srand(1);
	for (int i = 0; i < N_RANDOM; i++) {
		char glob[12], name[12];

		random_text(glob, "ab*?\\", sizeof(glob) - 1);
		/* A backslash at the end means nothing that two libcs agree about. */
		strcat(glob, "a");
		random_text(name, "ab", sizeof(name));
		memset(region->only, 0, sizeof(region->only));
		strcpy(region->only, glob);

		bool is_wanted = ht_follow_wants_image(region, name, name);

		n_wanted += is_wanted;
		ck_assert_msg(is_wanted == (fnmatch(glob, name, 0) == 0), "\"%s\" and \"%s\"", glob,
		              name);
	}
	ck_assert_uint_gt(n_wanted, N_RANDOM / 100);
	ck_assert_uint_eq(region->n_images_unwanted, N_RANDOM - n_wanted);
	free(region);
}
END_TEST

START_TEST(test_only_sets_match_as_fnmatch)
{
	static const char *const globs[] = { "[ab]", "[!ab]", "[a-c]x", "[]a]",  "[!]a]",
		                             "[a",   "[^a]",   "*[0-9]" };
	static const char *const names[] = { "a",  "b",  "c",    "]",    "ax", "cx",
		                             "dx", "[a", "lib9", "" };
	struct ht_region_header *region = make_region(HT_FOLLOW_ALL, "");

	for (size_t g = 0; g < sizeof(globs) / sizeof(globs[0]); g++) {
		for (size_t n = 0; n < sizeof(names) / sizeof(names[0]); n++) {
			memset(region->only, 0, sizeof(region->only));
			strcpy(region->only, globs[g]);
			ck_assert_msg(ht_follow_wants_image(region, names[n], names[n]) ==
			                      (fnmatch(globs[g], names[n], 0) == 0),
			              "\"%s\" and \"%s\"", globs[g], names[n]);
		}
	}
	free(region);
}
END_TEST

START_TEST(test_only_looks_at_path_and_called_name)
{
	struct ht_region_header *region = make_region(HT_FOLLOW_ALL, "");

	memcpy(region->only, "no\0/usr/*/dash", sizeof("no\0/usr/*/dash"));
	ck_assert(ht_follow_wants_image(region, "/usr/bin/dash", "sh"));
	ck_assert(ht_follow_wants_image(region, "/bin/bash", "/opt/no"));
	ck_assert(!ht_follow_wants_image(region, "/bin/dash", "sh"));
	ck_assert(!ht_follow_wants_image(region, "", ""));
	free(region);
}
END_TEST

START_TEST(test_follow_first_image_and_later_ones)
{
	static const struct {
		uint32_t follow;
		bool wants_later, wants_fork;
	} cases[] = {
		{ HT_FOLLOW_ALL, true, true },
		{ HT_FOLLOW_EXEC, true, false },
		{ HT_FOLLOW_FORK, false, true },
		{ HT_FOLLOW_NONE, false, false },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ht_region_header *region = make_region(cases[i].follow, "");

		ck_assert(ht_follow_wants_image(region, "/bin/a", "a"));
		ck_assert(ht_follow_wants_image(region, "/bin/a", "a") == cases[i].wants_later);
		ck_assert(ht_follow_wants_fork(region) == cases[i].wants_fork);
		ck_assert_uint_eq(region->n_images, 2);
		ck_assert_uint_eq(region->n_images_unwanted, !cases[i].wants_later);
		free(region);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("follow");
	TCase *core = ht_add_case(suite, "core");

	tcase_add_test(core, test_only_random_patterns_match_as_fnmatch);
	tcase_add_test(core, test_only_sets_match_as_fnmatch);
	tcase_add_test(core, test_only_looks_at_path_and_called_name);
	tcase_add_test(core, test_follow_first_image_and_later_ones);
	return ht_run_suite(suite);
}
