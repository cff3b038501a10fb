/* SPDX-License-Identifier: MIT */
/* The sum of one recording: its places by name, sorted. Analyzer. */
#include "analyzer/base/xalloc.h"
#include "analyzer/export/export.h"
#include "analyzer/export/sum.h"
#include "analyzer/report/frame_list.h"

#include <stdlib.h>
#include <string.h>

/* Places as long as they are sorted; key and where are offsets in bytes first, which moves. */
struct maker {
	struct ht_strbuf bytes;
	struct ht_sum_place *places;
	size_t n_places;
};

static void add_frame(const struct ht_listed_frame *listed, struct ht_strbuf *key,
                      struct ht_strbuf *where)
{
	const struct ht_frame_name *name = &listed->name;
	struct ht_sum_frame frame = {
		.is_addr = !name->function || !*name->function,
		.addr = listed->addr,
		.function = name->function,
		.module = name->module ? ht_base_name(name->module) : NULL,
		.file = name->file,
		.line = name->line,
		.is_inlined = name->is_inlined,
	};

	frame.n_function = frame.function ? strlen(frame.function) : 0;
	frame.n_module = frame.module ? strlen(frame.module) : 0;
	frame.n_file = frame.file ? strlen(frame.file) : 0;
	ht_sum_frame_put(&frame, key, where);
}

static void collect(struct maker *maker, const struct ht_trace_model *model,
                    const struct ht_results *results, struct ht_symbolizer *symbolizer)
{
	struct ht_frame_list *list = ht_frame_list_new(model, symbolizer);
	const struct ht_site_table *table = &results->sites;
	struct ht_strbuf key = { 0 }, where = { 0 };

	maker->places = ht_xalloc_zeroed(table->n_sites + 1, sizeof(*maker->places));
	for (size_t i = 0; i < table->n_sites; i++) {
		struct ht_sum_place *place = &maker->places[maker->n_places++];
		size_t n;
		const uint32_t *ids = ht_frame_list_stack(list, table->sites[i].stack, &n);

		ht_strbuf_clear(&key);
		ht_strbuf_clear(&where);
		for (size_t k = 0; k < n; k++)
			add_frame(ht_frame_list_get(list, ids[k]), &key, &where);
		place->n_key = key.n_bytes;
		place->n_where = where.n_bytes;
		ht_strbuf_add(&maker->bytes, key.text, key.n_bytes);
		ht_strbuf_add(&maker->bytes, where.text, where.n_bytes);
		for (int v = 0; v < HT_N_SITE_VALUES; v++)
			place->values[v] =
			        ht_site_value_of(&table->sites[i], (enum ht_site_value)v);
		place->own_peak_max_bytes = place->values[HT_VALUE_OWN_PEAK_BYTES];
		place->n_runs = 1;
		place->first_ns = model->recording.realtime_ns;
		place->last_ns = model->recording.realtime_ns;
	}
	ht_strbuf_done(&key);
	ht_strbuf_done(&where);
	ht_frame_list_free(list);

	const uint8_t *bytes = (const uint8_t *)ht_strbuf_str(&maker->bytes);

	for (size_t i = 0; i < maker->n_places; i++) {
		maker->places[i].key = bytes;
		maker->places[i].where = bytes + maker->places[i].n_key;
		bytes += maker->places[i].n_key + maker->places[i].n_where;
	}
}

static int compare_places(const void *a, const void *b)
{
	const struct ht_sum_place *x = a, *y = b;

	return ht_sum_compare(x->key, x->n_key, y->key, y->n_key);
}

/* How many there are when those of one key are one. */
static uint64_t put_places(const struct maker *maker, struct ht_sum_writer *writer)
{
	struct ht_strbuf record = { 0 }, where = { 0 };
	uint64_t n = 0;

	for (size_t i = 0; i < maker->n_places; n++) {
		struct ht_sum_place sum = maker->places[i];

		for (i++; i < maker->n_places && compare_places(&maker->places[i], &sum) == 0; i++)
			ht_sum_place_add(&sum, &maker->places[i], true, &where);
		ht_strbuf_clear(&record);
		ht_sum_place_put(&sum, &record);
		ht_sum_writer_put(writer, HT_SUM_PLACE, &record);
	}
	ht_strbuf_done(&where);
	ht_strbuf_done(&record);
	return n;
}

