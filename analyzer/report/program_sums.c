/* SPDX-License-Identifier: MIT */
/* Puts processes of one name together. Analyzer. */
#include "analyzer/report/program_sums.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>
#include <string.h>

static int compare_names(const void *va, const void *vb)
{
	const struct ht_program_sum *a = va, *b = vb;

	return strcmp(a->name, b->name);
}

static int compare_peaks(const void *va, const void *vb)
{
	const struct ht_program_sum *a = va, *b = vb;

	if (a->max_peak_bytes != b->max_peak_bytes)
		return a->max_peak_bytes < b->max_peak_bytes ? 1 : -1;
	return strcmp(a->name, b->name);
}

static void add(struct ht_program_sum *sum, const struct ht_program_sum *other)
{
	sum->n_processes += other->n_processes;
	if (other->max_peak_bytes > sum->max_peak_bytes)
		sum->max_peak_bytes = other->max_peak_bytes;
	sum->leaked_bytes += other->leaked_bytes;
	sum->n_leaked += other->n_leaked;
	sum->n_allocations += other->n_allocations;
	sum->allocated_bytes += other->allocated_bytes;
}

struct ht_program_sum *ht_program_sums_new(const struct ht_report *report, size_t *ret_n)
{
	const struct ht_process_list *list = &report->model->processes;
	struct ht_program_sum *sums = ht_xalloc_zeroed(list->n_processes + 1, sizeof(*sums));
	size_t n = 0, n_merged = 0;

	for (size_t i = 0; i < list->n_processes; i++) {
		const struct ht_process_result *r = &report->results->processes[i];

		if (!ht_process_selection_has(report->selection, i))
			continue;
		sums[n++] = (struct ht_program_sum){
			.name = ht_process_name(&list->processes[i]),
			.n_processes = 1,
			.max_peak_bytes = r->peak_bytes,
			.leaked_bytes = r->counts.leaked_bytes,
			.n_leaked = r->counts.n_leaked,
			.n_allocations = r->counts.n_allocations,
			.allocated_bytes = r->counts.allocated_bytes,
		};
	}
	qsort(sums, n, sizeof(*sums), compare_names);
	for (size_t i = 0; i < n; i++) {
		if (n_merged && strcmp(sums[n_merged - 1].name, sums[i].name) == 0)
			add(&sums[n_merged - 1], &sums[i]);
		else
			sums[n_merged++] = sums[i];
	}
	qsort(sums, n_merged, sizeof(*sums), compare_peaks);
	*ret_n = n_merged;
	return sums;
}
