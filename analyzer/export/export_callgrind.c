/* SPDX-License-Identifier: MIT */
/* callgrind's output file, for callgrind_annotate and kcachegrind: own and inclusive cost of functions. Analyzer. */
#include "config.h"

#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/export/export.h"
#include "analyzer/report/frame_list.h"

#include <stdlib.h>
#include <string.h>

static const struct {
	const char *event;
	const char *name;
	enum ht_site_value value;
} events[] = {
	{ "PeakBytes", "Bytes live at the peak", HT_VALUE_AT_PEAK_BYTES },
	{ "LeakedBytes", "Bytes never freed", HT_VALUE_LEAKED_BYTES },
	{ "AllocBytes", "Bytes requested", HT_VALUE_ALLOCATED_BYTES },
	{ "Allocs", "Allocations", HT_VALUE_ALLOCATIONS },
	{ "Temporary", "Temporary allocations", HT_VALUE_TEMPORARY_ALLOCATIONS },
};
#define N_EVENTS (sizeof(events) / sizeof(*events))

#define NO_CALLEE UINT32_MAX

/* What one frame costs by itself (NO_CALLEE), or by a call of another one. */
struct cost {
	uint32_t function; /* number of the caller; costs are written function by function */
	uint32_t caller;   /* frame */
	uint32_t callee;   /* frame */
	uint64_t n_calls;
	uint64_t values[N_EVENTS];
};

struct writer {
	struct ht_frame_list *list;
	struct cost *costs;
	size_t n_costs;
	size_t capacity;
	struct ht_u64_map cost_of;     /* caller and callee -> index + 1 */
	struct ht_u64_map function_of; /* hash of module, file and label -> number */
	uint32_t *functions;           /* per frame: number of its function, or 0 */
	size_t n_functions_known;
	uint32_t n_functions;
	uint32_t *path; /* frames of a stack without cycles, outermost first */
	size_t path_capacity;
};

static uint64_t hash_text(uint64_t hash, const char *text)
{
	for (; text && *text; text++)
		hash = (hash ^ (unsigned char)*text) * 0x100000001b3ull;
	return ht_u64_mix(hash + 1);
}

static const char *file_of(const struct ht_listed_frame *frame)
{
	return frame->name.file ? frame->name.file : "???";
}

/* Frames of one function have one number, from 1 on. */
static uint32_t function_of(struct writer *w, uint32_t frame)
{
	uint32_t count = ht_frame_list_count(w->list);

	if (w->n_functions_known < count) {
		w->functions = ht_xalloc_resize(w->functions, count, sizeof(*w->functions));
		memset(w->functions + w->n_functions_known, 0,
		       (count - w->n_functions_known) * sizeof(*w->functions));
		w->n_functions_known = count;
	}
	if (w->functions[frame] == 0) {
		const struct ht_listed_frame *f = ht_frame_list_get(w->list, frame);
		uint64_t hash =
		        hash_text(hash_text(hash_text(0, f->label), f->name.file), f->name.module);
		uint64_t *number = ht_u64_map_put(&w->function_of, hash);

		if (*number == 0)
			*number = ++w->n_functions;
		w->functions[frame] = (uint32_t)*number;
	}
	return w->functions[frame];
}

static void add_cost(struct writer *w, uint32_t caller, uint32_t callee, const struct ht_site *site)
{
	uint64_t *index = ht_u64_map_put(&w->cost_of, (uint64_t)caller << 32 | callee);

	if (*index == 0) {
		w->costs =
		        ht_xalloc_grow(w->costs, &w->capacity, w->n_costs + 1, sizeof(*w->costs));
		w->costs[w->n_costs] = (struct cost){ .function = function_of(w, caller),
			                              .caller = caller,
			                              .callee = callee };
		*index = ++w->n_costs;
	}

	struct cost *cost = &w->costs[*index - 1];

	cost->n_calls += site->n_allocations;
	for (size_t i = 0; i < N_EVENTS; i++)
		cost->values[i] += ht_site_value_of(site, events[i].value);
}

/*
 * A function's inclusive cost is its own and that of the calls it makes, so on the path of a stack it may be
 * once only: where it comes again, what is between is cut out.
 */
