/* SPDX-License-Identifier: MIT */
/* pprof's profile.proto, gzipped: every value of a site is a sample type, inlined functions are lines. Analyzer. */
#include "config.h"

#include "analyzer/base/u64_map.h"
#include "analyzer/base/utf8.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/export/export.h"
#include "analyzer/report/frame_list.h"
#include "analyzer/export/proto_buffer.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

/* Numbers of fields in profile.proto, message by message. */
enum {
	PROFILE_SAMPLE_TYPE = 1,
	PROFILE_SAMPLE = 2,
	PROFILE_MAPPING = 3,
	PROFILE_LOCATION = 4,
	PROFILE_FUNCTION = 5,
	PROFILE_STRING = 6,
	PROFILE_TIME_NANOS = 9,
	PROFILE_DURATION_NANOS = 10,
	PROFILE_PERIOD_TYPE = 11,
	PROFILE_PERIOD = 12,
	PROFILE_COMMENT = 13,
	PROFILE_DEFAULT_TYPE = 14,
	VALUE_TYPE_TYPE = 1,
	VALUE_TYPE_UNIT = 2,
	SAMPLE_LOCATION = 1,
	SAMPLE_VALUE = 2,
	MAPPING_ID = 1,
	MAPPING_LIMIT = 3,
	MAPPING_FILENAME = 5,
	MAPPING_HAS_FUNCTIONS = 7, /* to 10: so pprof does not look for the files */
	LOCATION_ID = 1,
	LOCATION_MAPPING = 2,
	LOCATION_ADDRESS = 3,
	LOCATION_LINE = 4,
	LINE_FUNCTION = 1,
	LINE_LINE = 2,
	FUNCTION_ID = 1,
	FUNCTION_NAME = 2,
	FUNCTION_SYSTEM_NAME = 3,
	FUNCTION_FILENAME = 4,
};

/* The first four are what Go's heap profiles have, under their names, so that tools know them. */
static const struct {
	const char *name;
	enum ht_site_value value;
} sample_types[] = {
	{ "alloc_objects", HT_VALUE_ALLOCATIONS },
	{ "alloc_space", HT_VALUE_ALLOCATED_BYTES },
	{ "inuse_objects", HT_VALUE_LEAKED_ALLOCATIONS },
	{ "inuse_space", HT_VALUE_LEAKED_BYTES },
	{ "peak_objects", HT_VALUE_AT_PEAK_ALLOCATIONS },
	{ "peak_space", HT_VALUE_AT_PEAK_BYTES },
	{ "own_peak_space", HT_VALUE_OWN_PEAK_BYTES },
	{ "reallocations", HT_VALUE_REALLOCATIONS },
	{ "temporary_objects", HT_VALUE_TEMPORARY_ALLOCATIONS },
	{ "temporary_space", HT_VALUE_TEMPORARY_BYTES },
	{ "short_lived_objects", HT_VALUE_SHORT_LIVED_ALLOCATIONS },
	{ "short_lived_space", HT_VALUE_SHORT_LIVED_BYTES },
};
#define N_SAMPLE_TYPES (sizeof(sample_types) / sizeof(*sample_types))

/* Texts and small numbers by what they are keyed with: index of the newest with a hash, and a chain. */
struct numbering {
	struct ht_u64_map newest;
	struct ht_strbuf *keys;
	uint32_t *next;
	size_t n, keys_capacity, next_capacity;
};

struct writer {
	const struct ht_export *export;
	struct ht_frame_list *list;
	struct ht_strbuf profile;
	struct ht_strbuf inner;
	struct ht_strbuf line;
	struct ht_strbuf packed;
	struct numbering strings; /* numbers as in the string table, "" is 0 */
	struct numbering functions;
	struct numbering mappings;
	struct numbering locations;
};

static void numbering_done(struct numbering *numbering)
{
	for (size_t i = 0; i < numbering->n; i++)
		ht_strbuf_done(&numbering->keys[i]);
	free(numbering->keys);
	free(numbering->next);
	ht_u64_map_done(&numbering->newest);
}

