/* SPDX-License-Identifier: MIT */
/* What a replay of a trace found: the numbers that reports show. Analyzer. */
#ifndef HT_RESULTS_H
#define HT_RESULTS_H

#include "analyzer/agg/free_pairs.h"
#include "analyzer/agg/log_counts.h"
#include "analyzer/agg/phase_list.h"
#include "analyzer/agg/rate_windows.h"
#include "analyzer/agg/site_detail.h"
#include "analyzer/agg/site_table.h"
#include "analyzer/agg/tally.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * Counts of one process image, and of all of them together.
 *
 * A FREE counts as a free when its block is known, as an inherited free when the block was allocated by
 * the process this one is a fork of (that changes nothing in the parent, and the child's copy was never
 * counted as live), and is an anomaly otherwise.
 */
struct ht_counts {
	uint64_t n_events;
	uint64_t n_allocations;
	uint64_t n_frees;
	uint64_t n_reallocations;
	uint64_t allocated_bytes;   /* of allocations, and of reallocations with their new size */
	uint64_t n_inherited_frees; /* and reallocations of inherited blocks */
	uint64_t n_missed_frees;
	uint64_t n_unknown_frees;
	uint64_t n_lost_events;
	uint64_t n_threads;
	uint64_t n_leaked; /* live when the process ended, unless that was by exec */
	uint64_t leaked_bytes;
	uint64_t n_live_at_exec; /* live when another program took its place */
	uint64_t live_at_exec_bytes;
};

struct ht_process_result {
	struct ht_counts counts;
	uint64_t live_bytes; /* now, while replaying */
	uint64_t peak_bytes; /* of this process alone */
	uint64_t first_event_tick;
	uint64_t last_event_tick;
};

/*
 * A thread. Frees are FREEs of known blocks. Reallocations leave a block with the thread that allocated it.
 */
struct ht_thread_result {
	uint32_t process; /* index */
	uint32_t serial;
	uint32_t tid;
	bool is_active; /* it did something in the window */
	uint64_t n_allocations;
	uint64_t n_reallocations;
	uint64_t allocated_bytes; /* by both */
	uint64_t n_frees;
	uint64_t n_freed_for_others; /* of these, blocks that another thread had allocated */
	uint64_t freed_for_others_bytes;
	uint64_t n_freed_by_others; /* of the blocks that it had allocated */
	uint64_t freed_by_others_bytes;
};

/* What the age of a block that is freed is told by, to say whether it was short-lived. */
enum ht_short_lived_unit {
	HT_SHORT_LIVED_ALLOCATIONS = 0, /* that its thread made since */
	HT_SHORT_LIVED_NS,
	HT_SHORT_LIVED_BYTES, /* that its thread requested since, by reallocations with their new size, too */
};

/* Events that cannot be in an undamaged and complete trace. */
enum ht_anomaly_kind {
	HT_ANOMALY_DUPLICATE_ID = 0,  /* an allocation with the id of a live block */
	HT_ANOMALY_UNKNOWN_ID = 1,    /* a free or realloc of a block that is not live */
	HT_ANOMALY_AFTER_END = 2,     /* an event of a process that had ended */
	HT_ANOMALY_UNKNOWN_STACK = 3, /* an event with a node that was never described */
	HT_ANOMALY_TICK_BACK = 4,     /* a time before the previous one of the same thread */
	HT_ANOMALY_NO_PROCESS = 5,    /* events of a process that was never described */
	HT_N_ANOMALIES = 6,
};

/* How often, and the first one. */
struct ht_anomaly {
	uint64_t n;
	uint32_t process; /* index */
	uint32_t thread_serial;
	uint64_t tick;
	uint64_t id; /* or node */
};

/*
 * The part of the trace that the results are of: what happened after from_tick, up to to_tick and with it.
 * Blocks that were live already are counted in live bytes, in the peak and, when freed, in frees and
 * lifetimes; but "leaked", "temporary" and "short-lived" are about blocks that began in the window.
 */
struct ht_window {
	bool is_part;           /* false: all of the trace */
	bool is_instant;        /* what was live at to_tick, all of it "leaked"; nothing else */
	uint64_t from_tick;     /* the clock's zero for all of the trace */
	uint64_t to_tick;       /* UINT64_MAX: the end */
	uint64_t n_live_before; /* when it began */
	uint64_t live_bytes_before;
	uint64_t n_kept; /* of those, never freed by its end, as "leaked" is for the others */
	uint64_t kept_bytes;
};

struct ht_results {
	struct ht_window window;
	struct ht_counts totals;
	struct ht_process_result *processes; /* by index in the model */
	size_t n_processes;
	struct ht_thread_result *threads; /* all there were, those that did nothing in the window, too */
	size_t n_threads;
	struct ht_site_table sites;            /* with the peak */
	struct ht_site_details details;        /* of sites */
	struct ht_phase_list phases;           /* between marks */
	struct ht_free_pairs frees;            /* when frees have stacks */
	struct ht_percentiles sizes;           /* of allocations and reallocations */
	struct ht_percentiles lifetimes_ticks; /* of blocks that were freed */
	struct ht_log_counts *size_counts;     /* the same as counts that add up; NULL: not asked for */
	struct ht_log_counts *lifetime_counts; /* in ns */
	uint64_t n_censored; /* blocks whose end was not seen: still live, or freed unseen */
	uint64_t n_temporary;
	uint64_t temporary_bytes;
	uint64_t n_short_lived;
	uint64_t short_lived_bytes;
	uint64_t short_lived_age; /* the threshold used, */
	enum ht_short_lived_unit short_lived_unit; /* in this unit */
	struct ht_rate_windows rate;
	uint64_t end_tick;   /* of the last event or process end, or the window's */
	uint64_t peak_event; /* how many events there were up to the one that made the peak */
	struct ht_anomaly anomalies[HT_N_ANOMALIES];
	uint64_t n_damaged_blocks; /* event blocks left out */
	uint64_t n_damaged_events; /* in them */
};

/* NULL is fine. */
void ht_results_done(struct ht_results *results);

#endif
