/* SPDX-License-Identifier: MIT */
/* Tests of demangle: names as compilers write them and as people read them. Host. */
#include "config.h"
#include "run_suite.h"

#include "analyzer/symbols/demangle.h"

#include "analyzer/base/arena.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static const struct {
	const char *linker_name;
	const char *shown;
} names[] = {
	{"main", "main"},
	{"_start", "_start"},
	{"", ""},
	{"_Z", "_Z"},
	{"_Z3foov", "foo()"},
	{"_ZN3zoo5outerEm", "zoo::outer(unsigned long)"},
	{"_ZNSt6vectorIiSaIiEE9push_backERKi",
	 "std::vector<int, std::allocator<int> >::push_back(int const&)"},
	{"_ZN12_GLOBAL__N_16hiddenEv", "(anonymous namespace)::hidden()"},
	{"_Z3foov.cold", "foo() [clone .cold]"},
	{"memcpy@@GLIBC_2.14", "memcpy"},
	{"_Z3foov@@V1", "foo()"},
	/* Rust, legacy scheme. */
	{"_ZN4core3fmt9Formatter3pad17h0123456789abcdefE", "core::fmt::Formatter::pad"},
	{"_ZN71_$LT$Test$u20$$u2b$$u20$$u27$static$u20$as$u20$foo..Bar$LT$Test$GT$$GT$3bar17h930b740aa94f1d3aE",
	 "<Test + 'static as foo::Bar<Test>>::bar"},
	{"_ZN5alloc5alloc15exchange_malloc17h0123456789abcdefE", "alloc::alloc::exchange_malloc"},
	/* Looks like it, but is no hash. */
	{"_ZN3foo17h0123456789abcdeXE", "foo::h0123456789abcdeX"},
#ifdef HT_WITH_LIBIBERTY
	{"_RNvC6_123foo3bar", "123foo::bar"},
	{"_D4main3fooFZv", "main.foo()"},
#else
	{"_RNvC6_123foo3bar", "_RNvC6_123foo3bar"},
#endif
};

START_TEST(test_demangle_name_as_shown)
{
	struct ht_arena arena = {0};

	ck_assert_str_eq(ht_demangle(&arena, names[_i].linker_name), names[_i].shown);
	ht_arena_done(&arena);
}
END_TEST

START_TEST(test_demangle_truncated_names_are_harmless)
{
	struct ht_arena arena = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t n = 0; n < strlen(names[i].linker_name); n++) {
			const char *cut = ht_arena_dup(&arena, names[i].linker_name, n);

			ck_assert_ptr_nonnull(ht_demangle(&arena, cut));
		}
	}
	ht_arena_done(&arena);
}
END_TEST

START_TEST(test_demangle_huge_name_is_left_alone)
{
	struct ht_arena arena = {0};
	size_t n = 1 << 20;
	char *name = malloc(n);

	ck_assert_ptr_nonnull(name);
	memset(name, 'P', n);
	memcpy(name, "_Z1f", 4);
	name[n - 1] = '\0';
	ck_assert_ptr_eq(ht_demangle(&arena, name), name);
	free(name);
	ht_arena_done(&arena);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("demangle");
	TCase *core = tcase_create("core"), *corrupt = tcase_create("corrupt");

	tcase_add_loop_test(core, test_demangle_name_as_shown, 0, sizeof(names) / sizeof(names[0]));
	tcase_add_test(corrupt, test_demangle_truncated_names_are_harmless);
	tcase_add_test(corrupt, test_demangle_huge_name_is_left_alone);
	suite_add_tcase(s, core);
	suite_add_tcase(s, corrupt);
	return ht_run_suite(s);
}
