/* SPDX-License-Identifier: MIT */
/* A sum of recordings for people, and as JSON. Analyzer. */
#include "analyzer/base/checked.h"
#include "analyzer/base/human.h"
#include "analyzer/export/sum.h"
#include "analyzer/report/frame_json.h"
#include "analyzer/report/json_writer.h"
#include "analyzer/report/text_page.h"
#include "analyzer/report/text_sites.h"

#include <string.h>
#include <time.h>

#define LABEL_COLUMNS      15u
#define NUMBER_COLUMNS     12u
#define MAX_SHOWN_PROGRAMS 10u
#define N_PERCENTILES      4u

static const unsigned per_mille[N_PERCENTILES] = { 500, 900, 990, 999 };

/* By nearest rank, as the least value that is counted together with that of the rank; *ret_n values there are. */
static void percentiles(const struct ht_log_counts *counts, uint64_t values[N_PERCENTILES],
                        uint64_t *ret_n)
{
	uint64_t n = 0;

	for (size_t i = 0; i < HT_N_LOG_COUNTS; i++)
		n = ht_add_u64_saturating(n, counts->n[i]);
	for (unsigned p = 0; p < N_PERCENTILES; p++) {
		uint64_t rank = n - ht_mul_div_u64(n, 1000 - per_mille[p], 1000);
		uint64_t n_before = 0;

		values[p] = 0;
		for (size_t i = 0; i < HT_N_LOG_COUNTS && n_before < rank; i++) {
			n_before = ht_add_u64_saturating(n_before, counts->n[i]);
			values[p] = ht_log_count_least(i);
		}
	}
	*ret_n = n;
}

static char *date_of(char text[32], uint64_t realtime_ns)
{
	time_t seconds = (time_t)(realtime_ns / 1000000000u);
	struct tm utc;

	if (realtime_ns == 0 || !gmtime_r(&seconds, &utc) ||
	    strftime(text, 32, "%Y-%m-%d %H:%M", &utc) == 0)
		strcpy(text, "?");
	return text;
}

static void put_header(struct ht_text_page *page, const struct ht_sum *sum)
{
	size_t n_hosts = ht_sum_n_hosts(sum, NULL);
	char from[32], to[32], count[HT_HUMAN_BYTES];

	ht_text_putf(page, HT_PAINT_STRONG, "Summary of %s recording%s",
	             ht_human_count(count, sum->n_runs), ht_plural(sum->n_runs));
	if (sum->n_runs > 0)
		ht_text_putf(page, HT_PAINT_PLAIN, " on %zu host%s, begun %s to %s UTC", n_hosts,
		             ht_plural(n_hosts), date_of(from, sum->runs[0].realtime_ns),
		             date_of(to, sum->runs[sum->n_runs - 1].realtime_ns));
	ht_text_end_line(page);
	if (sum->totals[HT_SUM_INCOMPLETE] || sum->totals[HT_SUM_LOST_EVENTS]) {
		ht_text_putf(page, HT_PAINT_WARNING,
		             "%s of them incomplete or damaged; %llu events were lost",
		             ht_human_count(count, sum->totals[HT_SUM_INCOMPLETE]),
		             (unsigned long long)sum->totals[HT_SUM_LOST_EVENTS]);
		ht_text_end_line(page);
	}
}

static void put_columns(struct ht_text_page *page, enum ht_paint paint, const char *const *texts,
                        unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		ht_text_put_right(page, paint, texts[i],
		                  2 * LABEL_COLUMNS + NUMBER_COLUMNS * (i + 1));
}

static void put_program(struct ht_text_page *page, const struct ht_sum *sum,
                        const struct ht_sum_run *program)
{
	struct ht_sum_span peak = ht_sum_span(sum, HT_SUM_PEAK_BYTES, program);
	struct ht_sum_span leaked = ht_sum_span(sum, HT_SUM_LEAKED_BYTES, program);
	char texts[5][HT_HUMAN_BYTES];
	const char *const columns[] = { ht_human_count(texts[0], peak.n),
		                        ht_human_bytes(texts[1], peak.least),
		                        ht_human_bytes(texts[2], peak.median),
		                        ht_human_bytes(texts[3], peak.most),
		                        ht_human_bytes(texts[4], leaked.median) };

	ht_text_put(page, HT_PAINT_PLAIN, "  ");
	ht_text_put_in(page, HT_PAINT_PLAIN, program->program, 2 * LABEL_COLUMNS - 2);
	put_columns(page, HT_PAINT_PLAIN, columns, 5);
	ht_text_end_line(page);
}

