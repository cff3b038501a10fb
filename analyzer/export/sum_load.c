/* SPDX-License-Identifier: MIT */
/* A sum of recordings in memory, in the form of one recording's results. Analyzer. */
#include "analyzer/base/checked.h"
#include "analyzer/base/compare.h"
#include "analyzer/base/diag.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/export/sum.h"
#include "analyzer/symbols/name_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

/* A frame whose names are numbers of the table, as long as that grows. */
struct numbered_frame {
	uint32_t function;
	uint32_t module;
	uint32_t file;
	uint32_t line;
	uint64_t addr;
	bool is_inlined;
};

struct loader {
	struct ht_sum *sum;
	struct ht_name_table names;
	struct ht_strbuf name;
	struct numbered_frame *frames;
	size_t n_frames;
	size_t frames_capacity;
	size_t first_capacity;
	size_t runs_capacity;
	size_t places_capacity;
};

static uint32_t number_of(struct loader *l, const char *text, size_t n)
{
	if (n == 0)
		return 0;
	ht_strbuf_clear(&l->name);
	ht_strbuf_add(&l->name, text, n);
	return ht_name_table_number(&l->names, l->name.text);
}

static void add_place(struct loader *l, const struct ht_sum_place *place)
{
	struct ht_sum *sum = l->sum;
	struct ht_get key = ht_get_init(place->key, place->n_key);
	struct ht_get where = ht_get_init(place->where, place->n_where);
	struct ht_sum_frame frame;

	sum->places = ht_xalloc_grow(sum->places, &l->places_capacity, sum->n_places + 1,
	                             sizeof(*sum->places));
	sum->stacks.first = ht_xalloc_grow(sum->stacks.first, &l->first_capacity, sum->n_places + 2,
	                                   sizeof(*sum->stacks.first));
	sum->stacks.first[sum->n_places] = l->n_frames;
	while (ht_sum_frame_get(&key, &where, &frame)) {
		l->frames = ht_xalloc_grow(l->frames, &l->frames_capacity, l->n_frames + 1,
		                           sizeof(*l->frames));
		l->frames[l->n_frames++] = (struct numbered_frame){
			.function = number_of(l, frame.function, frame.n_function),
			.module = number_of(l, frame.module, frame.n_module),
			.file = number_of(l, frame.file, frame.n_file),
			.line = frame.line,
			.addr = frame.addr,
			.is_inlined = frame.is_inlined,
		};
	}
	sum->stacks.first[sum->n_places + 1] = l->n_frames;
	sum->places[sum->n_places] = *place;
	sum->places[sum->n_places].key = NULL;
	sum->places[sum->n_places++].where = NULL;
}

static void add_run(struct loader *l, const struct ht_sum_run *run)
{
	struct ht_sum *sum = l->sum;

	sum->runs =
	        ht_xalloc_grow(sum->runs, &l->runs_capacity, sum->n_runs + 1, sizeof(*sum->runs));
	sum->runs[sum->n_runs] = *run;
	sum->runs[sum->n_runs].host = ht_arena_dup(&sum->arena, run->host, run->n_host);
	sum->runs[sum->n_runs++].program = ht_arena_dup(&sum->arena, run->program, run->n_program);
	for (unsigned i = 0; i < HT_N_SUM_VALUES; i++)
		sum->totals[i] = ht_add_u64_saturating(sum->totals[i], run->values[i]);
}

static enum ht_err read_records(struct loader *l, struct ht_sum_input *input, struct ht_diag *diag)
{
	enum ht_err err = HT_OK;

