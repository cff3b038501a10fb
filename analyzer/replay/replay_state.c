/* SPDX-License-Identifier: MIT */
/* What a replay remembers between events. Analyzer. */
#include "analyzer/replay/replay_state.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

void ht_replay_state_need_process(struct ht_replay_state *r, uint32_t i_process)
{
	size_t n = r->model->processes.n_processes;

	if (i_process < r->n_processes)
		return;
	r->processes = ht_xalloc_resize(r->processes, n, sizeof(*r->processes));
	r->results->processes =
	        ht_xalloc_resize(r->results->processes, n, sizeof(*r->results->processes));
	for (size_t i = r->n_processes; i < n; i++) {
		struct ht_replay_process *p = &r->processes[i];

		*p = (struct ht_replay_process){
			.first_own_id = r->model->processes.processes[i].first_own_id,
			.n_nodes = ht_stack_tree_node_limit(&r->model->stacks, &r->model->processes,
			                                    (uint32_t)i),
		};
		p->site_of_node = ht_xalloc_zeroed(p->n_nodes, sizeof(*p->site_of_node));
		r->results->processes[i] = (struct ht_process_result){ 0 };
	}
	r->n_processes = r->results->n_processes = n;
}

uint32_t ht_replay_state_need_thread(struct ht_replay_state *r, uint32_t i_process, uint32_t serial)
{
	uint64_t *slot = ht_u64_map_put(&r->thread_of, (uint64_t)i_process << 32 | serial);

	if (*slot == 0) {
		r->threads = ht_xalloc_grow(r->threads, &r->threads_capacity, r->n_threads + 1,
		                            sizeof(*r->threads));
		r->threads[r->n_threads] =
		        (struct ht_replay_thread){ .process = i_process, .serial = serial };
		*slot = ++r->n_threads;
		r->results->threads = ht_xalloc_grow(r->results->threads,
		                                     &r->thread_results_capacity, r->n_threads,
		                                     sizeof(*r->results->threads));
		r->results->threads[r->results->n_threads++] =
		        (struct ht_thread_result){ .process = i_process, .serial = serial };
	}
	return (uint32_t)*slot - 1;
}

uint32_t ht_replay_state_need_site(struct ht_replay_state *r, uint32_t i_process, uint32_t node)
{
	uint32_t stack =
	        ht_stack_tree_find(&r->model->stacks, &r->model->processes, i_process, node);
	uint32_t site = ht_site_table_need(&r->results->sites, stack);

	if (site == r->n_site_nodes) {
		r->site_nodes = ht_xalloc_grow(r->site_nodes, &r->site_nodes_capacity,
		                               r->n_site_nodes + 1, sizeof(*r->site_nodes));
		r->site_nodes[r->n_site_nodes++] = (struct ht_site_node){
			.process_serial = r->model->processes.processes[i_process].serial,
			.node = stack < HT_FIRST_NODE ? stack : node,
		};
	}
	return site;
}

void ht_replay_state_done(struct ht_replay_state *r)
{
	for (size_t i = 0; i < r->n_processes; i++) {
		ht_live_blocks_done(&r->processes[i].live);
		ht_u64_map_done(&r->processes[i].waiting_of);
		free(r->processes[i].site_of_node);
	}
	ht_u64_map_done(&r->thread_of);
	ht_tally_done(&r->sizes);
	ht_tally_done(&r->lifetimes_ticks);
	free(r->processes);
	free(r->site_nodes);
	free(r->threads);
	free(r->waiting);
}