static bool is_first_of_program(const struct ht_sum *sum, size_t i)
{
	for (size_t k = 0; k < i; k++) {
		if (ht_sum_is_same_program(&sum->runs[k], &sum->runs[i]))
			return false;
	}
	return true;
}

static void put_programs(struct ht_text_page *page, const struct ht_sum *sum)
{
	static const char *const names[] = { "runs", "least peak", "median", "most",
		                             "median leak" };
	unsigned n_shown = 0;

	ht_text_heading(page, "PROGRAMS");
	put_columns(page, HT_PAINT_DIM, names, 5);
	ht_text_end_line(page);
	for (size_t i = 0; i < sum->n_runs; i++) {
		if (!is_first_of_program(sum, i))
			continue;
		if (n_shown == MAX_SHOWN_PROGRAMS) {
			ht_text_put(page, HT_PAINT_DIM, "  ... and more: --json has all runs");
			ht_text_end_line(page);
			break;
		}
		put_program(page, sum, &sum->runs[i]);
		n_shown++;
	}
}

static void put_section(struct ht_text_page *page, const struct ht_report *report,
                        const char *heading, enum ht_site_order order, const char *amount,
                        const char *what)
{
	ht_text_heading(page, heading);
	ht_text_to_column(page, LABEL_COLUMNS);
	ht_text_put(page, HT_PAINT_STRONG, amount);
	ht_text_put(page, HT_PAINT_PLAIN, what);
	ht_text_end_line(page);
	ht_text_sites(page, report, order);
}

static void put_counts(struct ht_text_page *page, const char *label,
                       const struct ht_log_counts *counts,
                       char *human(char text[HT_HUMAN_BYTES], uint64_t value))
{
	uint64_t values[N_PERCENTILES], n;
	char text[HT_HUMAN_BYTES];

	percentiles(counts, values, &n);
	ht_text_put(page, HT_PAINT_PLAIN, label);
	for (unsigned i = 0; i <= N_PERCENTILES; i++)
		ht_text_put_right(page, HT_PAINT_PLAIN,
		                  n ? human(text, i < N_PERCENTILES ? values[i] : counts->max)
		                    : "-",
		                  LABEL_COLUMNS + NUMBER_COLUMNS * (i + 1));
	ht_text_end_line(page);
}

static void put_distributions(struct ht_text_page *page, const struct ht_sum *sum)
{
	static const char *const names[] = { "p50", "p90", "p99", "p99.9", "max" };

	ht_text_heading(page, "DISTRIBUTION");
	for (unsigned i = 0; i <= N_PERCENTILES; i++)
		ht_text_put_right(page, HT_PAINT_DIM, names[i],
		                  LABEL_COLUMNS + NUMBER_COLUMNS * (i + 1));
	ht_text_end_line(page);
	put_counts(page, "  size", &sum->sizes, ht_human_bytes);
	put_counts(page, "  lifetime", &sum->lifetimes, ht_human_ns);
	ht_text_to_column(page, LABEL_COLUMNS);
	ht_text_put(page, HT_PAINT_DIM, "(percentiles are up to a sixteenth too small)");
	ht_text_end_line(page);
}

void ht_sum_text(const struct ht_sum *sum, size_t n_top, size_t n_frames,
                 const struct ht_text_style *style, FILE *out)
{
	const struct ht_report report = {
		.model = &sum->model,
		.results = &sum->results,
		.n_top = n_top,
		.n_frames = n_frames,
	};
	struct ht_text_page page = ht_text_page_init(out, style);
	char text[HT_HUMAN_BYTES];

	put_header(&page, sum);
	put_programs(&page, sum);
	put_section(&page, &report, "PEAK", HT_BY_AT_PEAK_BYTES,
	            ht_human_bytes(text, sum->totals[HT_SUM_PEAK_BYTES]),
	            ": the peaks of all recordings together");
	put_section(&page, &report, "ALLOCATIONS", HT_BY_ALLOCATIONS,
	            ht_human_count(text, sum->totals[HT_SUM_ALLOCATIONS]), " in all recordings");
	put_section(&page, &report, "LEAKED", HT_BY_LEAKED_BYTES,
	            ht_human_bytes(text, sum->totals[HT_SUM_LEAKED_BYTES]),
	            " still live when recordings ended");
	put_section(&page, &report, "CHURN", HT_BY_SHORT_LIVED,
	            ht_human_count(text, sum->totals[HT_SUM_SHORT_LIVED_ALLOCATIONS]),
	            " short-lived");
	put_distributions(&page, sum);
}

