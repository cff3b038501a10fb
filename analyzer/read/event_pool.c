/* SPDX-License-Identifier: MIT */
/* Decoding of EVENTS blocks ahead of who needs them, by threads. Analyzer. */
#include "analyzer/read/event_pool.h"

#include "analyzer/base/memory_limit.h"
#include "analyzer/base/xalloc.h"

#include <pthread.h>
#include <stdlib.h>
#include <unistd.h>

/* Decoding takes less time than what is done with the events: more threads would only wait. */
#define MAX_JOBS 8u

/* Blocks decoded ahead, per thread: one that is being decoded, one that waits. */
#define SLOTS_PER_JOB 2u

enum slot_state { SLOT_EMPTY, SLOT_BUSY, SLOT_READY };

struct slot {
	enum slot_state state;
	struct ht_event_block block;
	size_t i_block;
	enum ht_err err;
	struct ht_diag diag;
};

struct ht_event_pool {
	const struct ht_trace_file *file;
	const struct ht_block *blocks;
	size_t n_blocks;
	struct ht_body body; /* the caller's */

	pthread_mutex_t lock;    /* of all below; what a busy slot has is its thread's */
	pthread_cond_t is_ready; /* a slot became ready */
	pthread_cond_t is_free;  /* a slot became empty, or the end came */
	struct slot slots[MAX_JOBS * SLOTS_PER_JOB]; /* a ring, by number of the EVENTS block */
	size_t n_slots;
	size_t n_begun; /* EVENTS blocks that somebody decodes, or has decoded */
	size_t n_taken;
	size_t i_block; /* where the next EVENTS block is looked for */
	bool is_over;

	pthread_t threads[MAX_JOBS];
	size_t n_threads;
};

static void decode(const struct ht_event_pool *pool, struct slot *slot, struct ht_body *body)
{
	const struct ht_block *header = &pool->blocks[slot->i_block];

	slot->err = ht_trace_file_load(pool->file, header, body, &slot->diag);
	if (!slot->err)
		slot->err = ht_event_block_decode(&slot->block, header, body->bytes, body->n_bytes,
		                                  &slot->diag);
}

/* The slot of the next block that nobody has begun, now busy; NULL when there is none. Locked. */
static struct slot *begin_next(struct ht_event_pool *pool)
{
	struct slot *slot = &pool->slots[pool->n_begun % pool->n_slots];

	if (slot->state != SLOT_EMPTY || pool->is_over)
		return NULL;
	while (pool->i_block < pool->n_blocks &&
	       pool->blocks[pool->i_block].type != HT_BLOCK_EVENTS)
		pool->i_block++;
	if (pool->i_block == pool->n_blocks)
		return NULL;
	slot->i_block = pool->i_block++;
	slot->state = SLOT_BUSY;
	pool->n_begun++;
	return slot;
}

/* Locked before and after, not in between. */
static void finish(struct ht_event_pool *pool, struct slot *slot, struct ht_body *body)
{
	pthread_mutex_unlock(&pool->lock);
	decode(pool, slot, body);
	pthread_mutex_lock(&pool->lock);
	slot->state = SLOT_READY;
}

static void *work(void *context)
{
	struct ht_event_pool *pool = context;
	struct ht_body body = { 0 };

	pthread_mutex_lock(&pool->lock);
	while (!pool->is_over) {
		struct slot *slot = begin_next(pool);

		if (slot) {
			finish(pool, slot, &body);
			pthread_cond_signal(&pool->is_ready);
		} else if (pool->i_block == pool->n_blocks) {
			break;
		} else {
			pthread_cond_wait(&pool->is_free, &pool->lock);
		}
	}
	pthread_mutex_unlock(&pool->lock);
	ht_body_done(&body);
	return NULL;
}

static unsigned processors(void)
{
	long n = sysconf(_SC_NPROCESSORS_ONLN);

	return n < 1 ? 1 : (unsigned)n;
}

