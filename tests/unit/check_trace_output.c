/* SPDX-License-Identifier: MIT */
/* Tests of trace names and files: patterns, names that are taken, locks. */
#include "analyzer/record/trace_output.h"
#include "run_suite.h"

#include <check.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

static char dir[64];
static char path[128];
static struct ht_trace_output output;
static struct ht_diag diag;

static void setup(void)
{
	strcpy(dir, "/tmp/heaptide-check-XXXXXX");
	ck_assert_ptr_nonnull(mkdtemp(dir));
	snprintf(path, sizeof(path), "%s/trace", dir);
	diag = (struct ht_diag){ .err = HT_OK };
}

static void teardown(void)
{
	char command[128];

	snprintf(command, sizeof(command), "rm -rf %s", dir);
	ck_assert_int_eq(system(command), 0);
}

static void make_file(const char *name, const char *text)
{
	FILE *f = fopen(name, "w");

	ck_assert_ptr_nonnull(f);
	fputs(text, f);
	fclose(f);
}

static long size_of(const char *name)
{
	struct stat st;

	return stat(name, &st) == 0 ? (long)st.st_size : -1;
}

START_TEST(test_expand_patterns)
{
	char host[256] = "";
	char expected[PATH_MAX];
	char got[PATH_MAX];

	gethostname(host, sizeof(host) - 1);
	snprintf(expected, sizeof(expected), "d/%s.prog.42.%%.%%x%%", host);
	ck_assert_int_eq(ht_trace_output_expand("d/%h.%e.%p.%%.%x%", 42, "/bin/prog", got, &diag),
			 HT_OK);
	ck_assert_str_eq(got, expected);
	ck_assert_int_eq(ht_trace_output_expand("%t", 1, "p", got, &diag), HT_OK);
	ck_assert_uint_gt(strtoul(got, NULL, 10), 1600000000u);
	ck_assert_int_eq(ht_trace_output_expand("", 1, "p", got, &diag), HT_OK);
	ck_assert_str_eq(got, "");
}
END_TEST

START_TEST(test_expand_too_long_is_refused)
{
	static char pattern[PATH_MAX + 10];
	char got[PATH_MAX];

	memset(pattern, 'x', PATH_MAX);
	ck_assert_int_eq(ht_trace_output_expand(pattern, 1, "p", got, &diag), HT_ERR_LIMIT);
	pattern[PATH_MAX - 1] = '\0';
	ck_assert_int_eq(ht_trace_output_expand(pattern, 1, "p", got, &diag), HT_OK);
}
END_TEST

START_TEST(test_init_new_file_is_locked)
{
	ck_assert_int_eq(ht_trace_output_init(&output, path, HT_TAKEN_REFUSE, &diag), HT_OK);
	ck_assert_str_eq(output.path, path);
	int fd = open(path, O_RDONLY);

	ck_assert_int_ne(flock(fd, LOCK_SH | LOCK_NB), 0);
	ht_trace_output_done(&output);
	ck_assert_int_eq(flock(fd, LOCK_SH | LOCK_NB), 0);
	close(fd);
}
END_TEST

START_TEST(test_init_taken_name_is_refused_and_kept)
{
	make_file(path, "precious");
	ck_assert_int_eq(ht_trace_output_init(&output, path, HT_TAKEN_REFUSE, &diag), HT_ERR_IO);
	ck_assert_ptr_nonnull(strstr(diag.msg, "-f"));
	ht_trace_output_discard(&output);
	ck_assert_int_eq(size_of(path), 8);
}
END_TEST

START_TEST(test_init_taken_name_is_replaced_on_request)
{
	make_file(path, "precious");
	ck_assert_int_eq(ht_trace_output_init(&output, path, HT_TAKEN_REPLACE, &diag), HT_OK);
	/* Not 0: see there. What is written begins at the beginning. */
	ck_assert_int_eq(size_of(path), 1);
	ck_assert_int_eq(lseek(output.fd, 0, SEEK_CUR), 0);
	ht_trace_output_discard(&output);
	ck_assert_int_eq(size_of(path), -1);
}
END_TEST

START_TEST(test_init_taken_names_are_numbered)
{
	char numbered[160];

	make_file(path, "0");
	snprintf(numbered, sizeof(numbered), "%s.1", path);
	make_file(numbered, "1");
	ck_assert_int_eq(ht_trace_output_init(&output, path, HT_TAKEN_NUMBER, &diag), HT_OK);
	snprintf(numbered, sizeof(numbered), "%s.2", path);
	ck_assert_str_eq(output.path, numbered);
	ck_assert_int_eq(size_of(path), 1);
	ht_trace_output_done(&output);
}
END_TEST

/* Even with -f: a trace that is being written is not pulled from under its recorder. */
START_TEST(test_init_file_of_a_running_recorder_is_refused_and_kept)
{
	struct ht_trace_output first;

	ck_assert_int_eq(ht_trace_output_init(&first, path, HT_TAKEN_REFUSE, &diag), HT_OK);
	ck_assert_int_eq(write(first.fd, "block", 5), 5);
	ck_assert_int_eq(ht_trace_output_init(&output, path, HT_TAKEN_REPLACE, &diag), HT_ERR_IO);
	ht_trace_output_discard(&output);
	ck_assert_int_eq(size_of(path), 5);
	ht_trace_output_done(&first);
}
END_TEST

START_TEST(test_init_special_files)
{
	ck_assert_int_eq(ht_trace_output_init(&output, "/dev/null", HT_TAKEN_REFUSE, &diag), HT_OK);
	ck_assert(!output.is_file);
	ht_trace_output_discard(&output);
	ck_assert_int_eq(access("/dev/null", F_OK), 0);
	ck_assert_int_eq(ht_trace_output_init(&output, dir, HT_TAKEN_REPLACE, &diag), HT_ERR_IO);
	/* A pipe without a reader would block for ever. */
	ck_assert_int_eq(mkfifo(path, 0600), 0);
	ck_assert_int_eq(ht_trace_output_init(&output, path, HT_TAKEN_REPLACE, &diag), HT_ERR_IO);
}
END_TEST

START_TEST(test_init_missing_directory_names_the_path)
{
	char missing[160];

	snprintf(missing, sizeof(missing), "%s/no/trace", dir);
	ck_assert_int_eq(ht_trace_output_init(&output, missing, HT_TAKEN_NUMBER, &diag), HT_ERR_IO);
	ck_assert_ptr_nonnull(strstr(diag.msg, missing));
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("trace_output");
	TCase *core = tcase_create("core");
	TCase *limits = tcase_create("limits");

	tcase_add_checked_fixture(core, setup, teardown);
	tcase_add_test(core, test_expand_patterns);
	tcase_add_test(core, test_init_new_file_is_locked);
	tcase_add_test(core, test_init_taken_name_is_refused_and_kept);
	tcase_add_test(core, test_init_taken_name_is_replaced_on_request);
	tcase_add_test(core, test_init_taken_names_are_numbered);
	tcase_add_test(core, test_init_file_of_a_running_recorder_is_refused_and_kept);
	suite_add_tcase(suite, core);
	tcase_add_checked_fixture(limits, setup, teardown);
	tcase_add_test(limits, test_expand_too_long_is_refused);
	tcase_add_test(limits, test_init_special_files);
	tcase_add_test(limits, test_init_missing_directory_names_the_path);
	suite_add_tcase(suite, limits);
	return ht_run_suite(suite);
}
