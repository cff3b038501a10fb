/* SPDX-License-Identifier: MIT */
/* Which new paths are taken for paths that are gone. Tests. */
#include "run_suite.h"

#include "analyzer/report/diff.h"

#include <stdlib.h>

#define TOLERANCE 1000u /* 1 % */

static struct ht_path paths[8];
static struct ht_diff_entry entries[8];
static size_t n_entries;

/* One that all runs of one side have this much of. key: functions, innermost first, a newline after each. */
static void add(enum ht_diff_kind kind, const char *key, uint64_t value)
{
	struct ht_diff_span none = { 0, 0, 0 }, all = { value, value, value };
	struct ht_diff_entry *e = &entries[n_entries];

	paths[n_entries] = (struct ht_path){ .key = (char *)(uintptr_t)key };
	*e = (struct ht_diff_entry){ .path = &paths[n_entries] };
	e->change = kind == HT_DIFF_NEW ? ht_diff_classify(none, all, TOLERANCE)
	                                : ht_diff_classify(all, none, TOLERANCE);
	e->change.kind = kind;
	n_entries++;
}

/* The kind that a new path gets when this one is gone. */
static enum ht_diff_kind kind_of(const char *new_key, uint64_t new_value, const char *old_key,
                                 uint64_t old_value)
{
	n_entries = 0;
	add(HT_DIFF_NEW, new_key, new_value);
	add(HT_DIFF_GONE, old_key, old_value);
	ht_diff_find_moves(entries, n_entries, TOLERANCE);
	ck_assert_int_eq(entries[1].change.kind,
	                 entries[0].change.kind == HT_DIFF_MOVED ? HT_N_DIFF_KINDS : HT_DIFF_GONE);
	return entries[0].change.kind;
}

START_TEST(test_moves_a_renamed_function_has_moved)
{
	ck_assert_int_eq(kind_of("malloc\nparse2\nmain\n", 100, "malloc\nparse\nmain\n", 100),
	                 HT_DIFF_MOVED);
	ck_assert_ptr_eq(entries[0].old_path, &paths[1]);
	ck_assert(!entries[0].change.is_changed);
	ck_assert_uint_eq(entries[0].change.old_span.median, 100);
	ck_assert_uint_eq(entries[0].change.new_span.median, 100);
	/* More of it, too. */
	ck_assert_int_eq(kind_of("malloc\nparse2\nmain\n", 150, "malloc\nparse\nmain\n", 100),
	                 HT_DIFF_MOVED);
	ck_assert(entries[0].change.is_changed);
	/* A caller more, and another allocating function. */
	ck_assert_int_eq(kind_of("a\nb\nc\nmain\n", 7, "a\nb\nmain\n", 7), HT_DIFF_MOVED);
	ck_assert_int_eq(kind_of("new\nb\nc\nmain\n", 7, "old\nb\nc\nmain\n", 7), HT_DIFF_MOVED);
}
END_TEST

START_TEST(test_moves_need_half_of_the_path_or_more_when_values_differ)
{
	ck_assert_int_eq(kind_of("a\nb\nx\ny\n", 100, "a\nb\nv\nw\n", 100), HT_DIFF_MOVED);
	ck_assert_int_eq(kind_of("a\nb\nx\ny\n", 101, "a\nb\nv\nw\n", 100), HT_DIFF_MOVED);
	ck_assert_int_eq(kind_of("a\nb\nx\ny\n", 102, "a\nb\nv\nw\n", 100), HT_DIFF_NEW);
	ck_assert_int_eq(kind_of("a\nb\nx\ny\n", 100, "a\nb\nu\nv\nw\n", 100), HT_DIFF_NEW);
	ck_assert_int_eq(kind_of("a\nb\n", 100, "c\nd\n", 100), HT_DIFF_NEW);
}
END_TEST

START_TEST(test_moves_need_values_within_twice_each_other)
{
	ck_assert_int_eq(kind_of("a\nb\nc\n", 200, "a\nx\nc\n", 100), HT_DIFF_MOVED);
	ck_assert_int_eq(kind_of("a\nb\nc\n", 202, "a\nx\nc\n", 100), HT_DIFF_NEW);
	ck_assert_int_eq(kind_of("a\nb\nc\n", 100, "a\nx\nc\n", 202), HT_DIFF_NEW);
}
END_TEST

START_TEST(test_moves_compare_whole_names)
{
	/* Names that only begin, or end, alike. */
	ck_assert_int_eq(kind_of("ab\nu\n", 1, "ac\nv\n", 1), HT_DIFF_NEW);
	ck_assert_int_eq(kind_of("u\nmy_main\n", 1, "v\nmain\n", 1), HT_DIFF_NEW);
	ck_assert_int_eq(kind_of("u\nmain\n", 1, "v\nmy_main\n", 1), HT_DIFF_NEW);
	/* One function is not counted from both ends. */
	ck_assert_int_eq(kind_of("a\nb\nc\n", 1, "a\n", 1), HT_DIFF_NEW);
	ck_assert_int_eq(kind_of("a\na\na\n", 1, "a\n", 1), HT_DIFF_NEW);
	ck_assert_int_eq(kind_of("a\na\n", 1, "a\n", 1), HT_DIFF_MOVED);
	ck_assert_int_eq(kind_of("", 1, "", 1), HT_DIFF_NEW);
}
END_TEST

START_TEST(test_moves_pair_the_best_partners_once)
{
	n_entries = 0;
	add(HT_DIFF_GONE, "a\nx\ny\nmain\n", 10);
	add(HT_DIFF_GROWN, "a\nb\nc\nmain\n", 10);
	add(HT_DIFF_NEW, "a\nb\nc\nmain\n", 10);
	add(HT_DIFF_GONE, "a\nb\nz\nmain\n", 10);
	add(HT_DIFF_NEW, "a\nb\nd\nmain\n", 10);
	add(HT_DIFF_NEW, "a\nb\ne\nmain\n", 10);
	ht_diff_find_moves(entries, n_entries, TOLERANCE);
	ck_assert_int_eq(entries[2].change.kind, HT_DIFF_MOVED);
	ck_assert_ptr_eq(entries[2].old_path, &paths[3]);
	ck_assert_int_eq(entries[4].change.kind, HT_DIFF_MOVED);
	ck_assert_ptr_eq(entries[4].old_path, &paths[0]);
	ck_assert_int_eq(entries[5].change.kind, HT_DIFF_NEW);
	ck_assert_int_eq(entries[1].change.kind, HT_DIFF_GROWN);
	ck_assert_int_eq(entries[0].change.kind, HT_N_DIFF_KINDS);
	ck_assert_int_eq(entries[3].change.kind, HT_N_DIFF_KINDS);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("diff_moves");
	TCase *core = ht_add_case(suite, "core");

	tcase_add_test(core, test_moves_a_renamed_function_has_moved);
	tcase_add_test(core, test_moves_need_half_of_the_path_or_more_when_values_differ);
	tcase_add_test(core, test_moves_need_values_within_twice_each_other);
	tcase_add_test(core, test_moves_compare_whole_names);
	tcase_add_test(core, test_moves_pair_the_best_partners_once);
	return ht_run_suite(suite);
}