/* As many as what they decode ahead leaves half of the memory for. */
static unsigned jobs_for_memory(unsigned n_jobs, uint64_t n_block_events)
{
	uint64_t n_bytes = n_block_events * (sizeof(struct ht_event) + 8) * SLOTS_PER_JOB;

	while (n_jobs > 1 && n_jobs * n_bytes > ht_memory_limit() / 2)
		n_jobs--;
	return n_jobs;
}

struct ht_event_pool *ht_event_pool_new(const struct ht_trace_file *file,
                                        const struct ht_block *blocks, size_t n_blocks,
                                        unsigned n_jobs)
{
	struct ht_event_pool *pool = ht_xalloc_zeroed(1, sizeof(*pool));
	size_t n_events_blocks = 0;
	uint64_t n_block_events = 0; /* of the largest */

	pool->file = file;
	pool->blocks = blocks;
	pool->n_blocks = n_blocks;
	for (size_t i = 0; i < n_blocks; i++) {
		if (blocks[i].type != HT_BLOCK_EVENTS)
			continue;
		n_events_blocks++;
		if (blocks[i].n_items > n_block_events && blocks[i].n_items <= HT_BLOCK_MAX_EVENTS)
			n_block_events = blocks[i].n_items;
	}
	if (n_jobs == 0)
		n_jobs = processors();
	if (n_jobs > MAX_JOBS)
		n_jobs = MAX_JOBS;
	n_jobs = jobs_for_memory(n_jobs, n_block_events);
	/* A thread for the last block would come too late. */
	if (n_jobs > n_events_blocks)
		n_jobs = n_events_blocks ? (unsigned)n_events_blocks : 1;
	pool->n_slots = n_jobs == 1 ? 1 : n_jobs * SLOTS_PER_JOB;
	pthread_mutex_init(&pool->lock, NULL);
	pthread_cond_init(&pool->is_ready, NULL);
	pthread_cond_init(&pool->is_free, NULL);
	while (pool->n_threads + 1 < n_jobs &&
	       pthread_create(&pool->threads[pool->n_threads], NULL, work, pool) == 0)
		pool->n_threads++;
	return pool;
}

void ht_event_pool_free(struct ht_event_pool *pool)
{
	if (!pool)
		return;
	pthread_mutex_lock(&pool->lock);
	pool->is_over = true;
	pthread_cond_broadcast(&pool->is_free);
	pthread_mutex_unlock(&pool->lock);
	for (size_t i = 0; i < pool->n_threads; i++)
		pthread_join(pool->threads[i], NULL);
	pthread_cond_destroy(&pool->is_ready);
	pthread_cond_destroy(&pool->is_free);
	pthread_mutex_destroy(&pool->lock);
	for (size_t i = 0; i < pool->n_slots; i++)
		ht_event_block_done(&pool->slots[i].block);
	ht_body_done(&pool->body);
	free(pool);
}

enum ht_err ht_event_pool_take(struct ht_event_pool *pool, struct ht_event_block *block,
                               size_t *ret_i_block, struct ht_diag *diag)
{
	struct slot *slot = &pool->slots[pool->n_taken % pool->n_slots];
	enum ht_err err;

	pthread_mutex_lock(&pool->lock);
	while (slot->state != SLOT_READY) {
		/* Rather than wait, decode: this block when nobody does yet, or a later one. */
		struct slot *next = begin_next(pool);

		if (next) {
			finish(pool, next, &pool->body);
		} else if (slot->state == SLOT_EMPTY) {
			pthread_mutex_unlock(&pool->lock);
			return HT_ERR_END;
		} else {
			pthread_cond_wait(&pool->is_ready, &pool->lock);
		}
	}
	/* The slot is nobody else's until it is empty. */
	struct ht_event_block taken = slot->block;

	slot->block = *block;
	*block = taken;
	*ret_i_block = slot->i_block;
	err = slot->err;
	if (err)
		*diag = slot->diag;
	slot->state = SLOT_EMPTY;
	pool->n_taken++;
	pthread_cond_signal(&pool->is_free);
	pthread_mutex_unlock(&pool->lock);
	return err;
}
