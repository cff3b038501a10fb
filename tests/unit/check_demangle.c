/* SPDX-License-Identifier: MIT */
/* Tests of demangle: names as compilers write them and as people read them. Host. */
#include "config.h"
#include "run_suite.h"

#include "analyzer/symbols/demangle.h"

#include "analyzer/base/arena.h"
#include "analyzer/symbols/simple_name.h"

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
	{"_RNvMCsbf2rB0JYl6Q_3appNtB2_5Thing3new", "<app::Thing>::new"},
	{"_RINvNtC3std3mem4swapyE", "std::mem::swap::<u64>"},
	{"_D4main3fooFZv", "main.foo()"},
	{"_Dmain", "D main"},
	{"_Daemon", "_Daemon"},
	{"_Resume", "_Resume"},
#else
	{"_RNvC6_123foo3bar", "_RNvC6_123foo3bar"},
#endif
};

START_TEST(test_demangle_name_as_shown)
{
	struct ht_arena arena = {0};

	ck_assert_str_eq(ht_demangle(&arena, names[_i].linker_name, HT_DEMANGLE_FULL),
			 names[_i].shown);
	ht_arena_done(&arena);
}
END_TEST

START_TEST(test_demangle_no_as_linkers_write_it)
{
	struct ht_arena arena = {0};

	ck_assert_str_eq(ht_demangle(&arena, "_Z3foov@@V1", HT_DEMANGLE_NO), "_Z3foov");
	ck_assert_str_eq(ht_demangle(&arena, "_Z3foov@plt", HT_DEMANGLE_NO), "_Z3foov@plt");
	ck_assert_str_eq(ht_demangle(&arena, "_Z3foov@plt", HT_DEMANGLE_SIMPLE), "foo@plt");
	ht_arena_done(&arena);
}
END_TEST

static const struct {
	const char *full;
	const char *simple;
} simple_names[] = {
	{"main", "main"},
	{"foo()", "foo"},
	{"zoo::outer(unsigned long)", "zoo::outer"},
	{"std::vector<int, std::allocator<int> >::push_back(int const&)", "std::vector::push_back"},
	{"std::vector<int> ns::f<int>(int) const [clone .cold]", "ns::f"},
	{"(anonymous namespace)::hidden((anonymous namespace)::T)", "(anonymous namespace)::hidden"},
	{"std::function<void (int)>::operator()(int) const", "std::function::operator()"},
	{"A::f(int) const::{lambda(std::vector<int>)#1}::operator()(std::vector<int>) const",
	 "A::f::{lambda#1}::operator()"},
	{"std::ostream& std::operator<< <std::char_traits<char> >(std::ostream&, char const*)",
	 "std::operator<<"},
	{"bool operator< <int>(A<int> const&, A<int> const&)", "operator<"},
	{"bool std::operator<=><int>(int, int)", "std::operator<=>"},
	{"A<(&(operator>(A, B)))>::operator->() const", "A::operator->"},
	{"A<((4)>(3))>::f()", "A::f"},
	{"operator new(unsigned long)", "operator new"},
	{"operator new[](unsigned long)", "operator new[]"},
	{"A::operator std::vector<int>() const", "A::operator std::vector"},
	{"A::operator char const*()", "A::operator char const*"},
	{"int (*pick<int>(char))(long)", "pick"},
	{"decltype ((a)+(b)) add<int>(int, int)", "add"},
	{"f[abi:cxx11](int)", "f"},
	{"non-virtual thunk to A::f()", "A::f"},
	{"alloc::raw_vec::finish_grow", "alloc::raw_vec::finish_grow"},
	{"core::ptr::drop_in_place::<alloc::vec::Vec<u8>>", "core::ptr::drop_in_place"},
	{"<alloc::vec::Vec<u8> as core::ops::drop::Drop>::drop",
	 "<alloc::vec::Vec as core::ops::drop::Drop>::drop"},
	{"<<app::A<u8> as app::B>::C as app::D<u8>>::run::{closure#0}",
	 "<<app::A as app::B>::C as app::D>::run::{closure#0}"},
	{"app::main::{{closure}}", "app::main::{{closure}}"},
	{"main.foo!(int).bar(int[])", "main.foo.bar"},
	{"D main", "main"},
	/* Not whole, or nothing to keep. */
	{"", ""},
	{"(", "("},
	{"f<(", "f"},
	{"<a", "<a"},
	{"{", "{"},
};

START_TEST(test_simple_name_without_what_makes_it_long)
{
	struct ht_arena arena = {0};

	ck_assert_str_eq(ht_simple_name(&arena, simple_names[_i].full), simple_names[_i].simple);
	ht_arena_done(&arena);
}
END_TEST

/* Brackets upon brackets neither overflow the stack nor take for ever. */
START_TEST(test_simple_name_only_brackets_is_harmless)
{
	static const char *const pieces[] = {"<", "(", "{", "[", "<a>::", "<(", "operator<", " "};

	for (size_t i = 0; i < sizeof(pieces) / sizeof(pieces[0]); i++) {
		struct ht_arena arena = {0};
		size_t n = strlen(pieces[i]);
		char name[30000];

		for (size_t k = 0; k < sizeof(name); k++)
			name[k] = pieces[i][k % n];
		name[sizeof(name) - 1] = '\0';
		ck_assert_uint_lt(strlen(ht_simple_name(&arena, name)), sizeof(name));
		ht_arena_done(&arena);
	}
}
END_TEST

START_TEST(test_demangle_truncated_names_are_harmless)
{
	struct ht_arena arena = {0};

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		for (size_t n = 0; n < strlen(names[i].linker_name); n++) {
			const char *cut = ht_arena_dup(&arena, names[i].linker_name, n);

			ck_assert_ptr_nonnull(ht_demangle(&arena, cut, HT_DEMANGLE_SIMPLE));
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
	ck_assert_ptr_eq(ht_demangle(&arena, name, HT_DEMANGLE_FULL), name);
	free(name);
	ht_arena_done(&arena);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("demangle");
	TCase *core = tcase_create("core"), *corrupt = tcase_create("corrupt");

	tcase_add_loop_test(core, test_demangle_name_as_shown, 0, sizeof(names) / sizeof(names[0]));
	tcase_add_test(core, test_demangle_no_as_linkers_write_it);
	tcase_add_loop_test(core, test_simple_name_without_what_makes_it_long, 0,
			    sizeof(simple_names) / sizeof(simple_names[0]));
	tcase_add_test(corrupt, test_simple_name_only_brackets_is_harmless);
	tcase_add_test(corrupt, test_demangle_truncated_names_are_harmless);
	tcase_add_test(corrupt, test_demangle_huge_name_is_left_alone);
	suite_add_tcase(s, core);
	suite_add_tcase(s, corrupt);
	return ht_run_suite(s);
}