/* The number of a key, from 0 on; *ret_is_new when it was not there. */
static uint64_t number_of(struct numbering *numbering, const void *key, size_t n_bytes,
                          bool *ret_is_new)
{
	uint64_t hash = n_bytes;

	for (size_t i = 0; i < n_bytes; i++)
		hash = (hash ^ ((const unsigned char *)key)[i]) * 0x100000001b3ull;

	uint64_t *newest = ht_u64_map_put(&numbering->newest, ht_u64_mix(hash));

	*ret_is_new = false;
	for (uint64_t i = *newest; i; i = numbering->next[i - 1]) {
		const struct ht_strbuf *known = &numbering->keys[i - 1];

		if (known->n_bytes == n_bytes && memcmp(ht_strbuf_str(known), key, n_bytes) == 0)
			return i - 1;
	}
	*ret_is_new = true;
	numbering->keys = ht_xalloc_grow(numbering->keys, &numbering->keys_capacity,
	                                 numbering->n + 1, sizeof(*numbering->keys));
	numbering->next = ht_xalloc_grow(numbering->next, &numbering->next_capacity,
	                                 numbering->n + 1, sizeof(*numbering->next));
	numbering->keys[numbering->n] = (struct ht_strbuf){ 0 };
	ht_strbuf_add(&numbering->keys[numbering->n], key, n_bytes);
	numbering->next[numbering->n] = (uint32_t)*newest;
	*newest = ++numbering->n;
	return numbering->n - 1;
}

/* Bytes that are no UTF-8 would make the whole profile unreadable. */
static uint64_t string(struct writer *w, const char *text)
{
	struct ht_strbuf clean = { 0 };
	bool is_new;

	if (text)
		ht_utf8_clean(&clean, text);

	uint64_t number = number_of(&w->strings, ht_strbuf_str(&clean), clean.n_bytes, &is_new);

	ht_strbuf_done(&clean);
	return number;
}

static uint64_t need_function(struct writer *w, const struct ht_listed_frame *frame)
{
	const uint64_t key[] = { string(w, frame->name.function), string(w, frame->name.file) };
	bool is_new;
	uint64_t id = number_of(&w->functions, key, sizeof(key), &is_new) + 1;

	if (is_new) {
		struct ht_strbuf message = { 0 };

		ht_proto_u64(&message, FUNCTION_ID, id);
		ht_proto_u64(&message, FUNCTION_NAME, key[0]);
		ht_proto_u64(&message, FUNCTION_SYSTEM_NAME, key[0]);
		ht_proto_u64(&message, FUNCTION_FILENAME, key[1]);
		ht_proto_message(&w->profile, PROFILE_FUNCTION, &message);
		ht_strbuf_done(&message);
	}
	return id;
}

static uint64_t need_mapping(struct writer *w, const char *module)
{
	const uint64_t key = string(w, module);
	bool is_new;
	uint64_t id = number_of(&w->mappings, &key, sizeof(key), &is_new) + 1;

	if (is_new) {
		struct ht_strbuf message = { 0 };

		ht_proto_u64(&message, MAPPING_ID, id);
		/* Addresses are those in the file. */
		ht_proto_u64(&message, MAPPING_LIMIT, INT64_MAX);
		ht_proto_u64(&message, MAPPING_FILENAME, key);
		for (unsigned i = 0; i < 4; i++)
			ht_proto_u64(&message, MAPPING_HAS_FUNCTIONS + i, 1);
		ht_proto_message(&w->profile, PROFILE_MAPPING, &message);
		ht_strbuf_done(&message);
	}
	return id;
}

/* The location of a frame and those inlined into it, n in all, innermost first. */
static uint64_t need_location(struct writer *w, const uint32_t *ids, size_t n, uint64_t addr)
{
	struct ht_strbuf key = { 0 };
	bool is_new;
	uint64_t id;
	const struct ht_listed_frame *outer = ht_frame_list_get(w->list, ids[n - 1]);

	ht_strbuf_add(&key, &addr, sizeof(addr));
	ht_strbuf_add(&key, ids, n * sizeof(*ids));
	id = number_of(&w->locations, ht_strbuf_str(&key), key.n_bytes, &is_new) + 1;
	ht_strbuf_done(&key);
	if (!is_new)
		return id;

	struct ht_strbuf message = { 0 };

	ht_proto_u64(&message, LOCATION_ID, id);
	if (outer->name.module)
		ht_proto_u64(&message, LOCATION_MAPPING, need_mapping(w, outer->name.module));
	ht_proto_u64(&message, LOCATION_ADDRESS, addr);
	for (size_t i = 0; i < n; i++) {
		const struct ht_listed_frame *frame = ht_frame_list_get(w->list, ids[i]);

		if (!frame->name.function)
			continue;
		ht_proto_u64(&w->line, LINE_FUNCTION, need_function(w, frame));
		ht_proto_u64(&w->line, LINE_LINE, frame->name.line);
		ht_proto_message(&message, LOCATION_LINE, &w->line);
	}
	ht_proto_message(&w->profile, PROFILE_LOCATION, &message);
	ht_strbuf_done(&message);
	return id;
}