static void put_run(const struct ht_trace_file *file, const struct ht_trace_model *model,
                    const struct ht_results *results, struct ht_strbuf *record)
{
	const struct ht_export export = { .model = (struct ht_trace_model *)model };
	const struct ht_counts *totals = &results->totals;
	const char *host = model->recording.host ? model->recording.host : "";
	const char *program = ht_export_title(&export);
	bool is_whole = ht_trace_file_end(file) == HT_FILE_END_GOOD &&
	                ht_trace_file_n_damages(file) == 0 && results->n_damaged_blocks == 0;
	const struct ht_sum_run run = {
		.realtime_ns = model->recording.realtime_ns,
		.host = host,
		.n_host = strlen(host),
		.program = program,
		.n_program = strlen(program),
		.values = {
			[HT_SUM_DURATION_NS] = ht_tick_clock_ns(&model->clock, results->end_tick),
			[HT_SUM_PROCESSES] = model->processes.n_processes,
			[HT_SUM_THREADS] = totals->n_threads,
			[HT_SUM_ALLOCATIONS] = totals->n_allocations,
			[HT_SUM_FREES] = totals->n_frees,
			[HT_SUM_REALLOCATIONS] = totals->n_reallocations,
			[HT_SUM_ALLOCATED_BYTES] = totals->allocated_bytes,
			[HT_SUM_PEAK_BYTES] = results->sites.peak_bytes,
			[HT_SUM_PEAK_ALLOCATIONS] = results->sites.n_at_peak,
			[HT_SUM_LEAKED_BYTES] = totals->leaked_bytes,
			[HT_SUM_LEAKED_ALLOCATIONS] = totals->n_leaked,
			[HT_SUM_TEMPORARY_ALLOCATIONS] = results->n_temporary,
			[HT_SUM_TEMPORARY_BYTES] = results->temporary_bytes,
			[HT_SUM_SHORT_LIVED_ALLOCATIONS] = results->n_short_lived,
			[HT_SUM_SHORT_LIVED_BYTES] = results->short_lived_bytes,
			[HT_SUM_CENSORED] = results->n_censored,
			[HT_SUM_LOST_EVENTS] = totals->n_lost_events,
			[HT_SUM_INCOMPLETE] = !is_whole,
		},
	};

	ht_sum_run_put(&run, record);
}

void ht_sum_make(const struct ht_trace_file *file, const struct ht_trace_model *model,
                 const struct ht_results *results, struct ht_symbolizer *symbolizer, FILE *out)
{
	struct ht_sum_writer *writer = ht_sum_writer_new(out);
	struct ht_strbuf record = { 0 };
	struct maker maker = { 0 };

	ht_sum_put_u64(&record, HT_SUM_VERSION);
	ht_sum_put_u64(&record, results->short_lived_age);
	ht_sum_put_u64(&record, results->short_lived_unit);
	ht_sum_writer_put(writer, HT_SUM_HEAD, &record);
	ht_strbuf_clear(&record);
	put_run(file, model, results, &record);
	ht_sum_writer_put(writer, HT_SUM_RUN, &record);
	ht_strbuf_clear(&record);
	ht_sum_counts_put(results->size_counts, &record);
	ht_sum_writer_put(writer, HT_SUM_SIZES, &record);
	ht_strbuf_clear(&record);
	ht_sum_counts_put(results->lifetime_counts, &record);
	ht_sum_writer_put(writer, HT_SUM_LIFETIMES, &record);

	collect(&maker, model, results, symbolizer);
	qsort(maker.places, maker.n_places, sizeof(*maker.places), compare_places);

	uint64_t n_places = put_places(&maker, writer);

	ht_strbuf_clear(&record);
	ht_sum_put_u64(&record, 1);
	ht_sum_put_u64(&record, n_places);
	ht_sum_writer_put(writer, HT_SUM_END, &record);
	ht_sum_writer_finish(writer);
	ht_strbuf_done(&maker.bytes);
	free(maker.places);
	ht_strbuf_done(&record);
}
