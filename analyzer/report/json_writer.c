/* SPDX-License-Identifier: MIT */
/* JSON written as it is made. Analyzer. */
#include "analyzer/report/json_writer.h"

#include "analyzer/base/utf8.h"

#include <assert.h>
#include <math.h>
#include <string.h>

struct ht_json_writer ht_json_writer_init(FILE *out)
{
	return (struct ht_json_writer){ .out = out };
}

static void begin_value(struct ht_json_writer *json)
{
	if (json->is_after_key) {
		json->is_after_key = false;
		return;
	}
	if (json->has_item[json->depth])
		putc(',', json->out);
	json->has_item[json->depth] = true;
}

static void begin(struct ht_json_writer *json, char bracket)
{
	begin_value(json);
	putc(bracket, json->out);
	assert(json->depth + 1 < HT_JSON_MAX_DEPTH);
	json->has_item[++json->depth] = false;
}

static void end(struct ht_json_writer *json, char bracket)
{
	assert(json->depth > 0);
	json->depth--;
	putc(bracket, json->out);
}

void ht_json_begin_object(struct ht_json_writer *json)
{
	begin(json, '{');
}

void ht_json_end_object(struct ht_json_writer *json)
{
	end(json, '}');
}

void ht_json_begin_array(struct ht_json_writer *json)
{
	begin(json, '[');
}

void ht_json_end_array(struct ht_json_writer *json)
{
	end(json, ']');
}

static void put_text(FILE *out, const char *text)
{
	const unsigned char *s = (const unsigned char *)text;

	putc('"', out);
	while (*s) {
		size_t n = ht_utf8_length((const char *)s);

		if (n == 0) {
			fputs("\\ufffd", out);
			s++;
		} else if (n > 1) {
			fwrite(s, 1, n, out);
			s += n;
		} else {
			if (*s == '"' || *s == '\\')
				fprintf(out, "\\%c", *s);
			else if (*s < 0x20 || *s == 0x7f)
				fprintf(out, "\\u%04x", *s);
			else
				putc(*s, out);
			s++;
		}
	}
	putc('"', out);
}

void ht_json_key(struct ht_json_writer *json, const char *key)
{
	begin_value(json);
	put_text(json->out, key);
	putc(':', json->out);
	json->is_after_key = true;
}

void ht_json_string(struct ht_json_writer *json, const char *text)
{
	begin_value(json);
	if (text)
		put_text(json->out, text);
	else
		fputs("null", json->out);
}

void ht_json_u64(struct ht_json_writer *json, uint64_t v)
{
	begin_value(json);
	fprintf(json->out, "%llu", (unsigned long long)v);
}

void ht_json_i64(struct ht_json_writer *json, int64_t v)
{
	begin_value(json);
	fprintf(json->out, "%lld", (long long)v);
}

void ht_json_double(struct ht_json_writer *json, double v)
{
	begin_value(json);
	if (isfinite(v))
		fprintf(json->out, "%.3f", v);
	else
		fputs("null", json->out);
}

void ht_json_bool(struct ht_json_writer *json, bool v)
{
	begin_value(json);
	fputs(v ? "true" : "false", json->out);
}

void ht_json_null(struct ht_json_writer *json)
{
	begin_value(json);
	fputs("null", json->out);
}

void ht_json_put_string(struct ht_json_writer *json, const char *key, const char *text)
{
	ht_json_key(json, key);
	ht_json_string(json, text);
}

void ht_json_put_u64(struct ht_json_writer *json, const char *key, uint64_t v)
{
	ht_json_key(json, key);
	ht_json_u64(json, v);
}

void ht_json_put_double(struct ht_json_writer *json, const char *key, double v)
{
	ht_json_key(json, key);
	ht_json_double(json, v);
}

void ht_json_put_bool(struct ht_json_writer *json, const char *key, bool v)
{
	ht_json_key(json, key);
	ht_json_bool(json, v);
}
