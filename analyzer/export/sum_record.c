/* SPDX-License-Identifier: MIT */
/* What a sum of recordings says of a run and of a place, and how two places become one. Analyzer. */
#include "analyzer/export/sum_record.h"

#include "analyzer/base/checked.h"

#include <string.h>

#define TIME_BYTES 8u

const char *ht_sum_value_name(enum ht_sum_value value)
{
	static const char *const names[HT_N_SUM_VALUES] = {
		"duration_ns",
		"processes",
		"threads",
		"allocations",
		"frees",
		"reallocations",
		"allocated_bytes",
		"peak_bytes",
		"peak_allocations",
		"leaked_bytes",
		"leaked_allocations",
		"temporary_allocations",
		"temporary_bytes",
		"short_lived_allocations",
		"short_lived_bytes",
		"censored",
		"lost_events",
		"incomplete",
	};

	return names[value];
}

void ht_sum_put_u64(struct ht_strbuf *record, uint64_t value)
{
	uint8_t bytes[HT_VARINT_MAX_BYTES];
	struct ht_put put = ht_put_init(bytes, sizeof(bytes));

	ht_put_u64(&put, value);
	ht_strbuf_add(record, bytes, (size_t)(put.pos - bytes));
}

static void put_text(struct ht_strbuf *record, const char *text, size_t n)
{
	ht_sum_put_u64(record, n);
	ht_strbuf_add(record, text, n);
}

static size_t get_text(struct ht_get *get, const char **ret_text)
{
	const uint8_t *bytes;
	size_t n = ht_get_bytes(get, &bytes);

	if (n && memchr(bytes, 0, n))
		get->is_bad = true;
	*ret_text = (const char *)bytes;
	return n;
}

/* The time first, its high byte first: runs are in order of time. */
void ht_sum_run_put(const struct ht_sum_run *run, struct ht_strbuf *record)
{
	for (unsigned i = TIME_BYTES; i-- > 0;)
		ht_strbuf_add_char(record, (char)(run->realtime_ns >> (8 * i)));
	put_text(record, run->host, run->n_host);
	put_text(record, run->program, run->n_program);
	for (unsigned i = 0; i < HT_N_SUM_VALUES; i++)
		ht_sum_put_u64(record, run->values[i]);
}

bool ht_sum_run_get(const void *record, size_t n_bytes, struct ht_sum_run *ret_run)
{
	struct ht_sum_run run = { 0 };
	const uint8_t *bytes = record;

	if (n_bytes < TIME_BYTES)
		return false;
	for (unsigned i = 0; i < TIME_BYTES; i++)
		run.realtime_ns = run.realtime_ns << 8 | bytes[i];

	struct ht_get get = ht_get_init(bytes + TIME_BYTES, n_bytes - TIME_BYTES);

	run.n_host = get_text(&get, &run.host);
	run.n_program = get_text(&get, &run.program);
	for (unsigned i = 0; i < HT_N_SUM_VALUES; i++)
		run.values[i] = ht_get_u64(&get);
	if (get.is_bad || ht_get_left(&get) > 0)
		return false;
	*ret_run = run;
	return true;
}

void ht_sum_frame_put(const struct ht_sum_frame *frame, struct ht_strbuf *key,
                      struct ht_strbuf *where)
{
	ht_sum_put_u64(key, frame->is_addr);
	if (frame->is_addr)
		ht_sum_put_u64(key, frame->addr);
	else
		put_text(key, frame->function, frame->n_function);
	put_text(key, frame->module, frame->n_module);
	put_text(where, frame->file, frame->n_file);
	ht_sum_put_u64(where, frame->line);
	ht_sum_put_u64(where, frame->is_inlined);
}

static void get_where(struct ht_get *where, struct ht_sum_frame *frame)
{
	frame->n_file = get_text(where, &frame->file);
	frame->line = ht_get_u32(where);

	uint64_t is_inlined = ht_get_u64(where);

	if (is_inlined > 1)
		where->is_bad = true;
	frame->is_inlined = is_inlined;
}

bool ht_sum_frame_get(struct ht_get *key, struct ht_get *where, struct ht_sum_frame *ret_frame)
{
	if (ht_get_left(key) == 0 || key->is_bad)
		return false;
	*ret_frame = (struct ht_sum_frame){ 0 };

	uint64_t is_addr = ht_get_u64(key);

	if (is_addr > 1)
		key->is_bad = true;
	ret_frame->is_addr = is_addr;
	if (is_addr)
		ret_frame->addr = ht_get_u64(key);
	else
		ret_frame->n_function = get_text(key, &ret_frame->function);
	ret_frame->n_module = get_text(key, &ret_frame->module);
	get_where(where, ret_frame);
	/* A name of nothing would read like no name. */
	if (!is_addr && ret_frame->n_function == 0)
		key->is_bad = true;
	return !key->is_bad && !where->is_bad;
}