	for (; !err; err = ht_sum_input_next(input, diag)) {
		bool is_good = true;

		switch (input->kind) {
		case HT_SUM_HEAD:
			l->sum->results.short_lived_age = input->head.age;
			l->sum->results.short_lived_unit =
			        (enum ht_short_lived_unit)input->head.unit;
			break;
		case HT_SUM_RUN: add_run(l, &input->run); break;
		case HT_SUM_SIZES:
			is_good = ht_sum_counts_add(input->bytes, input->n_bytes, &l->sum->sizes);
			break;
		case HT_SUM_LIFETIMES:
			is_good =
			        ht_sum_counts_add(input->bytes, input->n_bytes, &l->sum->lifetimes);
			break;
		case HT_SUM_PLACE: add_place(l, &input->place); break;
		case HT_SUM_END: break;
		}
		if (!is_good)
			return ht_sum_reader_refuse(input->reader, diag);
	}
	return err == HT_ERR_END ? HT_OK : err;
}

/* Names by their numbers, now that none is added any more. */
static void name_frames(struct loader *l)
{
	struct ht_sum *sum = l->sum;
	const char **texts = ht_xalloc_zeroed(l->names.n_names + 1, sizeof(*texts));
	const char *bytes =
	        ht_arena_dup(&sum->arena, l->names.bytes ? l->names.bytes : "", l->names.n_bytes);

	for (size_t i = 1; i <= l->names.n_names; i++, bytes += strlen(bytes) + 1)
		texts[i] = bytes;
	sum->stacks.frames = ht_xalloc_zeroed(l->n_frames + 1, sizeof(*sum->stacks.frames));
	for (size_t i = 0; i < l->n_frames; i++) {
		const struct numbered_frame *frame = &l->frames[i];

		sum->stacks.frames[i] = (struct ht_named_frame){
			.name = { texts[frame->function], texts[frame->file], texts[frame->module],
			          frame->line, frame->is_inlined },
			.addr = frame->addr,
		};
	}
	free(texts);
}

static void fill_results(struct ht_sum *sum)
{
	const uint64_t *totals = sum->totals;
	struct ht_results *r = &sum->results;

	r->totals = (struct ht_counts){
		.n_allocations = totals[HT_SUM_ALLOCATIONS],
		.n_frees = totals[HT_SUM_FREES],
		.n_reallocations = totals[HT_SUM_REALLOCATIONS],
		.allocated_bytes = totals[HT_SUM_ALLOCATED_BYTES],
		.n_threads = totals[HT_SUM_THREADS],
		.n_leaked = totals[HT_SUM_LEAKED_ALLOCATIONS],
		.leaked_bytes = totals[HT_SUM_LEAKED_BYTES],
		.n_lost_events = totals[HT_SUM_LOST_EVENTS],
	};
	r->n_temporary = totals[HT_SUM_TEMPORARY_ALLOCATIONS];
	r->temporary_bytes = totals[HT_SUM_TEMPORARY_BYTES];
	r->n_short_lived = totals[HT_SUM_SHORT_LIVED_ALLOCATIONS];
	r->short_lived_bytes = totals[HT_SUM_SHORT_LIVED_BYTES];
	r->n_censored = totals[HT_SUM_CENSORED];
	r->end_tick = totals[HT_SUM_DURATION_NS];
	r->sites.peak_bytes = totals[HT_SUM_PEAK_BYTES];
	r->sites.n_at_peak = totals[HT_SUM_PEAK_ALLOCATIONS];
	r->sites.sites = ht_xalloc_zeroed(sum->n_places + 1, sizeof(*r->sites.sites));
	r->sites.n_sites = sum->n_places;
	for (size_t i = 0; i < sum->n_places; i++) {
		r->sites.sites[i].stack = (uint32_t)i;
		for (int v = 0; v < HT_N_SITE_VALUES; v++)
			ht_site_value_set(&r->sites.sites[i], (enum ht_site_value)v,
			                  sum->places[i].values[v]);
	}
}

