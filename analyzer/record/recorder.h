/* SPDX-License-Identifier: MIT */
/* One recording from region to finished trace file. Analyzer. */
#ifndef HT_RECORDER_H
#define HT_RECORDER_H

#include "analyzer/record/clock_source.h"
#include "analyzer/record/column_writer.h"
#include "analyzer/record/live_count.h"
#include "analyzer/record/region.h"
#include "analyzer/record/symbol_helper.h"

#include <heaptide/error.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ht_recorder;

struct ht_recorder_config {
	const struct ht_region_geometry *geometry; /* NULL: the default */
	uint32_t overload;                         /* enum ht_overload_policy */
	uint32_t unwind;                           /* enum ht_unwind_backend */
	uint32_t max_frames;
	uint32_t log_level;
	bool has_python; /* stacks get the frames of a Python interpreter */
	bool has_mappings; /* mmap and its kin are recorded */
	bool has_free_stacks; /* frees have stacks */
	uint32_t follow;                 /* enum ht_follow */
	char only[HT_REGION_ONLY_BYTES]; /* as struct ht_region_header has it */
	int level;          /* zstd's, while the recorder keeps up */
	uint32_t tolerance_ticks; /* how far off ticks may be where one thread runs alone; 0: exact */
	uint64_t max_bytes; /* of the trace; 0: as many as there are */
	bool is_live_counted; /* for struct ht_recorder_result.live */
};
extern const struct ht_recorder_config ht_recorder_default_config;

/*
 * About 13 us. Over eleven real programs exact ticks make traces half as large again, one of sqlite3
 * six times as large, and what they add is the noise of a clock.
 */
#define HT_DEFAULT_TOLERANCE_TICKS 16u

/* Why ht_recorder_run() came back. */
enum ht_run_result {
	HT_RUN_ALL_ENDED,   /* nobody is left who could be recorded */
	HT_RUN_MAIN_ENDED,  /* the main process ended and others go on: call again */
	HT_RUN_INTERRUPTED, /* *stop said so */
	HT_RUN_NOBODY_CAME, /* the main process was not ours and never attached */
	HT_RUN_FAILED,      /* the trace cannot be written any more; the region is closed */
};

/* What is known at the end. Valid after ht_recorder_finish(). */
struct ht_recorder_result {
	struct ht_column_totals totals;
	bool has_live; /* live is known, for all that was recorded */
	struct ht_live_totals live;
	uint32_t n_processes;
	uint64_t n_damaged;
	uint64_t n_refused; /* processes that found no slot */
	uint32_t n_unwanted; /* programs that were left out because of follow and only */
	uint64_t file_bytes;
	enum ht_record_end end;
	bool are_names_missing; /* they were wanted, but it was not waited for them, or that failed */
	struct ht_diag diag; /* err != HT_OK: why the file is not complete */
};

/*
 * Make region and clock; no file yet. The calling thread must live as long as the recording.
 * Release with ht_recorder_free(). Errors: those of ht_region_init(), HT_ERR_NOMEM.
 */
enum ht_err ht_recorder_new(const struct ht_recorder_config *config,
			    struct ht_recorder **ret_recorder, struct ht_diag *diag) HT_MUST_CHECK;
void ht_recorder_free(struct ht_recorder *recorder);

/* For HEAPTIDE_REGION; valid as long as the recorder. */
const char *ht_recorder_region_path(const struct ht_recorder *recorder);

/*
 * Write the START block to fd (an empty file, stays the caller's) and let targets in. argv is the
 * recorded command. Errors: HT_ERR_IO, HT_ERR_NOMEM.
 */
enum ht_err ht_recorder_start(struct ht_recorder *recorder, int fd, int argc,
			      const char *const *argv, struct ht_diag *diag) HT_MUST_CHECK;

/*
 * Have the names of code found by helper, which stays the caller's and must live until after
 * ht_recorder_finish(), and put into the trace at its end. After ht_recorder_start(). wait is copied.
 */
void ht_recorder_set_names(struct ht_recorder *recorder, struct ht_symbol_helper *helper,
			   const struct ht_symbol_wait *wait);

/* What ht_recorder_run() waits for. */
struct ht_recorder_main {
	pid_t pid;
	int pidfd;          /* readable when it ended, stays the caller's; -1: polled */
	uint64_t attach_ns; /* give up when nobody attached after so long; 0: never */
	volatile sig_atomic_t *stop; /* not zero: end the recording; NULL: never */
	bool is_stopped_by_main_only; /* while main lives *stop does not count and is reset at its end */
	const sigset_t *wait_mask; /* signals blocked while sleeping; NULL: unchanged */
};

/* Record until something happens that the caller has to know. */
enum ht_run_result ht_recorder_run(struct ht_recorder *recorder, const struct ht_recorder_main *m);

/* One look at everything, without sleeping. True when there was something to do. For tests. */
bool ht_recorder_round(struct ht_recorder *recorder, bool is_poked);

/* How many processes are recorded now; how many were seen. */
uint32_t ht_recorder_n_live(const struct ht_recorder *recorder);
uint32_t ht_recorder_n_seen(const struct ht_recorder *recorder);

/*
 * Close the region, take what is left, finish the file as far as possible. end is what is said when
 * nothing went wrong. Also after HT_RUN_FAILED.
 */
void ht_recorder_finish(struct ht_recorder *recorder, enum ht_record_end end,
			struct ht_recorder_result *ret_result);

#endif