void ht_sum_place_put(const struct ht_sum_place *place, struct ht_strbuf *record)
{
	put_text(record, (const char *)place->key, place->n_key);
	put_text(record, (const char *)place->where, place->n_where);
	for (unsigned i = 0; i < HT_N_SITE_VALUES; i++)
		ht_sum_put_u64(record, place->values[i]);
	ht_sum_put_u64(record, place->own_peak_max_bytes);
	ht_sum_put_u64(record, place->n_runs);
	ht_sum_put_u64(record, place->first_ns);
	ht_sum_put_u64(record, place->last_ns);
}

bool ht_sum_place_get(const void *record, size_t n_bytes, struct ht_sum_place *ret_place)
{
	struct ht_get get = ht_get_init(record, n_bytes);
	struct ht_sum_place place = { 0 };
	struct ht_sum_frame frame;

	place.n_key = ht_get_bytes(&get, &place.key);
	place.n_where = ht_get_bytes(&get, &place.where);
	for (unsigned i = 0; i < HT_N_SITE_VALUES; i++)
		place.values[i] = ht_get_u64(&get);
	place.own_peak_max_bytes = ht_get_u64(&get);
	place.n_runs = ht_get_u64(&get);
	place.first_ns = ht_get_u64(&get);
	place.last_ns = ht_get_u64(&get);
	if (get.is_bad || ht_get_left(&get) > 0 || place.n_key == 0)
		return false;

	struct ht_get key = ht_get_init(place.key, place.n_key);
	struct ht_get where = ht_get_init(place.where, place.n_where);

	while (ht_sum_frame_get(&key, &where, &frame))
		continue;
	if (key.is_bad || where.is_bad || ht_get_left(&where) > 0)
		return false;
	*ret_place = place;
	return true;
}

int ht_sum_compare(const void *a, size_t n_a, const void *b, size_t n_b)
{
	int order = memcmp(a, b, n_a < n_b ? n_a : n_b);

	return order ? order : (n_a > n_b) - (n_a < n_b);
}

/* Whether b is to be told rather than a: a file rather than none, then by name, then by line. */
static bool is_earlier(const struct ht_sum_frame *b, const struct ht_sum_frame *a)
{
	if (!a->n_file != !b->n_file)
		return b->n_file > 0;

	int order = a->n_file ? ht_sum_compare(b->file, b->n_file, a->file, a->n_file) : 0;

	if (order)
		return order < 0;
	if (b->line != a->line)
		return b->line < a->line;
	return b->is_inlined < a->is_inlined;
}

static void join_where(struct ht_sum_place *sum, const struct ht_sum_place *place,
                       struct ht_strbuf *where)
{
	struct ht_strbuf joined = { 0 };
	struct ht_get a = ht_get_init(sum->where, sum->n_where);
	struct ht_get b = ht_get_init(place->where, place->n_where);

	while (ht_get_left(&a) > 0 && ht_get_left(&b) > 0) {
		struct ht_sum_frame of_a = { 0 }, of_b = { 0 };

		get_where(&a, &of_a);
		get_where(&b, &of_b);

		const struct ht_sum_frame *told = is_earlier(&of_b, &of_a) ? &of_b : &of_a;

		put_text(&joined, told->file, told->n_file);
		ht_sum_put_u64(&joined, told->line);
		ht_sum_put_u64(&joined, told->is_inlined);
	}
	/* What sum has may be in where itself. */
	ht_strbuf_done(where);
	*where = joined;
	sum->where = (const uint8_t *)ht_strbuf_str(where);
	sum->n_where = where->n_bytes;
}

void ht_sum_place_add(struct ht_sum_place *sum, const struct ht_sum_place *place, bool is_same_run,
                      struct ht_strbuf *where)
{
	for (unsigned i = 0; i < HT_N_SITE_VALUES; i++)
		sum->values[i] = ht_add_u64_saturating(sum->values[i], place->values[i]);
	if (is_same_run)
		sum->own_peak_max_bytes = sum->values[HT_VALUE_OWN_PEAK_BYTES];
	else if (place->own_peak_max_bytes > sum->own_peak_max_bytes)
		sum->own_peak_max_bytes = place->own_peak_max_bytes;
	if (!is_same_run)
		sum->n_runs = ht_add_u64_saturating(sum->n_runs, place->n_runs);
	if (place->first_ns < sum->first_ns)
		sum->first_ns = place->first_ns;
	if (place->last_ns > sum->last_ns)
		sum->last_ns = place->last_ns;
	if (ht_sum_compare(sum->where, sum->n_where, place->where, place->n_where) != 0)
		join_where(sum, place, where);
}
