/* SPDX-License-Identifier: MIT */
/* Numbers for people, checked arithmetic, strings and text. Tests. */
#include "run_suite.h"

#include "analyzer/base/arena.h"
#include "analyzer/base/checked.h"
#include "analyzer/base/human.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/utf8.h"

#include <stdlib.h>
#include <string.h>

START_TEST(test_human_bytes_at_borders)
{
	static const struct {
		uint64_t n;
		const char *text;
	} cases[] = {
		{ 0, "0 B" },
		{ 1, "1 B" },
		{ 1023, "1023 B" },
		{ 1024, "1.0 KiB" },
		{ 1536, "1.5 KiB" },
		{ 1024 * 1024 - 1, "1.0 MiB" }, /* not 1024.0 KiB */
		{ 1024 * 1024, "1.0 MiB" },
		{ 1023 * 1024, "1023.0 KiB" },
		{ 5ull << 40, "5.0 TiB" },
		{ UINT64_MAX, "16.0 EiB" },
	};
	char buf[HT_HUMAN_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(ht_human_bytes(buf, cases[i].n), cases[i].text);
}
END_TEST

START_TEST(test_human_count_groups_digits)
{
	char buf[HT_HUMAN_BYTES];

	ck_assert_str_eq(ht_human_count(buf, 0), "0");
	ck_assert_str_eq(ht_human_count(buf, 999), "999");
	ck_assert_str_eq(ht_human_count(buf, 1000), "1,000");
	ck_assert_str_eq(ht_human_count(buf, 1234567), "1,234,567");
	ck_assert_str_eq(ht_human_count(buf, UINT64_MAX), "18,446,744,073,709,551,615");
}
END_TEST

START_TEST(test_human_ns_at_borders)
{
	static const struct {
		uint64_t ns;
		const char *text;
	} cases[] = {
		{ 0, "0 ns" },
		{ 999, "999 ns" },
		{ 1000, "1.0 us" },
		{ 999949, "999.9 us" },
		{ 999950, "1.0 ms" },
		{ 999949999, "999.9 ms" },
		{ 999950000, "1.000 s" },
		{ 1204000000, "1.204 s" },
		{ 123000000000ull, "2 min 03 s" },
		{ 7200000000000ull, "2 h 00 min" },
	};
	char buf[HT_HUMAN_BYTES];

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		ck_assert_str_eq(ht_human_ns(buf, cases[i].ns), cases[i].text);
	ck_assert_uint_lt(strlen(ht_human_ns(buf, UINT64_MAX)), HT_HUMAN_BYTES);
}
END_TEST

START_TEST(test_human_pct_never_rounds_to_none_or_all)
{
	char buf[HT_HUMAN_BYTES];

	ck_assert_str_eq(ht_human_pct(buf, 0, 0), "0 %");
	ck_assert_str_eq(ht_human_pct(buf, 0, 5), "0 %");
	ck_assert_str_eq(ht_human_pct(buf, 5, 5), "100 %");
	ck_assert_str_eq(ht_human_pct(buf, 1, 100000), "<0.1 %");
	ck_assert_str_eq(ht_human_pct(buf, 99999, 100000), ">99.9 %");
	ck_assert_str_eq(ht_human_pct(buf, 1, 8), "12.5 %");
}
END_TEST

START_TEST(test_checked_overflow_is_seen)
{
	uint64_t v = 42;

	ck_assert(!ht_add_u64(UINT64_MAX, 1, &v));
	ck_assert(!ht_mul_u64(UINT64_MAX, 2, &v));
	ck_assert_uint_eq(v, 42); /* untouched */
	ck_assert(ht_add_u64(UINT64_MAX - 1, 1, &v) && v == UINT64_MAX);
	ck_assert_uint_eq(ht_add_u64_saturating(UINT64_MAX, 5), UINT64_MAX);
	ck_assert_uint_eq(ht_mul_div_u64(UINT64_MAX, UINT64_MAX, UINT64_MAX), UINT64_MAX);
	ck_assert_uint_eq(ht_mul_div_u64(UINT64_MAX, 2, 1), UINT64_MAX);
	ck_assert_uint_eq(ht_mul_div_u64(10, 10, 3), 33);
}
END_TEST

START_TEST(test_strbuf_grows_and_can_be_taken)
{
	struct ht_strbuf s = { 0 };

	ck_assert_str_eq(ht_strbuf_str(&s), "");
	for (int i = 0; i < 1000; i++)
		ht_strbuf_addf(&s, "%d,", i);
	ht_strbuf_add(&s, "a\0b", 3);
	ck_assert_uint_eq(s.n_bytes, 10 * 2 + 90 * 3 + 900 * 4 + 3);
	ck_assert_int_eq(memcmp(s.text, "0,1,2,", 6), 0);
	ht_strbuf_clear(&s);
	ck_assert_str_eq(ht_strbuf_str(&s), "");
	ht_strbuf_add_char(&s, 'x');
	char *text = ht_strbuf_take(&s);

	ck_assert_str_eq(text, "x");
	free(text);
	ck_assert_ptr_null(s.text);
	text = ht_strbuf_take(&s);
	ck_assert_str_eq(text, "");
	free(text);
	ht_strbuf_done(&s);
	ht_strbuf_done(NULL);
}
END_TEST

START_TEST(test_arena_pieces_are_apart_and_aligned)
{
	struct ht_arena arena = { 0 };
	char *pieces[500];

	for (size_t i = 0; i < 500; i++) {
		size_t n = i % 7 == 0 ? 100000 : i;

		pieces[i] = ht_arena_alloc(&arena, n);
		ck_assert_uint_eq((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
		memset(pieces[i], (int)i, n);
	}
	for (size_t i = 1; i < 500; i++)
		ck_assert_int_eq((unsigned char)pieces[i][0], (unsigned char)i);
	ck_assert_str_eq(ht_arena_dup(&arena, "hello", 4), "hell");
	ht_arena_done(&arena);
	ht_arena_done(NULL);
}
END_TEST

START_TEST(test_utf8_length_knows_text_from_bytes)
{
	ck_assert_uint_eq(ht_utf8_length("a"), 1);
	ck_assert_uint_eq(ht_utf8_length("\xc3\xa9"), 2);
	ck_assert_uint_eq(ht_utf8_length("\xe2\x82\xac"), 3);
	ck_assert_uint_eq(ht_utf8_length("\xf0\x9f\x98\x80"), 4);
	ck_assert_uint_eq(ht_utf8_length("\xc3"), 0);             /* cut */
	ck_assert_uint_eq(ht_utf8_length("\xc0\x80"), 0);         /* overlong */
	ck_assert_uint_eq(ht_utf8_length("\xed\xa0\x80"), 0);     /* surrogate */
	ck_assert_uint_eq(ht_utf8_length("\xf4\x90\x80\x80"), 0); /* beyond Unicode */
	ck_assert_uint_eq(ht_utf8_length("\x80"), 0);
	ck_assert_uint_eq(ht_utf8_count("a\xc3\xa9\xff"
	                                "b"),
	                  4);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("human");
	TCase *core = ht_add_case(suite, "core");
	TCase *limits = ht_add_case(suite, "limits");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_test(core, test_human_count_groups_digits);
	tcase_add_test(core, test_strbuf_grows_and_can_be_taken);
	tcase_add_test(core, test_arena_pieces_are_apart_and_aligned);
	tcase_add_test(limits, test_human_bytes_at_borders);
	tcase_add_test(limits, test_human_ns_at_borders);
	tcase_add_test(limits, test_human_pct_never_rounds_to_none_or_all);
	tcase_add_test(limits, test_checked_overflow_is_seen);
	tcase_add_test(corrupt, test_utf8_length_knows_text_from_bytes);
	return ht_run_suite(suite);
}
