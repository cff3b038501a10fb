/* SPDX-License-Identifier: MIT */
/*
 * The process as the recorder sees it: attaching to the region, noticing that one is a fork's child,
 * going inert. Target.
 *
 *   NEW -> STARTING -> ACTIVE -> INERT
 *              \________________/
 *
 * ACTIVE processes own a process slot. INERT is for good: every hook passes its call through.
 */
#ifndef HT_LIFECYCLE_H
#define HT_LIFECYCLE_H

#include <heaptide/shared_region.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct ht_process {
	struct ht_region_header *region; /* NULL unless it was ever ACTIVE, or when it is not wanted */
	struct ht_process_slot *slot;    /* counters; valid whenever region is */
	uint32_t slot_index;
	uint64_t pid_namespace; /* inode; 0: not known */
	uint32_t pid; /* of the process that has the slot; a vfork's child finds its parent's here */
	uint32_t serial; /* of this process image; a fork's child finds its parent's here */
	uint32_t clock_kind;    /* HT_CLOCK_RECORDER also when the region has another */
	uint64_t last_own_tick; /* before it became that */
	uint32_t tick_shift;
	uint32_t max_frames;
	uint32_t unwind;  /* enum ht_unwind_backend, resolved */
	bool is_dropping; /* HT_OVERLOAD_DROP */
	bool has_python;  /* stacks get Python frames, by ht_stack_source_begin_slow() */
};
extern struct ht_process ht_process;

/*
 * Points to a word that is not zero exactly while this process is ACTIVE. It lies in a page that the
 * kernel wipes in a fork's child (MADV_WIPEONFORK), however the fork was made, so one load tells the
 * hook that all is well, and its being zero sends it to ht_lifecycle_check().
 */
extern _Atomic uint32_t *_Atomic ht_active_word;

static inline bool ht_lifecycle_is_active(void)
{
	_Atomic uint32_t *word = atomic_load_explicit(&ht_active_word, memory_order_acquire);

	return __builtin_expect(atomic_load_explicit(word, memory_order_relaxed) != 0, 1);
}

/*
 * The slow side of ht_lifecycle_is_active(): start, or become a process of one's own after a fork, or
 * find that there is nothing to do. True when the process is ACTIVE afterwards. The caller has set
 * ht_tls.in_hook. [any thread, also before our constructor and in a fork's child]
 */
bool ht_lifecycle_check(void);

/* Go inert: the recorder is gone or has ended the recording. */
void ht_lifecycle_stop(void);

/* Add to a counter of the process slot; nothing before attaching. */
#define HT_COUNT_N(field, n)                                                    \
	do {                                                                    \
		if (ht_process.slot)                                            \
			atomic_fetch_add_explicit(&ht_process.slot->field, (n), \
			                          memory_order_relaxed);        \
	} while (0)
#define HT_COUNT(field) HT_COUNT_N(field, 1)

#endif
