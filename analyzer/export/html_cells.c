/* SPDX-License-Identifier: MIT */
/* What nodes and threads did in each part of the time, as columns of the page. Analyzer. */
#include "analyzer/base/u64_map.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/export/html_page.h"
#include "analyzer/export/window_cells.h"

#include <stdlib.h>

/* What keeps the page small: with more, parts of time become longer, and then fewer threads are told apart. */
#define MAX_CELLS  100000u
#define MAX_N_EACH 16u

/* How finely it is told: parts that are put together, and threads that are not. */
struct grain {
	uint32_t n_each;
	uint32_t n_threads; /* the last one stands for all further ones */
};

static uint32_t thread_in(const struct grain *grain, uint32_t thread)
{
	return thread < grain->n_threads ? thread : grain->n_threads - 1;
}

/* Put cells of one node, thread and part together. Returns how many are left. */
static size_t merge_cells(const struct ht_html_page *p, const struct ht_window_cells *all,
                          const struct grain *grain, struct ht_window_cell *merged)
{
	struct ht_u64_map index_of = { 0 };
	size_t n = 0;

	for (size_t i = 0; i < all->n_cells; i++) {
		const struct ht_window_cell *c = &all->cells[i];
		uint32_t node = ht_html_page_node(p, c->site);
		uint32_t part = c->part / grain->n_each;
		uint32_t thread = thread_in(grain, c->thread);
		uint64_t *index = ht_u64_map_put(&index_of, (uint64_t)node << 32 |
		                                                    (uint64_t)thread << 16 | part);

		if (*index == 0) {
			merged[n] = (struct ht_window_cell){ .site = node,
				                             .part = part,
				                             .thread = thread };
			*index = ++n;
		}

		struct ht_window_cell *sum = &merged[*index - 1];

		sum->n_allocations += c->n_allocations;
		sum->allocated_bytes += c->allocated_bytes;
		sum->live_bytes += c->live_bytes;
		sum->leaked_bytes += c->leaked_bytes;
		sum->n_temporary += c->n_temporary;
	}
	ht_u64_map_done(&index_of);
	return n;
}

/* Columns of numbers of cells: node, part, allocations, bytes, change of live bytes, leaked, temporary, thread. */
static void put_cells(struct ht_html_page *p, const struct ht_window_cell *cells, size_t n,
                      bool has_threads)
{
	ht_html_put_array(p, "cells");
	for (int column = 0; column < 8; column++) {
		ht_json_begin_array(p->json);
		for (size_t i = 0; i < n && (column < 7 || has_threads); i++) {
			const struct ht_window_cell *c = &cells[i];
			const int64_t numbers[] = {
				c->site,
				c->part,
				(int64_t)c->n_allocations,
				(int64_t)c->allocated_bytes,
				c->live_bytes,
				(int64_t)c->leaked_bytes,
				(int64_t)c->n_temporary,
				c->thread,
			};

			ht_json_i64(p->json, numbers[column]);
		}
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
}

/* What threads had at the peak: columns node, thread, bytes. */
static void put_peaks(struct ht_html_page *p, const struct ht_window_cells *all,
                      const struct grain *grain)
{
	ht_html_put_array(p, "threadPeak");
	for (int column = 0; column < 3 && grain->n_threads > 1; column++) {
		ht_json_begin_array(p->json);
		for (size_t i = 0; i < all->n_peaks; i++) {
			const struct ht_peak_cell *c = &all->peaks[i];

			ht_json_u64(p->json, column == 0   ? ht_html_page_node(p, c->site)
			                     : column == 1 ? thread_in(grain, c->thread)
			                                   : c->bytes);
		}
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
}

/* How often each magnitude occurred: columns part, thread, magnitude, how often. */
static void put_magnitudes(struct ht_html_page *p, const char *key,
                           const struct ht_window_cells *all, const struct grain *grain,
                           bool is_lifetime)
{
	struct ht_magnitudes *sums =
	        ht_xalloc_zeroed((size_t)grain->n_threads * HT_N_CELL_PARTS, sizeof(*sums));

	for (uint32_t thread = 0; thread < all->n_threads; thread++) {
		for (uint32_t part = 0; part < HT_N_CELL_PARTS; part++) {
			size_t from = (size_t)thread * HT_N_CELL_PARTS + part;
			const struct ht_magnitudes *m =
			        is_lifetime ? &all->of_lifetime[from] : &all->of_size[from];
			struct ht_magnitudes *sum =
			        &sums[(size_t)thread_in(grain, thread) * HT_N_CELL_PARTS +
			              part / grain->n_each];

			for (uint32_t i = 0; i < HT_N_MAGNITUDES; i++)
				sum->n[i] += m->n[i];
		}
	}
	ht_html_put_array(p, key);
	for (int column = 0; column < 4; column++) {
		ht_json_begin_array(p->json);
		for (uint32_t at = 0; at < grain->n_threads * HT_N_CELL_PARTS; at++) {
			for (uint32_t i = 0; i < HT_N_MAGNITUDES; i++) {
				const uint64_t numbers[] = { at % HT_N_CELL_PARTS,
					                     at / HT_N_CELL_PARTS, i,
					                     sums[at].n[i] };

				if (sums[at].n[i])
					ht_json_u64(p->json, numbers[column]);
			}
		}
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
	free(sums);
}

/* Process index, serial and number of each; null for further ones. */
static void put_threads(struct ht_html_page *p, const struct ht_window_cells *all,
                        const struct grain *grain)
{
	const struct ht_process_list *processes = &p->export->model->processes;

	ht_html_put_array(p, "threadNames");
	for (uint32_t i = 0; i < grain->n_threads; i++) {
		const struct ht_thread_result *thread = all->threads[i];

		if (!thread || (grain->n_threads < all->n_threads && i + 1 == grain->n_threads)) {
			ht_json_null(p->json);
			continue;
		}

		const struct ht_process *process = &processes->processes[thread->process];

		ht_json_begin_array(p->json);
		ht_json_string(p->json, process->exe ? ht_base_name(process->exe) : "");
		ht_json_u64(p->json, process->pid);
		ht_json_u64(p->json, thread->serial);
		ht_json_u64(p->json, thread->tid);
		ht_json_end_array(p->json);
	}
	ht_json_end_array(p->json);
}

void ht_html_cells_put(struct ht_html_page *page)
{
	struct ht_window_cells all = ht_window_cells_new(page->export);
	struct grain grain = { .n_each = 1, .n_threads = all.n_threads };
	struct ht_window_cell *cells = ht_xalloc_zeroed(all.n_cells + 1, sizeof(*cells));
	size_t n = merge_cells(page, &all, &grain, cells);

	while (n > MAX_CELLS && (grain.n_each < MAX_N_EACH || grain.n_threads > 1)) {
		if (grain.n_each < MAX_N_EACH)
			grain.n_each *= 2;
		else
			grain.n_threads /= 2;
		n = merge_cells(page, &all, &grain, cells);
	}
	put_cells(page, cells, n, grain.n_threads > 1);
	ht_json_put_u64(page->json, "partNs", all.part_ns * grain.n_each);
	ht_json_put_u64(page->json, "nParts", (HT_N_CELL_PARTS + grain.n_each - 1) / grain.n_each);
	put_peaks(page, &all, &grain);
	put_threads(page, &all, &grain);
	put_magnitudes(page, "nOfSize", &all, &grain, false);
	put_magnitudes(page, "nOfLifetime", &all, &grain, true);
	free(cells);
	ht_window_cells_done(&all);
}
