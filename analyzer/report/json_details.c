/* SPDX-License-Identifier: MIT */
/* The sections about threads, reallocations and who frees what as JSON. Analyzer. */
#include "analyzer/report/detail_rank.h"
#include "analyzer/report/free_rank.h"
#include "analyzer/report/json_parts.h"

#include <stdlib.h>

/* Write the sites of a question, each by put, with its stack. */
static void put_sites(struct ht_report_writer *w, enum ht_detail_order order,
                      void (*put)(struct ht_json_writer *json, const struct ht_detailed_site *site))
{
	const struct ht_report *report = w->report;
	struct ht_detail_rank rank =
	        ht_detail_rank_new(report->results, order, report->choice.is_shown);
	struct ht_json_writer *json = &w->json;

	ht_json_put_u64(json, "n_sites", rank.n_sites);
	ht_json_key(json, "sites");
	ht_json_begin_array(json);
	for (size_t i = 0; i < rank.n_sites && i < report->n_top; i++) {
		ht_json_begin_object(json);
		put(json, &rank.sites[i]);
		ht_report_writer_stack(w, rank.sites[i].site->stack);
		ht_json_end_object(json);
	}
	ht_json_end_array(json);
	free(rank.sites);
}

static void put_thread(struct ht_json_writer *json, const struct ht_report *report,
                       const struct ht_thread_result *t)
{
	const struct ht_process *process = &report->model->processes.processes[t->process];

	ht_json_begin_object(json);
	ht_json_put_u64(json, "process", process->serial);
	ht_json_put_u64(json, "pid", process->pid);
	ht_json_put_u64(json, "thread", t->serial);
	ht_json_put_u64(json, "tid", t->tid);
	ht_json_put_u64(json, "allocations", t->n_allocations);
	ht_json_put_u64(json, "reallocations", t->n_reallocations);
	ht_json_put_u64(json, "allocated_bytes", t->allocated_bytes);
	ht_json_put_u64(json, "frees", t->n_frees);
	ht_json_put_u64(json, "freed_for_others", t->n_freed_for_others);
	ht_json_put_u64(json, "freed_for_others_bytes", t->freed_for_others_bytes);
	ht_json_put_u64(json, "freed_by_others", t->n_freed_by_others);
	ht_json_put_u64(json, "freed_by_others_bytes", t->freed_by_others_bytes);
	ht_json_end_object(json);
}

static void put_freed_by_others(struct ht_json_writer *json, const struct ht_detailed_site *site)
{
	ht_json_put_u64(json, "allocations", site->site->n_allocations);
	ht_json_put_u64(json, "freed_by_others", site->detail->n_freed_by_others);
	ht_json_put_u64(json, "freed_by_others_bytes", site->detail->freed_by_others_bytes);
}

void ht_json_threads(struct ht_report_writer *w)
{
	const struct ht_report *report = w->report;
	struct ht_json_writer *json = &w->json;
	const struct ht_site_detail *totals = &report->results->details.totals;
	struct ht_thread_rank rank = ht_thread_rank_new(report->results);

	ht_json_key(json, "threads");
	ht_json_begin_object(json);
	ht_json_put_u64(json, "freed_by_others", totals->n_freed_by_others);
	ht_json_put_u64(json, "freed_by_others_bytes", totals->freed_by_others_bytes);
	ht_json_put_u64(json, "n_threads", rank.n_threads);
	ht_json_key(json, "threads");
	ht_json_begin_array(json);
	for (size_t i = 0; i < rank.n_threads && i < report->n_top; i++)
		put_thread(json, report, rank.threads[i]);
	ht_json_end_array(json);
	put_sites(w, HT_BY_FREED_BY_OTHERS, put_freed_by_others);
	ht_json_end_object(json);
	free(rank.threads);
}

static void put_detail(struct ht_json_writer *json, uint64_t n_reallocations,
                       const struct ht_site_detail *d)
{
	ht_json_put_u64(json, "reallocations", n_reallocations);
	ht_json_put_u64(json, "moved", d->n_moved);
	ht_json_put_u64(json, "copied_bytes", d->copied_bytes);
	ht_json_put_u64(json, "grown", d->n_grown);
	ht_json_put_u64(json, "grown_bytes", d->grown_bytes);
	ht_json_put_u64(json, "small_steps", d->n_small_steps);
	ht_json_put_u64(json, "shrunk", d->n_shrunk);
	ht_json_put_u64(json, "blocks", d->n_chains);
	ht_json_put_u64(json, "longest", d->longest_chain);
	ht_json_put_u64(json, "largest_bytes", d->largest_bytes);
}

static void put_realloc(struct ht_json_writer *json, const struct ht_detailed_site *site)
{
	put_detail(json, site->site->n_reallocations, site->detail);
}

void ht_json_reallocs(struct ht_report_writer *w)
{
	const struct ht_report *report = w->report;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "reallocs");
	ht_json_begin_object(json);
	put_detail(json, report->results->totals.n_reallocations, &report->results->details.totals);
	put_sites(w, HT_BY_COPIED_BYTES, put_realloc);
	ht_json_end_object(json);
}

static void put_pair(struct ht_report_writer *w, const struct ht_free_pair *pair)
{
	struct ht_json_writer *json = &w->json;

	ht_json_begin_object(json);
	ht_json_put_u64(json, "frees", pair->n_frees);
	ht_json_put_u64(json, "freed_bytes", pair->freed_bytes);
	ht_json_key(json, "allocated");
	ht_json_begin_object(json);
	ht_report_writer_stack(w, w->report->results->sites.sites[pair->site].stack);
	ht_json_end_object(json);
	ht_json_key(json, "freed");
	ht_json_begin_object(json);
	ht_report_writer_stack(w, pair->stack);
	ht_json_end_object(json);
	ht_json_end_object(json);
}

void ht_json_frees(struct ht_report_writer *w)
{
	const struct ht_report *report = w->report;
	struct ht_json_writer *json = &w->json;
	const struct ht_free_pairs *frees = &report->results->frees;

	ht_json_key(json, "frees");
	if (!report->model->recording.has_free_stacks) {
		ht_json_null(json);
		return;
	}

	struct ht_free_rank rank = ht_free_rank_new(report);

	ht_json_begin_object(json);
	ht_json_put_u64(json, "frees", frees->n_frees);
	ht_json_put_u64(json, "freed_bytes", frees->freed_bytes);
	ht_json_put_u64(json, "n_pairs", rank.n_pairs);
	ht_json_key(json, "pairs");
	ht_json_begin_array(json);
	for (size_t i = 0; i < rank.n_pairs && i < report->n_top; i++)
		put_pair(w, rank.pairs[i]);
	ht_json_end_array(json);
	ht_json_end_object(json);
	free(rank.pairs);
}
