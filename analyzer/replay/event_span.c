/* SPDX-License-Identifier: MIT */
/* What is rarely to be told of frees. Analyzer. */
#include "analyzer/replay/event_span.h"

/* A free of a block that another thread allocated. */
void ht_span_count_for_other(struct ht_replay_state *r, const struct ht_actor *a,
                             const struct ht_live_block *block)
{
	struct ht_thread_result *owner = &r->results->threads[block->thread];
	struct ht_site_detail *detail =
	        ht_site_details_need(&r->results->details, block->birth_site);

	a->thread_result->n_freed_for_others++;
	a->thread_result->freed_for_others_bytes += block->size;
	owner->n_freed_by_others++;
	owner->freed_by_others_bytes += block->size;
	detail->n_freed_by_others++;
	detail->freed_by_others_bytes += block->size;
}

/* A free whose own stack is known. */
void ht_span_count_pair(struct ht_replay_state *r, const struct ht_actor *a,
                        const struct ht_event *e, const struct ht_live_block *block)
{
	uint32_t stack =
	        ht_stack_tree_find(&r->model->stacks, &r->model->processes, a->i_process, e->node);

	ht_free_pairs_add(&r->results->frees, block->birth_site, stack, block->size);
}

/* Of a block that is freed: allocations that its thread made since, or what the limit of short lives is in. */
uint64_t ht_span_age(const struct ht_replay_state *r, const struct ht_actor *a,
                     const struct ht_span *s, const struct ht_event *e,
                     const struct ht_live_block *block)
{
	bool is_own = block->thread == a->i_thread;
	const struct ht_replay_thread *thread = &r->threads[block->thread];

	if (r->options->short_lived_unit == HT_SHORT_LIVED_NS)
		return e->tick > block->birth_tick ? e->tick - block->birth_tick : 0;
	if (r->options->short_lived_unit == HT_SHORT_LIVED_BYTES)
		return (is_own ? s->requested
		               : r->results->threads[block->thread].allocated_bytes +
		                         thread->other_bytes) -
		       block->birth_bytes;
	return (is_own ? s->n_allocations : thread->n_allocations) - block->birth_count;
}
