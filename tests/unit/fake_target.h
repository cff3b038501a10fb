/* SPDX-License-Identifier: MIT */
/* A traced process as the recorder sees it: claims a slot and writes chunks by the rules. Tests. */
#ifndef HT_FAKE_TARGET_H
#define HT_FAKE_TARGET_H

#include <heaptide/shared_region.h>
#include <stdbool.h>
#include <stdint.h>

struct ht_fake_target {
	struct ht_region_header *region;
	uint32_t slot;
	uint32_t serial;
};

/* One thread with its current chunk. */
struct ht_fake_thread {
	struct ht_fake_target *target;
	uint32_t serial;
	uint32_t tid;
	uint64_t chunk_seq;
	uint64_t next_id;
	uint64_t tick;
	uint32_t chunk; /* UINT32_MAX: none */
	uint32_t pos;
};

/* Map the region at path as the shim does; NULL when that fails. */
struct ht_region_header *ht_fake_target_map(const char *path);

/* The two halves of becoming a process: its slot is CLAIMED and filled in, then ACTIVE. */
void ht_fake_target_claim(struct ht_fake_target *target, struct ht_region_header *region,
			  uint32_t slot);
void ht_fake_target_activate(struct ht_fake_target *target);

/* Become an ACTIVE process in slot with the pid of this process. */
void ht_fake_target_attach(struct ht_fake_target *target, struct ht_region_header *region,
			   uint32_t slot);

void ht_fake_thread_init(struct ht_fake_thread *thread, struct ht_fake_target *target,
			 uint32_t serial);

/* Take this chunk, which must be FREE, and fill in its header. */
void ht_fake_thread_take(struct ht_fake_thread *thread, uint32_t chunk);

/* The current chunk is FULL. */
void ht_fake_thread_close(struct ht_fake_thread *thread);

/* Append a record of n words (the first one last). */
void ht_fake_thread_put(struct ht_fake_thread *thread, const uint64_t *words, uint32_t n);

/* ALLOC of n_bytes, one tick later than the record before. Returns its id. */
uint64_t ht_fake_thread_alloc(struct ht_fake_thread *thread, uint64_t n_bytes);

/* Write all words of an ALLOC but the first: what a kill in mid-record leaves behind. */
void ht_fake_thread_half_alloc(struct ht_fake_thread *thread, uint64_t n_bytes);

#endif
