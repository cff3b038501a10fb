/* SPDX-License-Identifier: MIT */
/* What became of budgets, for people and for the systems that build software. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/report/budget.h"
#include "analyzer/report/escape_text.h"
#include "analyzer/report/json_writer.h"

#include <string.h>

/* Exact where rounding could hide a difference. */
static void add_value(const struct ht_budget_verdict *v, uint64_t value, struct ht_strbuf *text)
{
	char human[HT_HUMAN_BYTES], exact[HT_HUMAN_BYTES];

	ht_human_count(exact, value);
	if (!ht_measure_is_bytes(v->metric))
		ht_strbuf_add_str(text, exact);
	else if (value < 1024)
		ht_strbuf_addf(text, "%s B", exact);
	else
		ht_strbuf_addf(text, "%s (%s bytes)", ht_human_bytes(human, value), exact);
}

/* "peak", "fn:parse peak" */
static void add_name(const struct ht_budget_verdict *v, struct ht_strbuf *text)
{
	if (v->scope)
		ht_strbuf_addf(text, "%s ", v->scope);
	ht_strbuf_add_str(text, ht_measure_name(v->metric));
}

/* "peak 896.3 KiB (917,809 bytes), allowed 512.0 KiB (524,288 bytes)" */
static void add_numbers(const struct ht_budget_verdict *v, struct ht_strbuf *text)
{
	add_name(v, text);
	ht_strbuf_add_char(text, ' ');
	add_value(v, v->value, text);
	if (v->is_baseline) {
		ht_strbuf_add_str(text, ", baseline ");
		add_value(v, v->baseline_value, text);
	}
	ht_strbuf_add_str(text, ", allowed ");
	add_value(v, v->allowed, text);
}

static void add_path(const struct ht_budget_verdict *v, struct ht_strbuf *text)
{
	if (!v->path)
		return;
	ht_strbuf_add_str(text, v->is_baseline ? "+" : "");
	add_value(v, v->path_value, text);
	ht_strbuf_addf(text, " by %s", v->path);
}

/* What else is to be said of the numbers. */
static void add_remarks(const struct ht_budget_verdict *v, struct ht_strbuf *text)
{
	static const struct {
		enum ht_leak_class leak_class;
		const char *text;
	} classes[] = {
		{ HT_LEAK_GROWING, "; growing: " },
		{ HT_LEAK_RUNTIME, "; not counted, the runtime's: " },
		{ HT_LEAK_SUPPRESSED, "; not counted, suppressed: " },
	};

	if (v->has_no_stack)
		ht_strbuf_add_str(text, "; no stack has it");
	for (size_t i = 0; i < sizeof(classes) / sizeof(*classes); i++) {
		uint64_t n_bytes = v->leaked_bytes[classes[i].leak_class];

		if (n_bytes == 0)
			continue;
		ht_strbuf_add_str(text, classes[i].text);
		add_value(v, n_bytes, text);
	}
}

static const char *escape_xml(char c)
{
	switch (c) {
	case '&': return "&amp;";
	case '<': return "&lt;";
	case '>': return "&gt;";
	case '"': return "&quot;";
	default: return (unsigned char)c > 126 ? "?" : NULL; /* names may not be UTF-8 */
	}
}

/* In the text of an annotation only this is the format's, besides the end of the line. */
static const char *escape_github_text(char c)
{
	return c == '%' ? "%25" : NULL;
}

static const char *escape_github_property(char c)
{
	switch (c) {
	case '%': return "%25";
	case ':': return "%3A";
	case ',': return "%2C";
	default: return NULL;
	}
}

static size_t count_broken(const struct ht_budget_verdict *verdicts, size_t n)
{
	size_t n_broken = 0;

	for (size_t i = 0; i < n; i++)
		n_broken += !verdicts[i].holds;
	return n_broken;
}

/* The numbers, the path behind ": " when there is one, and remarks. */
static void add_message(const struct ht_budget_verdict *v, struct ht_strbuf *text)
{
	ht_strbuf_clear(text);
	add_numbers(v, text);
	if (v->path)
		ht_strbuf_add_str(text, ": ");
	add_path(v, text);
	add_remarks(v, text);
}

void ht_budget_text(const struct ht_budget_verdict *verdicts, size_t n, FILE *out)
{
	struct ht_strbuf text = { 0 };

	for (size_t i = 0; i < n; i++) {
		add_message(&verdicts[i], &text);
		fputs(verdicts[i].holds ? "ok    " : "FAIL  ", out);
		ht_escape_text_put(ht_strbuf_str(&text), ht_escape_text_plain, out);
		putc('\n', out);
	}
	ht_strbuf_done(&text);
}