static void put_sample(struct writer *w, const struct ht_site *site)
{
	size_t n;
	const uint32_t *ids = ht_frame_list_stack(w->list, site->stack, &n);

	for (size_t i = 0, first = 0; i < n; i++) {
		if (ht_frame_list_get(w->list, ids[i])->name.is_inlined && i + 1 < n)
			continue;
		ht_proto_packed(&w->packed, need_location(w, ids + first, i + 1 - first,
		                                          ht_frame_list_addr(w->list, i)));
		first = i + 1;
	}
	ht_proto_message(&w->inner, SAMPLE_LOCATION, &w->packed);
	for (size_t i = 0; i < N_SAMPLE_TYPES; i++)
		ht_proto_packed(&w->packed, ht_site_value_of(site, sample_types[i].value));
	ht_proto_message(&w->inner, SAMPLE_VALUE, &w->packed);
	ht_proto_message(&w->profile, PROFILE_SAMPLE, &w->inner);
}

static void put_type(struct writer *w, unsigned field, const char *name, bool is_bytes)
{
	ht_proto_u64(&w->inner, VALUE_TYPE_TYPE, string(w, name));
	ht_proto_u64(&w->inner, VALUE_TYPE_UNIT, string(w, is_bytes ? "bytes" : "count"));
	ht_proto_message(&w->profile, field, &w->inner);
}

/* What is not about one stack. The string table is last: everything before adds to it. */
static void put_rest(struct writer *w)
{
	const struct ht_trace_model *model = w->export->model;
	struct ht_strbuf comment = { 0 };

	for (size_t i = 0; i < N_SAMPLE_TYPES; i++)
		put_type(w, PROFILE_SAMPLE_TYPE, sample_types[i].name,
		         ht_site_value_is_bytes(sample_types[i].value));
	put_type(w, PROFILE_PERIOD_TYPE, "space", true);
	ht_proto_u64(&w->profile, PROFILE_PERIOD, 1);
	ht_proto_u64(&w->profile, PROFILE_TIME_NANOS, model->recording.realtime_ns);
	ht_proto_u64(&w->profile, PROFILE_DURATION_NANOS,
	             ht_tick_clock_ns(&model->clock, w->export->results->end_tick));
	ht_strbuf_addf(&comment, "heaptide " PACKAGE_VERSION ":");
	for (uint32_t i = 0; i < model->recording.argc; i++)
		ht_strbuf_addf(&comment, " %s", model->recording.argv[i]);
	ht_proto_u64(&w->profile, PROFILE_COMMENT, string(w, ht_strbuf_str(&comment)));
	ht_proto_u64(&w->profile, PROFILE_DEFAULT_TYPE, string(w, "peak_space"));
	ht_strbuf_done(&comment);
	for (size_t i = 0; i < w->strings.n; i++)
		ht_proto_text(&w->profile, PROFILE_STRING, ht_strbuf_str(&w->strings.keys[i]));
}

/* gzip has no room for errors of its own here: input and output are memory, out keeps its own. */
static void put_gzipped(const struct ht_strbuf *bytes, FILE *out)
{
	z_stream stream = { .next_in = (Bytef *)(uintptr_t)ht_strbuf_str(bytes) };
	static const int gzip_window_bits = 15 + 16, memory_level = 8;
	size_t left = bytes->n_bytes;
	int rc;

	if (deflateInit2(&stream, Z_DEFAULT_COMPRESSION, Z_DEFLATED, gzip_window_bits, memory_level,
	                 Z_DEFAULT_STRATEGY) != Z_OK)
		abort();
	do {
		Bytef buffer[1 << 14];

		if (stream.avail_in == 0) {
			stream.avail_in = left < (1u << 30) ? (uInt)left : 1u << 30;
			left -= stream.avail_in;
		}
		stream.next_out = buffer;
		stream.avail_out = sizeof(buffer);
		rc = deflate(&stream, left == 0 ? Z_FINISH : Z_NO_FLUSH);
		fwrite(buffer, 1, sizeof(buffer) - stream.avail_out, out);
	} while (rc != Z_STREAM_END);
	deflateEnd(&stream);
}

void ht_export_pprof(const struct ht_export *export, FILE *out)
{
	const struct ht_site_table *table = &export->results->sites;
	struct writer w = { .export = export,
		            .list = ht_frame_list_new(export->model, export->symbolizer) };

	string(&w, "");
	/* The first mapping is that of the main program. */
	if (export->model->processes.n_processes > 0 &&
	    export->model->processes.processes[0].exe[0])
		need_mapping(&w, export->model->processes.processes[0].exe);
	for (size_t i = 0; i < table->n_sites; i++)
		put_sample(&w, &table->sites[i]);
	put_rest(&w);
	put_gzipped(&w.profile, out);
	numbering_done(&w.strings);
	numbering_done(&w.functions);
	numbering_done(&w.mappings);
	numbering_done(&w.locations);
	ht_strbuf_done(&w.profile);
	ht_strbuf_done(&w.inner);
	ht_strbuf_done(&w.line);
	ht_strbuf_done(&w.packed);
	ht_frame_list_free(w.list);
}
