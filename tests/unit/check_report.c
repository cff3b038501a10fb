/* SPDX-License-Identifier: MIT */
/* The report in both forms: the JSON contract key by key, text that fits and plays no tricks. Tests. */
#include "run_suite.h"
#include "trace_maker.h"

#include "analyzer/base/utf8.h"
#include "analyzer/replay/replay.h"
#include "analyzer/report/json_writer.h"
#include "analyzer/report/report.h"
#include "analyzer/report/short_name.h"
#include "analyzer/report/text_page.h"

#include <cjson/cJSON.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* A report of a trace, as text in memory (to be freed). */
static char *render(struct ht_trace_maker *maker, bool is_json, const struct ht_text_style *style,
                    size_t n_top)
{
	const struct ht_replay_options options = { .short_lived_age = 64 };
	char *path = ht_trace_maker_save(maker), *text = NULL;
	size_t n_bytes;
	FILE *out = open_memstream(&text, &n_bytes);
	struct ht_trace_file *file;
	struct ht_trace_model model;
	struct ht_results results;
	struct ht_diag diag;

	ck_assert_int_eq(ht_trace_file_open(path, &file, &diag), HT_OK);
	ck_assert_int_eq(ht_trace_model_load(&model, file, &diag), HT_OK);
	ht_replay_run(file, &model, &options, &results);

	struct ht_report report = {
		.file = file,
		.model = &model,
		.results = &results,
		.symbolizer = ht_symbolizer_new(),
		.n_top = n_top,
		.n_frames = 8,
	};

	if (is_json)
		ht_report_json(&report, out);
	else
		ht_report_text(&report, style, out);
	fclose(out);
	ht_symbolizer_free(report.symbolizer);
	ht_results_done(&results);
	ht_trace_model_done(&model);
	ht_trace_file_close(file);
	unlink(path);
	free(path);
	return text;
}

static void add(struct ht_trace_maker *maker, uint32_t kind, uint64_t tick, uint64_t id,
                uint64_t size, uint32_t node)
{
	ht_trace_maker_event(
	        maker, 1, 1,
	        &(struct ht_event){
	                .kind = kind, .tick = tick, .id = id, .size = size, .node = node });
}

/* 3000 bytes at the peak, 1000 of them leaked; one temporary block. */
static struct ht_trace_maker *known_trace(void)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_module(maker, 1, 0x10000, 0x20000, 0x10000, 0,
	                      "/no/such/\x1b[31m\"lib\xff.so");
	ht_trace_maker_node(maker, 1, 16, 0, 0x10100, 0);
	ht_trace_maker_node(maker, 1, 17, 16, 0x10200, 0);
	ht_trace_maker_node(maker, 1, 18, 1, 0x10300, 0);
	add(maker, HT_EVENT_ALLOC, 11000, 1, 1000, 17);
	add(maker, HT_EVENT_ALLOC, 21000, 2, 2000, 18);
	add(maker, HT_EVENT_FREE, 31000, 2, 0, 0);
	add(maker, HT_EVENT_ALLOC, 41000, 3, 1500, 16);
	ht_trace_maker_event(maker, 1, 1,
	                     &(struct ht_event){ .kind = HT_EVENT_REALLOC,
	                                         .tick = 42000,
	                                         .id = 4,
	                                         .old_id = 3,
	                                         .size = 1600,
	                                         .node = 16 });
	add(maker, HT_EVENT_FREE, 43000, 4, 0, 0);
	ht_trace_maker_process_end(maker, 1, 101000, HT_END_SIGNAL, 9);
	ht_trace_maker_finish(maker);
	return maker;
}

/* The number under a path like "peak.sites.0.at_peak_bytes"; fails when there is none. */
static const cJSON *at(const cJSON *json, const char *path)
{
	char key[64];

	for (const char *p = path; *p;) {
		size_t n = strcspn(p, ".");

		memcpy(key, p, n);
		key[n] = '\0';
		json = cJSON_IsArray(json) ? cJSON_GetArrayItem(json, atoi(key))
		                           : cJSON_GetObjectItemCaseSensitive(json, key);
		if (!json)
			ck_abort_msg("no %s", path);
		p += n + (p[n] == '.');
	}
	return json;
}

static double number(const cJSON *json, const char *path)
{
	const cJSON *item = at(json, path);

	if (!cJSON_IsNumber(item))
		ck_abort_msg("%s is no number", path);
	return item->valuedouble;
}