void ht_budget_github(const struct ht_budget_verdict *verdicts, size_t n, FILE *out)
{
	struct ht_strbuf text = { 0 };

	for (size_t i = 0; i < n; i++) {
		const struct ht_budget_verdict *v = &verdicts[i];

		if (v->holds)
			continue;
		fputs("::error ", out);
		/* Where it says what is too much, when it is not known where that is. */
		if (v->file || v->limit_file) {
			fputs("file=", out);
			ht_escape_text_put(v->file ? v->file : v->limit_file,
			                   escape_github_property, out);
			fprintf(out, ",line=%u,", v->file ? v->line : v->limit_line);
		}
		ht_strbuf_clear(&text);
		add_name(v, &text);
		fputs("title=heaptide check ", out);
		ht_escape_text_put(ht_strbuf_str(&text), escape_github_property, out);
		fputs("::", out);
		add_message(v, &text);
		ht_escape_text_put(ht_strbuf_str(&text), escape_github_text, out);
		putc('\n', out);
	}
	ht_strbuf_done(&text);
}

void ht_budget_junit(const struct ht_budget_verdict *verdicts, size_t n, FILE *out)
{
	struct ht_strbuf text = { 0 };

	fprintf(out,
	        "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
	        "<testsuite name=\"heaptide check\" tests=\"%zu\" failures=\"%zu\">\n",
	        n, count_broken(verdicts, n));
	for (size_t i = 0; i < n; i++) {
		const struct ht_budget_verdict *v = &verdicts[i];

		ht_strbuf_clear(&text);
		add_name(v, &text);
		fprintf(out, "  <testcase classname=\"heaptide.%s\" name=\"",
		        v->is_baseline ? "baseline" : "limit");
		ht_escape_text_put(ht_strbuf_str(&text), escape_xml, out);
		putc('"', out);
		if (v->holds) {
			fputs("/>\n", out);
			continue;
		}
		add_message(v, &text);
		fputs("><failure message=\"", out);
		ht_escape_text_put(ht_strbuf_str(&text), escape_xml, out);
		fputs("\"/></testcase>\n", out);
	}
	fputs("</testsuite>\n", out);
	ht_strbuf_done(&text);
}

void ht_budget_markdown(const struct ht_budget_verdict *verdicts, size_t n, FILE *out)
{
	struct ht_strbuf text = { 0 };

	fputs("| | budget | most of it |\n|---|---|---|\n", out);
	for (size_t i = 0; i < n; i++) {
		ht_strbuf_clear(&text);
		add_numbers(&verdicts[i], &text);
		add_remarks(&verdicts[i], &text);
		fputs(verdicts[i].holds ? "| ok | " : "| **fail** | ", out);
		ht_escape_text_put(ht_strbuf_str(&text), ht_escape_text_markdown, out);
		fputs(" | ", out);
		ht_strbuf_clear(&text);
		add_path(&verdicts[i], &text);
		ht_escape_text_put(ht_strbuf_str(&text), ht_escape_text_markdown, out);
		fputs(" |\n", out);
	}
	ht_strbuf_done(&text);
}

static void put_leak_classes(struct ht_json_writer *json, const struct ht_budget_verdict *v)
{
	ht_json_begin_object(json);
	for (unsigned c = 0; c < HT_N_LEAK_CLASSES; c++)
		ht_json_put_u64(json, ht_leak_class_name((enum ht_leak_class)c),
		                v->leaked_bytes[c]);
	ht_json_end_object(json);
}

