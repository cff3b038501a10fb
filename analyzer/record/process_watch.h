/* SPDX-License-Identifier: MIT */
/* Notices traced processes that come and go, and describes them in the trace. Analyzer. */
#ifndef HT_PROCESS_WATCH_H
#define HT_PROCESS_WATCH_H

#include "analyzer/record/column_writer.h"
#include "analyzer/record/drain.h"
#include "analyzer/record/exec_watch.h"
#include "analyzer/record/region.h"
#include "analyzer/record/unseen.h"

#include <heaptide/error.h>
#include <poll.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ht_arrival_bell;
struct ht_process_watch;

/* All must outlive it; live may be NULL. Release with ht_process_watch_free(). Errors: HT_ERR_NOMEM. */
enum ht_err ht_process_watch_new(struct ht_region *region, struct ht_drain *drain,
				 struct ht_column_writer *columns, struct ht_live_count *live,
				 const struct ht_clock_source *clock,
				 struct ht_process_watch **ret_watch) HT_MUST_CHECK;
void ht_process_watch_free(struct ht_process_watch *watch);

/*
 * The main process and a descriptor of it (may be -1; stays the caller's), which tells its end even
 * when it is over before its slot was seen.
 */
void ht_process_watch_set_main(struct ht_process_watch *watch, pid_t pid, int pidfd);

/* Tell of programs, too. unseen must outlive it. */
void ht_process_watch_set_unseen(struct ht_process_watch *watch, struct ht_unseen *unseen);

/* Tell of those that attach, too; it is told to look when all have been. */
void ht_process_watch_set_execs(struct ht_process_watch *watch, struct ht_exec_watch *execs);

/* Who holds on to processes as they come; must outlive it. NULL: nobody. */
void ht_process_watch_set_bell(struct ht_process_watch *watch, struct ht_arrival_bell *bell);

/*
 * One look at what the slots and the kernel say. is_poked: one of ht_process_watch_fds() became
 * readable; without that ends are noticed a little later. True when a process came or went.
 */
bool ht_process_watch_round(struct ht_process_watch *watch, bool is_poked);

/*
 * How many process images are being recorded now, how many ever were, and how many processes that
 * makes: an image that ended by exec is the same process as the next one.
 */
uint32_t ht_process_watch_n_live(const struct ht_process_watch *watch);
uint32_t ht_process_watch_n_seen(const struct ht_process_watch *watch);

uint32_t ht_process_watch_n_processes(const struct ht_process_watch *watch);

/* Descriptors that become readable when a process ends, at most n_fds of them. Returns how many. */
uint32_t ht_process_watch_fds(const struct ht_process_watch *watch, struct pollfd *fds,
			      uint32_t n_fds);

/*
 * End the recording of those still running: what they have completed is taken, and they are
 * described as HT_END_DETACHED. The region must be closed already.
 */
void ht_process_watch_detach(struct ht_process_watch *watch);

#endif