static void add_site(struct writer *w, const struct ht_site *site)
{
	size_t n, n_path = 0;
	const uint32_t *ids = ht_frame_list_stack(w->list, site->stack, &n);

	w->path = ht_xalloc_grow(w->path, &w->path_capacity, n, sizeof(*w->path));
	while (n-- > 0) {
		uint32_t function = function_of(w, ids[n]);

		for (size_t i = 0; i < n_path; i++) {
			if (function_of(w, w->path[i]) == function)
				n_path = i;
		}
		w->path[n_path++] = ids[n];
	}
	for (size_t i = 0; i + 1 < n_path; i++)
		add_cost(w, w->path[i], w->path[i + 1], site);
	add_cost(w, w->path[n_path - 1], NO_CALLEE, site);
}

static int compare(const void *va, const void *vb)
{
	const struct cost *a = va, *b = vb;

	if (a->function != b->function)
		return a->function < b->function ? -1 : 1;
	if (a->caller != b->caller)
		return a->caller < b->caller ? -1 : 1;
	return a->callee < b->callee ? -1 : a->callee > b->callee;
}

static void put_line(const char *text, FILE *out)
{
	for (; *text; text++)
		putc((unsigned char)*text < 32 ? ' ' : *text, out);
	putc('\n', out);
}

static void put_values(const uint64_t *values, FILE *out)
{
	for (size_t i = 0; i < N_EVENTS; i++)
		fprintf(out, " %llu", (unsigned long long)values[i]);
	putc('\n', out);
}

static void put_function(const struct writer *w, uint32_t frame, const char *prefix, FILE *out)
{
	const struct ht_listed_frame *f = ht_frame_list_get(w->list, frame);

	fprintf(out, "%sob=", prefix);
	put_line(f->name.module ? f->name.module : "???", out);
	fprintf(out, "%s=", *prefix ? "cfi" : "fl");
	put_line(file_of(f), out);
	fprintf(out, "%sfn=", prefix);
	put_line(f->label, out);
}

static void put_costs(const struct writer *w, FILE *out)
{
	for (size_t i = 0; i < w->n_costs; i++) {
		const struct cost *cost = &w->costs[i];
		uint32_t line = ht_frame_list_get(w->list, cost->caller)->name.line;

		if (i == 0 || cost[-1].function != cost->function) {
			putc('\n', out);
			put_function(w, cost->caller, "", out);
		}
		if (cost->callee != NO_CALLEE) {
			put_function(w, cost->callee, "c", out);
			fprintf(out, "calls=%llu %u\n", (unsigned long long)cost->n_calls,
			        ht_frame_list_get(w->list, cost->callee)->name.line);
		}
		fprintf(out, "%u", line);
		put_values(cost->values, out);
	}
}

void ht_export_callgrind(const struct ht_export *export, FILE *out)
{
	const struct ht_site_table *table = &export->results->sites;
	const struct ht_recording *recording = &export->model->recording;
	struct writer w = { .list = ht_frame_list_new(export->model, export->symbolizer) };
	uint64_t sums[N_EVENTS] = { 0 };

	for (size_t i = 0; i < table->n_sites; i++) {
		add_site(&w, &table->sites[i]);
		for (size_t e = 0; e < N_EVENTS; e++)
			sums[e] += ht_site_value_of(&table->sites[i], events[e].value);
	}
	if (w.n_costs > 0)
		qsort(w.costs, w.n_costs, sizeof(*w.costs), compare);
	fputs("# callgrind format\nversion: 1\ncreator: heaptide " PACKAGE_VERSION "\ncmd:", out);
	for (uint32_t i = 0; i < recording->argc; i++) {
		putc(' ', out);
		for (const char *c = recording->argv[i]; *c; c++)
			putc((unsigned char)*c < 32 ? ' ' : *c, out);
	}
	fputs("\npositions: line\n", out);
	for (size_t e = 0; e < N_EVENTS; e++)
		fprintf(out, "event: %s : %s\n", events[e].event, events[e].name);
	fputs("events:", out);
	for (size_t e = 0; e < N_EVENTS; e++)
		fprintf(out, " %s", events[e].event);
	fputs("\nsummary:", out);
	put_values(sums, out);
	put_costs(&w, out);
	free(w.costs);
	free(w.functions);
	free(w.path);
	ht_u64_map_done(&w.cost_of);
	ht_u64_map_done(&w.function_of);
	ht_frame_list_free(w.list);
}