/* Who and when, as far as the runs agree. */
static void fill_recording(struct ht_sum *sum)
{
	struct ht_recording *recording = &sum->model.recording;
	const char **argv = ht_arena_alloc(&sum->arena, sizeof(*argv));
	bool is_one_program = sum->n_runs > 0;

	for (size_t i = 1; i < sum->n_runs; i++)
		is_one_program &= ht_sum_is_same_program(&sum->runs[0], &sum->runs[i]);
	argv[0] = is_one_program ? sum->runs[0].program : "several programs";
	recording->argv = argv;
	recording->argc = 1;
	recording->host = ht_sum_n_hosts(sum, NULL) == 1 ? sum->runs[0].host : "";
	recording->is_known = sum->n_runs > 0;
	recording->realtime_ns = sum->n_runs > 0 ? sum->runs[0].realtime_ns : 0;
	sum->model.clock = (struct ht_tick_clock){ 0, 1, 1 };
	sum->model.named_stacks = &sum->stacks;
}

enum ht_err ht_sum_load(const char *path, struct ht_sum **ret_sum, struct ht_diag *diag)
{
	FILE *file = fopen(path, "r");

	if (!file)
		return ht_diag_set_errno(diag, "%s: %s", path, strerror(errno));

	struct loader l = { .sum = ht_xalloc_zeroed(1, sizeof(struct ht_sum)) };
	struct ht_sum_input input;
	enum ht_err err = ht_sum_input_open(&input, file, path, diag);

	if (!err)
		err = read_records(&l, &input, diag);
	ht_sum_input_close(&input);
	if (!err) {
		name_frames(&l);
		fill_results(l.sum);
		fill_recording(l.sum);
		*ret_sum = l.sum;
	} else {
		ht_sum_free(l.sum);
	}
	free(l.frames);
	ht_strbuf_done(&l.name);
	ht_name_table_done(&l.names);
	return err;
}

void ht_sum_free(struct ht_sum *sum)
{
	if (!sum)
		return;
	ht_results_done(&sum->results);
	free(sum->stacks.frames);
	free(sum->stacks.first);
	free(sum->runs);
	free(sum->places);
	ht_arena_done(&sum->arena);
	free(sum);
}

static bool is_same_text(const char *a, size_t n_a, const char *b, size_t n_b)
{
	return n_a == n_b && memcmp(a, b, n_a) == 0;
}

bool ht_sum_is_same_program(const struct ht_sum_run *a, const struct ht_sum_run *b)
{
	return is_same_text(a->program, a->n_program, b->program, b->n_program);
}

static int compare_hosts(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

size_t ht_sum_n_hosts(const struct ht_sum *sum, const struct ht_sum_run *program)
{
	const char **hosts = ht_xalloc_zeroed(sum->n_runs + 1, sizeof(*hosts));
	size_t n = 0, n_hosts = 0;

	for (size_t i = 0; i < sum->n_runs; i++) {
		if (!program || ht_sum_is_same_program(program, &sum->runs[i]))
			hosts[n++] = sum->runs[i].host;
	}
	qsort(hosts, n, sizeof(*hosts), compare_hosts);
	for (size_t i = 0; i < n; i++)
		n_hosts += i == 0 || strcmp(hosts[i - 1], hosts[i]) != 0;
	free(hosts);
	return n_hosts;
}

static int compare_numbers(const void *a, const void *b)
{
	return ht_compare_u64(*(const uint64_t *)a, *(const uint64_t *)b);
}

struct ht_sum_span ht_sum_span(const struct ht_sum *sum, enum ht_sum_value value,
                               const struct ht_sum_run *program)
{
	uint64_t *values = ht_xalloc_zeroed(sum->n_runs + 1, sizeof(*values));
	struct ht_sum_span span = { 0 };

	for (size_t i = 0; i < sum->n_runs; i++) {
		if (program && !ht_sum_is_same_program(program, &sum->runs[i]))
			continue;
		values[span.n++] = sum->runs[i].values[value];
		span.sum = ht_add_u64_saturating(span.sum, sum->runs[i].values[value]);
	}
	qsort(values, span.n, sizeof(*values), compare_numbers);
	if (span.n > 0) {
		span.least = values[0];
		span.median = values[(span.n - 1) / 2];
		span.most = values[span.n - 1];
	}
	free(values);
	return span;
}