void ht_budget_json(const struct ht_budget_verdict *verdicts, size_t n, FILE *out)
{
	struct ht_json_writer json = ht_json_writer_init(out);

	ht_json_begin_object(&json);
	ht_json_put_string(&json, "schema", "heaptide.check/1");
	ht_json_put_bool(&json, "holds", count_broken(verdicts, n) == 0);
	ht_json_key(&json, "budgets");
	ht_json_begin_array(&json);
	for (size_t i = 0; i < n; i++) {
		const struct ht_budget_verdict *v = &verdicts[i];

		ht_json_begin_object(&json);
		ht_json_put_string(&json, "metric", ht_measure_name(v->metric));
		ht_json_put_string(&json, "scope", v->scope);
		ht_json_put_bool(&json, "has_stack", !v->has_no_stack);
		ht_json_put_string(&json, "against", v->is_baseline ? "baseline" : "limit");
		ht_json_put_string(&json, "unit",
		                   ht_measure_is_bytes(v->metric) ? "bytes" : "allocations");
		ht_json_put_bool(&json, "holds", v->holds);
		ht_json_put_u64(&json, "value", v->value);
		ht_json_put_u64(&json, "allowed", v->allowed);
		ht_json_key(&json, "baseline");
		if (v->is_baseline)
			ht_json_u64(&json, v->baseline_value);
		else
			ht_json_null(&json);
		ht_json_put_string(&json, "trace", v->run->path);
		ht_json_key(&json, "leak_classes");
		if (v->metric == HT_MEASURE_LEAKED)
			put_leak_classes(&json, v);
		else
			ht_json_null(&json);
		ht_json_put_string(&json, "limit_file", v->limit_file);
		ht_json_key(&json, "limit_line");
		if (v->limit_file)
			ht_json_u64(&json, v->limit_line);
		else
			ht_json_null(&json);
		ht_json_put_string(&json, "path", v->path);
		ht_json_key(&json, "path_value");
		if (v->path)
			ht_json_u64(&json, v->path_value);
		else
			ht_json_null(&json);
		ht_json_put_string(&json, "file", v->file);
		ht_json_key(&json, "line");
		if (v->file && v->line)
			ht_json_u64(&json, v->line);
		else
			ht_json_null(&json);
		ht_json_end_object(&json);
	}
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	putc('\n', out);
}

/* A path as a URI; a relative one stays relative. */
static void add_uri(const char *path, struct ht_strbuf *text)
{
	static const char plain[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~/";

	if (*path == '/')
		ht_strbuf_add_str(text, "file://");
	for (; *path; path++) {
		if (strchr(plain, *path))
			ht_strbuf_add_char(text, *path);
		else
			ht_strbuf_addf(text, "%%%02X", (unsigned char)*path);
	}
}

static void put_sarif_locations(struct ht_json_writer *json, const struct ht_budget_verdict *v)
{
	struct ht_strbuf uri = { 0 };

	ht_json_key(json, "locations");
	ht_json_begin_array(json);
	if (v->file) {
		add_uri(v->file, &uri);
		ht_json_begin_object(json);
		ht_json_key(json, "physicalLocation");
		ht_json_begin_object(json);
		ht_json_key(json, "artifactLocation");
		ht_json_begin_object(json);
		ht_json_put_string(json, "uri", ht_strbuf_str(&uri));
		ht_json_end_object(json);
		if (v->line) {
			ht_json_key(json, "region");
			ht_json_begin_object(json);
			ht_json_put_u64(json, "startLine", v->line);
			ht_json_end_object(json);
		}
		ht_json_end_object(json);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
	ht_strbuf_done(&uri);
}

static void put_sarif_result(struct ht_json_writer *json, const struct ht_budget_verdict *v)
{
	struct ht_strbuf text = { 0 };

	ht_json_begin_object(json);
	ht_json_put_string(json, "ruleId", ht_measure_name(v->metric));
	ht_json_put_string(json, "level", "error");
	add_message(v, &text);
	ht_json_key(json, "message");
	ht_json_begin_object(json);
	ht_json_put_string(json, "text", ht_strbuf_str(&text));
	ht_json_end_object(json);
	put_sarif_locations(json, v);
	ht_json_end_object(json);
	ht_strbuf_done(&text);
}

void ht_budget_sarif(const struct ht_budget_verdict *verdicts, size_t n, FILE *out)
{
	struct ht_json_writer json = ht_json_writer_init(out);

	ht_json_begin_object(&json);
	ht_json_put_string(&json, "version", "2.1.0");
	ht_json_key(&json, "runs");
	ht_json_begin_array(&json);
	ht_json_begin_object(&json);
	ht_json_key(&json, "tool");
	ht_json_begin_object(&json);
	ht_json_key(&json, "driver");
	ht_json_begin_object(&json);
	ht_json_put_string(&json, "name", "heaptide");
	ht_json_key(&json, "rules");
	ht_json_begin_array(&json);
	for (unsigned m = 0; m < HT_N_MEASURES; m++) {
		ht_json_begin_object(&json);
		ht_json_put_string(&json, "id", ht_measure_name((enum ht_measure)m));
		ht_json_end_object(&json);
	}
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	ht_json_end_object(&json);
	ht_json_key(&json, "results");
	ht_json_begin_array(&json);
	for (size_t i = 0; i < n; i++) {
		if (!verdicts[i].holds)
			put_sarif_result(&json, &verdicts[i]);
	}
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	putc('\n', out);
}
