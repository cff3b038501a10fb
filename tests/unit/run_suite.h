/* SPDX-License-Identifier: MIT */
/* The end of every unit test's main(). Tests only. */
#ifndef HT_RUN_SUITE_H
#define HT_RUN_SUITE_H

#include <check.h>

/* Run all cases of suite; the number of failures is the exit status. */
static inline int ht_run_suite(Suite *suite)
{
	SRunner *runner = srunner_create(suite);

	srunner_run_all(runner, CK_NORMAL);
	int n_failed = srunner_ntests_failed(runner);

	srunner_free(runner);
	return n_failed;
}

/* A test case with one name that is added to suite. */
static inline TCase *ht_add_case(Suite *suite, const char *name)
{
	TCase *tcase = tcase_create(name);

	tcase_set_timeout(tcase, 300); /* sanitizers, and machines that do other things too */
	suite_add_tcase(suite, tcase);
	return tcase;
}

#endif
