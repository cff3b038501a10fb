/* SPDX-License-Identifier: MIT */
/* Takes records out of the region's chunks and gives the chunks back. Analyzer. */
#ifndef HT_DRAIN_H
#define HT_DRAIN_H

#include "analyzer/record/column_writer.h"
#include "analyzer/record/live_count.h"
#include "analyzer/record/region.h"
#include "analyzer/record/unseen.h"

#include <heaptide/error.h>
#include <stdbool.h>
#include <stdint.h>

struct ht_drain;

/* region, columns and live (may be NULL) must outlive it. Release with ht_drain_free(). Errors: HT_ERR_NOMEM. */
enum ht_err ht_drain_new(struct ht_region *region, struct ht_column_writer *columns,
			 struct ht_live_count *live, struct ht_drain **ret_drain) HT_MUST_CHECK;
void ht_drain_free(struct ht_drain *drain);

/* Tell of modules, too. unseen must outlive it. */
void ht_drain_set_unseen(struct ht_drain *drain, struct ht_unseen *unseen);

/*
 * Chunks of this process slot belong to the process with this serial from now on; 0: to none that is
 * known, and they are left alone.
 */
void ht_drain_set_process(struct ht_drain *drain, uint32_t slot, uint32_t serial);

/*
 * One look at all chunks: FULL ones are emptied, in the order of each thread, and given back. With
 * is_thorough also OWNED ones are read as far as they are complete. Returns how many chunks were
 * given back; those that wait for one still have to be woken.
 */
uint32_t ht_drain_round(struct ht_drain *drain, bool is_thorough);

/*
 * Take everything that the process in this slot left; it must have ended. Returns how many chunks
 * were given back.
 */
uint32_t ht_drain_process(struct ht_drain *drain, uint32_t slot);

/* Records that made no sense. Each was replaced by a LOST event of one. */
uint64_t ht_drain_n_damaged(const struct ht_drain *drain);

#endif