START_TEST(test_report_json_keeps_the_contract)
{
	struct ht_trace_maker *maker = known_trace();
	char *text = render(maker, true, NULL, SIZE_MAX);
	cJSON *json = cJSON_Parse(text);

	ck_assert_ptr_nonnull(json);
	ck_assert_str_eq(at(json, "schema")->valuestring, "heaptide.report/1");
	ck_assert_str_eq(at(json, "command.0")->valuestring, "program");
	ck_assert_double_eq(number(json, "processes.0.pid"), 101);
	ck_assert_str_eq(at(json, "processes.0.program")->valuestring, "program");
	ck_assert_str_eq(at(json, "processes.0.ended")->valuestring, "signal 9");
	ck_assert_double_eq(number(json, "totals.allocations"), 3);
	ck_assert_double_eq(number(json, "totals.frees"), 2);
	ck_assert_double_eq(number(json, "totals.reallocations"), 1);
	ck_assert_double_eq(number(json, "totals.allocated_bytes"), 6100);
	ck_assert_double_eq(number(json, "totals.duration_ns"), 100000000);
	ck_assert_double_eq(number(json, "totals.threads"), 1);
	ck_assert_double_eq(number(json, "totals.lost_events"), 0);
	ck_assert_double_eq(number(json, "totals.unknown_frees"), 0);
	ck_assert_double_eq(number(json, "peak.bytes"), 3000);
	ck_assert_double_eq(number(json, "peak.allocations"), 2);
	ck_assert_double_eq(number(json, "peak.time_ns"), 20000000);
	ck_assert_double_eq(number(json, "peak.sites.0.at_peak_bytes"), 2000);
	ck_assert_double_eq(number(json, "peak.sites.0.own_peak_bytes"), 2000);
	ck_assert_double_eq(number(json, "peak.sites.0.own_peak_time_ns"),
	                    number(json, "peak.time_ns"));
	ck_assert_double_eq(number(json, "peak.sites.1.at_peak_bytes"), 1000);
	ck_assert_int_eq(cJSON_GetArraySize(at(json, "peak.sites")), 2);
	ck_assert_double_eq(number(json, "leaked.bytes"), 1000);
	ck_assert_double_eq(number(json, "leaked.allocations"), 1);
	ck_assert_double_eq(number(json, "leaked.sites.0.leaked_bytes"), 1000);
	ck_assert_double_eq(number(json, "leaked.sites.0.leaked_allocations"), 1);
	ck_assert_double_eq(number(json, "churn.temporary_allocations"), 2);
	ck_assert_double_eq(number(json, "churn.temporary_bytes"), 3600);
	ck_assert_double_eq(number(json, "churn.short_lived_allocations"), 2);
	ck_assert_double_eq(number(json, "churn.short_lived_bytes"), 3600);
	ck_assert_double_eq(number(json, "churn.sites.0.short_lived_allocations"), 1);
	ck_assert_double_eq(number(json, "churn.sites.0.temporary_allocations"), 1);
	ck_assert_double_eq(number(json, "rate.allocations_per_s"), 30);
	ck_assert_double_eq(number(json, "rate.bytes_per_s"), 61000);
	ck_assert_double_eq(number(json, "rate.busiest.from_ns"), 1000000);
	ck_assert_double_eq(number(json, "rate.busiest.to_ns"), 11000000);
	ck_assert_double_eq(number(json, "rate.busiest.allocations_per_s"), 100);
	ck_assert_double_eq(number(json, "rate.windows.allocations.max"),
	                    number(json, "rate.busiest.allocations"));
	ck_assert_double_eq(number(json, "rate.sites.0.allocations"), 1);
	ck_assert_double_eq(number(json, "rate.sites.0.allocated_bytes"), 3100);
	ck_assert_double_eq(number(json, "sizes.p50"), 1500);
	ck_assert_double_eq(number(json, "sizes.max"), 2000);
	ck_assert_double_eq(number(json, "sizes.p999"), 2000);
	ck_assert_double_eq(number(json, "lifetimes_ns.p50"), 2000000);
	ck_assert_double_eq(number(json, "lifetimes_ns.p99"), 10000000);
	ck_assert_double_eq(number(json, "lifetimes_ns.censored"), 1);

	/* Innermost first; what is not known is null; names are text whatever bytes they were. */
	ck_assert_int_eq(cJSON_GetArraySize(at(json, "leaked.sites.0.stack")), 2);
	ck_assert_str_eq(at(json, "leaked.sites.0.stack.0.address")->valuestring, "0x1ff");
	ck_assert_str_eq(at(json, "leaked.sites.0.stack.1.address")->valuestring, "0xff");
	ck_assert(cJSON_IsNull(at(json, "leaked.sites.0.stack.0.function")));
	ck_assert(cJSON_IsNull(at(json, "leaked.sites.0.stack.0.file")));
	ck_assert(cJSON_IsNull(at(json, "leaked.sites.0.stack.0.line")));
	ck_assert(cJSON_IsFalse(at(json, "leaked.sites.0.stack.0.inlined")));
	ck_assert_str_eq(at(json, "leaked.sites.0.stack.0.module")->valuestring,
	                 "/no/such/\x1b[31m\"lib\xef\xbf\xbd.so");
	ck_assert(cJSON_IsNull(at(json, "leaked.sites.0.truncated")));
	ck_assert_str_eq(at(json, "peak.sites.0.truncated")->valuestring, "no unwind data");
	cJSON_Delete(json);
	free(text);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_report_json_of_nothing_has_nulls_for_percentiles)
{
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	ht_trace_maker_finish(maker);
	char *text = render(maker, true, NULL, 10);
	cJSON *json = cJSON_Parse(text);

	ck_assert_ptr_nonnull(json);
	ck_assert(cJSON_IsNull(at(json, "sizes.p50")));
	ck_assert(cJSON_IsNull(at(json, "lifetimes_ns.max")));
	ck_assert_str_eq(at(json, "processes.0.ended")->valuestring, "unknown");
	ck_assert_double_eq(number(json, "peak.bytes"), 0);
	cJSON_Delete(json);
	free(text);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_report_text_fits_and_plays_no_tricks)
{
	static const unsigned widths[] = { 80, 100, 120, 200 };
	struct ht_trace_maker *maker = known_trace();

	for (size_t i = 0; i < 8; i++) {
		struct ht_text_style style = { .n_columns = widths[i / 2], .has_utf8 = i % 2 };
		char *text = render(maker, false, &style, 10);

		ck_assert_ptr_nonnull(strstr(text, "PEAK"));
		ck_assert_ptr_nonnull(strstr(text, "2.9 KiB"));
		ck_assert_ptr_null(strchr(text, '\x1b')); /* not even from the module's name */
		for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
			ck_assert_uint_le(ht_utf8_count(line), style.n_columns);
			for (char *c = line; *c; c++)
				ck_assert(style.has_utf8 ||
				          ((unsigned char)*c >= 32 && (unsigned char)*c < 127));
		}
		free(text);
	}
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_report_text_says_what_matters)
{
	static const struct ht_text_style style = { .n_columns = 100, .has_utf8 = true };
	static const char *const phrases[] = {
		"program argument",
		"killed by signal 9 (SIGKILL)",
		"3 allocations, 2 frees, 1 reallocation; 6.0 KiB requested",
		"2.9 KiB (3,000 bytes) live in 2 blocks, first reached at 20.0 ms",
		"1000 B in 1 block still live at the end",
		"(with what killed or still running processes were using)",
		"2 short-lived (66.7 % of all, 3.5 KiB)",
		"2 temporary (66.7 % of all, 3.5 KiB)",
		"(the stack ends here: no unwind data)",
	};
	struct ht_trace_maker *maker = known_trace();
	char *text = render(maker, false, &style, 10);

	for (size_t i = 0; i < sizeof(phrases) / sizeof(phrases[0]); i++) {
		if (!strstr(text, phrases[i]))
			ck_abort_msg("\"%s\" is missing in\n%s", phrases[i], text);
	}
	ck_assert_ptr_null(strstr(text, "NOT SEEN")); /* nothing to say */
	free(text);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_report_text_cuts_lists_and_says_so)
{
	static const struct ht_text_style style = { .n_columns = 100, .has_utf8 = true };
	struct ht_trace_maker *maker = known_trace();
	char *text = render(maker, false, &style, 1);

	ck_assert_ptr_nonnull(strstr(text, "at 1 other place\n"));
	free(text);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_report_text_unfinished_trace_says_so)
{
	static const struct ht_text_style style = { .n_columns = 100, .has_utf8 = true };
	struct ht_trace_maker *maker = ht_trace_maker_new();

	ht_trace_maker_process(maker, 1, 0, 1000, 1, 16);
	add(maker, HT_EVENT_ALLOC, 2000, 1, 10, 0);
	add(maker, HT_EVENT_LOST, 2001, 0, 5, 0);
	ht_trace_maker_flush(maker);
	char *text = render(maker, false, &style, 1);

	ck_assert_ptr_nonnull(strstr(text, "NOT SEEN"));
	ck_assert_ptr_nonnull(strstr(text, "The end of the trace is missing"));
	ck_assert_ptr_nonnull(strstr(text, "events were lost"));
	ck_assert_ptr_nonnull(strstr(text, "its end was not recorded"));
	ck_assert_ptr_nonnull(strstr(text, "(no stack)"));
	free(text);
	ht_trace_maker_free(maker);
}
END_TEST

