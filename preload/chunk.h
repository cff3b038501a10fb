/* SPDX-License-Identifier: MIT */
/*
 * Writes records into this thread's chunk of the shared region, and gets new chunks. Target.
 *
 * A record becomes visible, whole, with the release store of its first word: the process can be
 * killed between any two instructions.
 */
#ifndef HT_CHUNK_H
#define HT_CHUNK_H

#include "clock.h"
#include "thread.h"

/*
 * Room for n_words (even) in the current chunk, waiting for a chunk as the recording's policy says.
 * False when none can be had: the caller loses its event and says so with ht_chunk_lose().
 * [target] [own thread]
 */
bool ht_chunk_make_room(struct ht_thread *t, uint32_t n_words);

/* Whether nobody takes chunks any more. [any thread] */
bool ht_chunk_is_recorder_gone(struct ht_region_header *region);

/* Give up the current chunk: it is complete. No-op without one. */
void ht_chunk_close(struct ht_thread *t);

/* Drop the current chunk without touching it: it is another process's. */
void ht_chunk_forget(struct ht_thread *t);

/* Take note that an event could not be written. */
void ht_chunk_lose(struct ht_thread *t);

/* MODULE record. False when lost. */
bool ht_chunk_put_module(struct ht_thread *t, uint32_t module_serial,
                         const struct ht_module_record *module, const char *path);

/* PYTHON record: text is the name and then the file. False when lost. */
bool ht_chunk_put_python(struct ht_thread *t, uint32_t number, const struct ht_python_record *record,
                         const char *text);

/* MARK record, for which there is room; aux is its tick. */
void ht_chunk_put_mark(struct ht_thread *t, uint32_t aux, const struct ht_mark_record *record);

/* TOLD record, for which there is room; aux is its tick, name NULL or what follows it, and then node is 0. */
void ht_chunk_put_told(struct ht_thread *t, uint32_t aux, uint32_t node,
                       const struct ht_told_record *record, const struct ht_told_name *name);

/* MAPPING record, for which there is room; aux is its tick. */
void ht_chunk_put_mapping(struct ht_thread *t, uint32_t aux, uint32_t node,
                          const struct ht_mapping_record *record);

/* NODE record. False when lost. */
bool ht_chunk_put_node(struct ht_thread *t, uint32_t node, uint64_t address, uint32_t parent,
                       uint32_t generation);

static inline bool ht_chunk_has_room(const struct ht_thread *t, uint32_t n_words)
{
	return __builtin_expect((uint64_t)((char *)t->end - (char *)t->pos) >= n_words * 8ull, 1);
}

static inline void ht_chunk_put2(struct ht_thread *t, uint64_t first, uint64_t second)
{
	_Atomic uint64_t *pos = t->pos;

	atomic_store_explicit(pos + 1, second, memory_order_relaxed);
	atomic_store_explicit(pos, first, memory_order_release);
	t->pos = pos + 2;
}

static inline void ht_chunk_put4(struct ht_thread *t, uint64_t first, uint64_t second,
                                 uint64_t third, uint64_t fourth)
{
	_Atomic uint64_t *pos = t->pos;

	atomic_store_explicit(pos + 1, second, memory_order_relaxed);
	atomic_store_explicit(pos + 2, third, memory_order_relaxed);
	atomic_store_explicit(pos + 3, fourth, memory_order_relaxed);
	atomic_store_explicit(pos, first, memory_order_release);
	t->pos = pos + 4;
}

/* Make the tick of this moment fit a record: TICK record when the chunk's base is too far away. */
uint32_t ht_chunk_rebase_tick(struct ht_thread *t, uint64_t tick);

/*
 * The aux field for an event at ht_clock_tick() `tick`, which was read after the thread's previous
 * event. Needs room for two words more than the event; only the slow path uses them.
 */
static inline uint32_t ht_chunk_tick(struct ht_thread *t, uint64_t tick)
{
	uint64_t aux = tick - t->base_tick;

	if (__builtin_expect(aux <= HT_REC_AUX_MAX, 1))
		return (uint32_t)aux;
	/* Read just before a chunk was opened, which read it again. */
	if (t->base_tick - tick <= HT_REC_AUX_MAX)
		return 0;
	return ht_chunk_rebase_tick(t, tick);
}

/* Next allocation id. Needs room for two words more than the event, as above. */
uint64_t ht_chunk_new_id_range(struct ht_thread *t);

static inline uint64_t ht_chunk_next_id(struct ht_thread *t)
{
	if (__builtin_expect(t->next_id == t->end_id, 0))
		ht_chunk_new_id_range(t);
	return t->next_id++;
}

/* The allocation id from which a fork's child counts its own. */
uint64_t ht_chunk_first_unused_id(void);

#endif
