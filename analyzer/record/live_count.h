/* SPDX-License-Identifier: MIT */
/*
 * Keeps count of what is live while the events are taken, so that the end of a recording need not
 * read the trace again. Analyzer, one thread.
 */
#ifndef HT_LIVE_COUNT_H
#define HT_LIVE_COUNT_H

#include <heaptide/trace_format.h>

#include <stdbool.h>
#include <stdint.h>

/* As a replay of the trace counts them; see there. */
struct ht_live_totals {
	uint64_t n_frees; /* without those of blocks that a fork inherited */
	uint64_t peak_bytes;
	uint64_t leaked_bytes;
	uint64_t n_leaked;
};

struct ht_live_count;

/* NULL: no memory. Later calls that find no memory make the result unknown and cost nothing more. */
struct ht_live_count *ht_live_count_new(void);
void ht_live_count_free(struct ht_live_count *count);

/*
 * Events come in batches, each of one thread and in its order: begin, events, end. Between batches
 * there is no order; see ht_live_count_totals() for what that means. NULL is fine everywhere.
 */
void ht_live_count_process(struct ht_live_count *count, uint32_t process_serial, uint64_t first_id);
void ht_live_count_begin(struct ht_live_count *count, uint32_t process_serial,
			 uint32_t thread_serial);
void ht_live_count_event(struct ht_live_count *count, const struct ht_event *event);
void ht_live_count_end(struct ht_live_count *count);

/* All events of this process were taken. end_kind is enum ht_end_kind. */
void ht_live_count_process_end(struct ht_live_count *count, uint32_t process_serial,
			       uint32_t end_kind, uint64_t tick);

/*
 * The totals, when they are known exactly. The counts always are, unless events were lost. The peak
 * is when the events came in the order of their ticks; where they did not, there is an upper bound of
 * what was live, and it is known as well when that is not above what is certain.
 */
bool ht_live_count_totals(const struct ht_live_count *count, struct ht_live_totals *ret_totals);

#endif
