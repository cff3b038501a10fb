/* SPDX-License-Identifier: MIT */
/* What happened between the marks of a trace. Analyzer. */
#ifndef HT_PHASE_LIST_H
#define HT_PHASE_LIST_H

#include <stddef.h>
#include <stdint.h>

/* Further marks begin no phase: the last one goes on. */
#define HT_MAX_PHASES 4096u

/* What came behind from_tick, up to to_tick and with it. */
struct ht_phase {
	uint32_t
	        mark; /* that it begins with: index in the model; UINT32_MAX: the beginning of the trace or window */
	uint64_t from_tick;
	uint64_t to_tick;
	uint64_t n_allocations;
	uint64_t n_reallocations;
	uint64_t n_frees;
	uint64_t allocated_bytes; /* as in struct ht_counts */
	uint64_t peak_bytes;      /* most live bytes at one instant in it */
	uint64_t n_live; /* at its end; of the last one: before the last process was seen to end */
	uint64_t live_bytes;
	uint64_t n_leaked; /* of what was allocated in it */
	uint64_t leaked_bytes;
};

/* Empty unless the trace has marks. */
struct ht_phase_list {
	struct ht_phase *phases; /* in order of time, without gaps */
	size_t n_phases;
	size_t capacity;
};

/* A phase begins with this, of which the rest is filled in. */
struct ht_phase *ht_phase_list_add(struct ht_phase_list *list, uint32_t mark, uint64_t from_tick);

/* The one with this tick: the first when it is before all, NULL when there are none. */
struct ht_phase *ht_phase_list_find(const struct ht_phase_list *list, uint64_t tick);

/* Empty afterwards. */
void ht_phase_list_done(struct ht_phase_list *list);

#endif