START_TEST(test_json_writer_escapes_and_nests)
{
	char *text = NULL;
	size_t n_bytes;
	FILE *out = open_memstream(&text, &n_bytes);
	struct ht_json_writer json = ht_json_writer_init(out);

	ht_json_begin_array(&json);
	ht_json_begin_object(&json);
	ht_json_put_u64(&json, "a\"b", UINT64_MAX);
	ht_json_put_string(&json, "c", "\x01\n\\\"\xff\xc3\xa9\x7f");
	ht_json_put_string(&json, "d", NULL);
	ht_json_put_double(&json, "e", 1.0 / 3);
	ht_json_put_bool(&json, "f", true);
	ht_json_key(&json, "g");
	ht_json_begin_array(&json);
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	ht_json_null(&json);
	ht_json_double(&json, 1.0 / 0.0);
	ht_json_end_array(&json);
	fclose(out);
	ck_assert_str_eq(text, "[{\"a\\\"b\":18446744073709551615,"
	                       "\"c\":\"\\u0001\\u000a\\\\\\\"\\ufffd\xc3\xa9\\u007f\",\"d\":null,"
	                       "\"e\":0.333,\"f\":true,\"g\":[]},null,null]");
	free(text);
}
END_TEST

START_TEST(test_text_page_cuts_and_aligns)
{
	static const struct ht_text_style style = { .n_columns = 20,
		                                    .has_utf8 = true,
		                                    .has_color = true };
	char *text = NULL;
	size_t n_bytes;
	FILE *out = open_memstream(&text, &n_bytes);
	struct ht_text_page page = ht_text_page_init(out, &style);

	ht_text_put_right(&page, HT_PAINT_PLAIN, "12", 5);
	ht_text_to_column(&page, 3); /* passed: one blank */
	ht_text_put_in(&page, HT_PAINT_STRONG, "abcdefgh", 4);
	ht_text_put(&page, HT_PAINT_PLAIN, "\xc3\xa9-3456789012345");
	ht_text_end_line(&page);
	fclose(out);
	ck_assert_str_eq(text, "   12 \033[1mabc\xe2\x80\xa6\033[0m\xc3\xa9-3456789\xe2\x80\xa6\n");
	free(text);
}
END_TEST

