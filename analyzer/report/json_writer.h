/* SPDX-License-Identifier: MIT */
/* JSON written as it is made, for output of any size. Analyzer. */
#ifndef HT_JSON_WRITER_H
#define HT_JSON_WRITER_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define HT_JSON_MAX_DEPTH 32u

/*
 * Commas are put by the writer. Numbers are exact (64 bits). Strings are UTF-8 in the output whatever
 * they were: bytes that are not become U+FFFD. Errors of out are left in out.
 */
struct ht_json_writer {
	FILE *out;
	unsigned depth;
	bool has_item[HT_JSON_MAX_DEPTH];
	bool is_after_key;
};

struct ht_json_writer ht_json_writer_init(FILE *out);

void ht_json_begin_object(struct ht_json_writer *json);
void ht_json_end_object(struct ht_json_writer *json);
void ht_json_begin_array(struct ht_json_writer *json);
void ht_json_end_array(struct ht_json_writer *json);

/* The next value belongs to key. */
void ht_json_key(struct ht_json_writer *json, const char *key);

void ht_json_string(struct ht_json_writer *json, const char *text); /* NULL: null */
void ht_json_u64(struct ht_json_writer *json, uint64_t v);
void ht_json_i64(struct ht_json_writer *json, int64_t v);
void ht_json_double(struct ht_json_writer *json, double v); /* 3 decimals; null when not finite */
void ht_json_bool(struct ht_json_writer *json, bool v);
void ht_json_null(struct ht_json_writer *json);

/* Key and value at once. */
void ht_json_put_string(struct ht_json_writer *json, const char *key, const char *text);
void ht_json_put_u64(struct ht_json_writer *json, const char *key, uint64_t v);
void ht_json_put_double(struct ht_json_writer *json, const char *key, double v);
void ht_json_put_bool(struct ht_json_writer *json, const char *key, bool v);

#endif
