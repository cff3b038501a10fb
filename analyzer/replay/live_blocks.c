/* SPDX-License-Identifier: MIT */
/* The live blocks of one process by allocation id. Analyzer. */
#include "analyzer/replay/live_blocks.h"

#include "analyzer/base/xalloc.h"

#include <stdlib.h>

#define MIN_SLOTS 256u

void ht_live_blocks_done(struct ht_live_blocks *live)
{
	if (!live)
		return;
	free(live->slots);
	free(live->records);
	*live = (struct ht_live_blocks){ 0 };
}

static void put_slot(struct ht_live_blocks *live, struct ht_live_slot slot)
{
	size_t i = ht_live_blocks_home(live, slot.id_low);

	while (live->slots[i].record)
		i = (i + 1) & (live->n_slots - 1);
	live->slots[i] = slot;
}

void ht_live_blocks_grow(struct ht_live_blocks *live)
{
	if (!live->free_record)
		live->records = ht_xalloc_grow(live->records, &live->records_capacity,
		                               live->n_records + 1, sizeof(*live->records));
	if (live->n_used < live->n_slots / 2)
		return;

	struct ht_live_slot *old = live->slots;
	size_t n_old = live->n_slots;

	live->n_slots = n_old ? n_old * 2 : MIN_SLOTS;
	live->home_shift = 32 + HT_LIVE_GROUP_BITS - (unsigned)__builtin_ctzll(live->n_slots);
	live->slots = ht_xalloc_zeroed(live->n_slots, sizeof(*live->slots));
	for (size_t i = 0; i < n_old; i++) {
		if (old[i].record)
			put_slot(live, old[i]);
	}
	free(old);
}

void ht_live_blocks_remove_slot(struct ht_live_blocks *live, size_t i)
{
	size_t mask = live->n_slots - 1;
	uint32_t record = live->slots[i].record;
	size_t hole = i;

	live->records[record - 1].next_free = live->free_record;
	live->free_record = record;
	live->n_used--;
	/* Move back every later slot of the run whose own place is not after the hole. */
	for (i = (i + 1) & mask; live->slots[i].record; i = (i + 1) & mask) {
		size_t home = ht_live_blocks_home(live, live->slots[i].id_low);

		if (((i - home) & mask) >= ((i - hole) & mask)) {
			live->slots[hole] = live->slots[i];
			hole = i;
		}
	}
	live->slots[hole] = (struct ht_live_slot){ 0 };
}

const struct ht_live_block *ht_live_blocks_next(const struct ht_live_blocks *live, size_t *cursor)
{
	while (*cursor < live->n_slots) {
		uint32_t record = live->slots[(*cursor)++].record;

		if (record)
			return &live->records[record - 1];
	}
	return NULL;
}