static void put_span(struct ht_json_writer *json, const char *key, struct ht_sum_span span)
{
	ht_json_key(json, key);
	ht_json_begin_object(json);
	ht_json_put_u64(json, "min", span.least);
	ht_json_put_u64(json, "median", span.median);
	ht_json_put_u64(json, "max", span.most);
	ht_json_put_u64(json, "sum", span.sum);
	ht_json_end_object(json);
}

static void put_values(struct ht_json_writer *json, const uint64_t *values)
{
	for (int v = 0; v < HT_N_SUM_VALUES; v++)
		ht_json_put_u64(json, ht_sum_value_name((enum ht_sum_value)v), values[v]);
}

static void put_runs(struct ht_json_writer *json, const struct ht_sum *sum)
{
	ht_json_key(json, "runs");
	ht_json_begin_array(json);
	for (size_t i = 0; i < sum->n_runs; i++) {
		ht_json_begin_object(json);
		ht_json_put_u64(json, "realtime_ns", sum->runs[i].realtime_ns);
		ht_json_put_string(json, "host", sum->runs[i].host);
		ht_json_put_string(json, "program", sum->runs[i].program);
		put_values(json, sum->runs[i].values);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
}

static void put_json_counts(struct ht_json_writer *json, const char *key,
                            const struct ht_log_counts *counts)
{
	static const char *const names[N_PERCENTILES] = { "p50", "p90", "p99", "p999" };
	uint64_t values[N_PERCENTILES], n;

	percentiles(counts, values, &n);
	ht_json_key(json, key);
	ht_json_begin_object(json);
	ht_json_put_u64(json, "n", n);
	for (unsigned i = 0; i < N_PERCENTILES; i++)
		ht_json_put_u64(json, names[i], values[i]);
	ht_json_put_u64(json, "max", counts->max);
	ht_json_key(json, "counts");
	ht_json_begin_array(json);
	for (size_t i = 0; i < HT_N_LOG_COUNTS; i++) {
		if (counts->n[i] == 0)
			continue;
		ht_json_begin_array(json);
		ht_json_u64(json, ht_log_count_least(i));
		ht_json_u64(json, counts->n[i]);
		ht_json_end_array(json);
	}
	ht_json_end_array(json);
	ht_json_end_object(json);
}

static void put_place(struct ht_json_writer *json, const struct ht_sum *sum, size_t i,
                      struct ht_named_stack *stack)
{
	const struct ht_sum_place *place = &sum->places[i];

	ht_json_begin_object(json);
	for (int v = 0; v < HT_N_SITE_VALUES; v++)
		ht_json_put_u64(json, ht_site_value_name((enum ht_site_value)v), place->values[v]);
	ht_json_put_u64(json, "own_peak_max_bytes", place->own_peak_max_bytes);
	ht_json_put_u64(json, "runs", place->n_runs);
	ht_json_put_u64(json, "first_realtime_ns", place->first_ns);
	ht_json_put_u64(json, "last_realtime_ns", place->last_ns);
	ht_stack_names_resolve(&sum->model, NULL, (uint32_t)i, stack);
	ht_stack_json(json, stack);
	ht_json_end_object(json);
}

void ht_sum_json(const struct ht_sum *sum, FILE *out)
{
	static const char *const units[] = { "allocations", "ns", "bytes" };
	struct ht_json_writer json = ht_json_writer_init(out);
	struct ht_named_stack stack = { 0 };

	ht_json_begin_object(&json);
	ht_json_put_string(&json, "schema", "heaptide.summary/1");
	ht_json_put_u64(&json, "n_runs", sum->n_runs);
	ht_json_put_u64(&json, "n_hosts", ht_sum_n_hosts(sum, NULL));
	ht_json_put_u64(&json, "short_lived_age", sum->results.short_lived_age);
	ht_json_put_string(&json, "short_lived_unit", units[sum->results.short_lived_unit]);
	ht_json_key(&json, "totals");
	ht_json_begin_object(&json);
	put_values(&json, sum->totals);
	ht_json_end_object(&json);
	put_span(&json, "peak_bytes", ht_sum_span(sum, HT_SUM_PEAK_BYTES, NULL));
	put_span(&json, "leaked_bytes", ht_sum_span(sum, HT_SUM_LEAKED_BYTES, NULL));
	put_json_counts(&json, "sizes", &sum->sizes);
	put_json_counts(&json, "lifetimes_ns", &sum->lifetimes);
	put_runs(&json, sum);
	ht_json_key(&json, "sites");
	ht_json_begin_array(&json);
	for (size_t i = 0; i < sum->n_places; i++)
		put_place(&json, sum, i, &stack);
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	putc('\n', out);
	ht_named_stack_done(&stack);
}