START_TEST(test_short_name_keeps_what_tells_most)
{
	static const struct {
		const char *name;
		unsigned n_columns;
		const char *text;
	} cases[] = {
		{ "main", 4, "main" },
		{ "a_function", 5, "~tion" },
		{ "std::map<int, std::pair<a, b> >::find(int const&)", 60,
		  "std::map<int, std::pair<a, b> >::find(int const&)" },
		{ "std::map<int, std::pair<a, b> >::find(int const&)", 40,
		  "std::map<~>::find(int const&)" },
		{ "std::map<int, std::pair<a, b> >::find(int const&)", 25, "std::map<~>::find(~)" },
		{ "std::map<int, std::pair<a, b> >::find(int const&)", 10, "~::find(~)" },
		{ "std::ostream& std::operator<< <char>(std::ostream&, char)", 45,
		  "std::ostream& std::operator<< <~>(~)" },
		{ "bool operator< <a, b>(a const&, b const&)", 30, "bool operator< <~>(~)" },
		{ "x<long long>::operator()(int, int) const", 25, "x<~>::operator()(~) const" },
		{ "x<long long>::operator->(int, int)", 22, "x<~>::operator->(~)" },
		{ "s operator+<char, traits>(s const&, char)", 20, "s operator+<~>(~)" },
		{ "(anonymous namespace)::f(int, int, int)", 30, "(anonymous namespace)::f(~)" },
		{ "<alloc::vec::Vec<T> as core::Clone>::clone", 20, "<~>::clone" },
		{ "unbalanced<<<<(((", 10, "~ed<<<<(((" },
		{ "", 10, "" },
	};

	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct ht_strbuf text = { 0 };

		ht_short_name(cases[i].name, cases[i].n_columns, "~", &text);
		ck_assert_uint_le(ht_utf8_count(ht_strbuf_str(&text)), cases[i].n_columns);
		ck_assert_str_eq(ht_strbuf_str(&text), cases[i].text);
		ht_strbuf_done(&text);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("report");
	TCase *core = ht_add_case(suite, "core");
	TCase *limits = ht_add_case(suite, "limits");
	TCase *corrupt = ht_add_case(suite, "corrupt");

	tcase_add_test(core, test_report_json_keeps_the_contract);
	tcase_add_test(core, test_report_text_says_what_matters);
	tcase_add_test(core, test_report_text_cuts_lists_and_says_so);
	tcase_add_test(core, test_json_writer_escapes_and_nests);
	tcase_add_test(core, test_text_page_cuts_and_aligns);
	tcase_add_test(core, test_short_name_keeps_what_tells_most);
	tcase_add_test(limits, test_report_json_of_nothing_has_nulls_for_percentiles);
	tcase_add_test(limits, test_report_text_fits_and_plays_no_tricks);
	tcase_add_test(corrupt, test_report_text_unfinished_trace_says_so);
	return ht_run_suite(suite);
}
