/* SPDX-License-Identifier: MIT */
/*
 * A process beside the recorder that finds the names of code while the recording runs. Analyzer.
 *
 * It is a process because it opens the program's files, which may be anything and may be cut short
 * under it: whatever happens to it, the recording goes on. It reads the trace as it grows; the recorder
 * only says how far it may read.
 */
#ifndef HT_SYMBOL_HELPER_H
#define HT_SYMBOL_HELPER_H

#include "analyzer/record/block_writer.h"

#include <heaptide/error.h>
#include <signal.h>
#include <stdbool.h>
#include <stdint.h>

struct ht_symbol_helper;

/*
 * Start it. trace_fd is the trace, a regular file. It gets lower priority, no descriptor, terminal or
 * signal of this process, and ends with it. NULL when it cannot be had. Release with
 * ht_symbol_helper_free().
 */
struct ht_symbol_helper *ht_symbol_helper_new(int trace_fd);

/* End it, whatever it is doing. NULL is fine. */
void ht_symbol_helper_free(struct ht_symbol_helper *helper);

/* The file has whole blocks up to here. Never waits. */
void ht_symbol_helper_tell(struct ht_symbol_helper *helper, uint64_t file_bytes);

/* How the end of a recording waits for names; all may be NULL. */
struct ht_symbol_wait {
	volatile sig_atomic_t *stop; /* not zero: do without names */
	const sigset_t *mask;        /* signals blocked while waiting; NULL: unchanged */
	void (*notify)(void);        /* called once when it takes more than a second */
};

/*
 * Nothing more will come but what blocks has by now; wait for the names of all of it and append them.
 * Errors: HT_ERR_END when *stop said so or the helper failed: the trace is whole without names;
 * HT_ERR_IO, HT_ERR_NOMEM with *diag filled.
 */
enum ht_err ht_symbol_helper_finish(struct ht_symbol_helper *helper, struct ht_block_writer *blocks,
				    const struct ht_symbol_wait *wait, struct ht_diag *diag)
	HT_MUST_CHECK;

#endif
