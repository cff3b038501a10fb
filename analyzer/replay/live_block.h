/* SPDX-License-Identifier: MIT */
/* What is known of a block while it is live. Analyzer. */
#ifndef HT_LIVE_BLOCK_H
#define HT_LIVE_BLOCK_H

#include <stdint.h>

struct ht_live_block {
	uint64_t id;
	uint64_t size;
	uint64_t birth_tick;
	uint64_t birth_count; /* allocations of its thread up to and including this one */
	uint32_t owner_site;  /* of the newest realloc, or of the allocation */
	uint32_t birth_site;
	uint32_t thread;    /* that allocated it */
	uint32_t n_reallocations; /* in the window */
	union {
		uint64_t birth_bytes; /* that its thread had requested, in the window, with this block */
		uint32_t next_free; /* of an unused record of a map: index + 1 of the next one */
	};
};

#endif
