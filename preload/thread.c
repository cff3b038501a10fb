/* SPDX-License-Identifier: MIT */
/* Makes, recycles and lists per-thread states. Target, any thread, may not allocate. */
#include "thread.h"

#include "chunk.h"
#include "lifecycle.h"
#include "stack_source.h"
#include "sys_prim.h"

__thread struct ht_tls ht_tls __attribute__((tls_model("initial-exec")));

static struct ht_thread *_Atomic registry;
static struct ht_thread *_Atomic reclaim_cursor;
static _Atomic uint32_t last_serial;

static uint64_t owner_word(uint32_t serial, uint32_t tid)
{
	return (uint64_t)serial << 32 | tid;
}

/* Close what a dead thread left and make its state ready for the calling one. */
static void adopt(struct ht_thread *t, uint32_t serial, uint32_t tid)
{
	ht_chunk_close(t);
	t->serial = serial;
	t->tid = tid;
	t->chunk_seq = 0;
	t->n_lost = 0;
	t->next_id = t->end_id = 0;
	t->wants_large_chunk = false;
	ht_stack_walk_invalidate(&t->walk);
	ht_python_walk_invalidate(&t->python);
}

/*
 * A state whose thread is gone, or NULL. Every new thread looks at two candidates, so there are
 * never many more states than there were threads at once, and no thread pays for a long search.
 */
static struct ht_thread *reclaim(uint32_t serial, uint32_t tid)
{
	uint32_t pid = ht_sys_getpid();

	for (int i = 0; i < 2; i++) {
		struct ht_thread *t = atomic_load(&reclaim_cursor);

		if (!t)
			t = atomic_load(&registry);
		if (!t)
			return NULL;
		atomic_store(&reclaim_cursor, t->next);

		uint64_t owner = atomic_load(&t->owner);
		uint32_t owner_tid = (uint32_t)owner;

		/* Our own tid on another's state: that thread died and the kernel reused its number. */
		if (owner_tid != tid && ht_sys_is_thread_alive(pid, owner_tid))
			continue;
		if (atomic_compare_exchange_strong(&t->owner, &owner, owner_word(serial, tid)))
			return t;
	}
	return NULL;
}

struct ht_thread *ht_thread_make(void)
{
	if (ht_tls.paused)
		return NULL;

	uint32_t tid = ht_sys_gettid();
	uint32_t serial = atomic_fetch_add(&last_serial, 1) + 1;
	struct ht_thread *t = reclaim(serial, tid);

	if (t) {
		adopt(t, serial, tid);
	} else {
		t = ht_sys_alloc_pages(sizeof(*t));
		if (!t)
			return NULL;
		t->serial = serial;
		t->tid = tid;
		ht_stack_walk_init(&t->walk, ht_process.max_frames);
		ht_stack_source_bind(t);
		atomic_store(&t->owner, owner_word(serial, tid));
		t->next = atomic_load(&registry);
		while (!atomic_compare_exchange_weak(&registry, &t->next, t))
			;
	}
	ht_tls.self = t;
	return t;
}

/* This thread's state if it has one. */
static struct ht_thread *find_self(void)
{
	return ht_tls.paused ? ht_tls.paused : ht_tls.self;
}

void ht_thread_recover(void)
{
	struct ht_thread *self = find_self();

	if (!self)
		return;
	/* A record may be half written, an id taken and not used: the next chunk says where it begins. */
	ht_chunk_close(self);
	ht_stack_walk_recover(&self->walk);
	ht_python_walk_invalidate(&self->python);
}

bool ht_thread_after_fork(void)
{
	struct ht_thread *self = find_self();
	bool had_others = atomic_load(&last_serial) > (self != NULL);

	for (struct ht_thread *t = atomic_load(&registry); t; t = t->next)
		ht_chunk_forget(t);
	atomic_store(&last_serial, 0);
	if (!self)
		return had_others;
	uint32_t tid = ht_sys_gettid();
	uint32_t serial = atomic_fetch_add(&last_serial, 1) + 1;

	adopt(self, serial, tid);
	atomic_store(&self->owner, owner_word(serial, tid));
	return had_others;
}
