/* SPDX-License-Identifier: MIT */
/* What the program mapped itself as JSON. Analyzer. */
#include "analyzer/report/json_parts.h"
#include "analyzer/report/mapped_rank.h"

#include <stdlib.h>

static void put_mapped_site(struct ht_report_writer *w, const struct ht_mapped_site *site)
{
	struct ht_json_writer *json = &w->json;

	ht_json_begin_object(json);
	ht_json_put_u64(json, "calls", site->n_calls);
	ht_json_put_u64(json, "mapped_bytes", site->mapped_bytes);
	ht_json_put_u64(json, "at_peak_ranges", site->n_at_peak);
	ht_json_put_u64(json, "at_peak_bytes", site->at_peak_bytes);
	ht_json_put_u64(json, "left_ranges", site->n_left);
	ht_json_put_u64(json, "left_bytes", site->left_bytes);
	ht_report_writer_stack(w, site->stack);
	ht_json_end_object(json);
}

void ht_json_mapped(struct ht_report_writer *w)
{
	const struct ht_mapped *m = w->report->mapped;
	struct ht_json_writer *json = &w->json;

	ht_json_key(json, "mapped");
	if (!m) {
		ht_json_null(json);
		return;
	}

	struct ht_mapped_rank rank = ht_mapped_rank_new(w->report);

	ht_json_begin_object(json);
	ht_json_put_u64(json, "peak_bytes", m->peak_bytes);
	ht_json_put_u64(json, "peak_time_ns",
	                ht_tick_clock_ns(&w->report->model->clock, m->peak_tick));
	ht_json_put_u64(json, "peak_ranges", m->n_at_peak);
	ht_json_put_u64(json, "peak_anonymous_bytes", m->at_peak_bytes_of[HT_MAPPED_ANONYMOUS]);
	ht_json_put_u64(json, "peak_file_bytes", m->at_peak_bytes_of[HT_MAPPED_FILE]);
	ht_json_put_u64(json, "peak_reserved_bytes", m->at_peak_bytes_of[HT_MAPPED_RESERVED]);
	ht_json_put_u64(json, "left_bytes", m->left_bytes);
	ht_json_put_u64(json, "left_ranges", m->n_left);
	ht_json_put_u64(json, "at_exec_bytes", m->at_exec_bytes);
	ht_json_put_u64(json, "maps", m->n_maps);
	ht_json_put_u64(json, "unmaps", m->n_unmaps);
	ht_json_put_u64(json, "remaps", m->n_remaps);
	ht_json_put_u64(json, "mapped_bytes", m->mapped_bytes);
	ht_json_put_u64(json, "n_sites", rank.n_sites);
	ht_json_key(json, "sites");
	ht_json_begin_array(json);
	for (size_t i = 0; i < rank.n_sites && i < w->report->n_top; i++)
		put_mapped_site(w, rank.sites[i]);
	ht_json_end_array(json);
	ht_json_end_object(json);
	free(rank.sites);
}
