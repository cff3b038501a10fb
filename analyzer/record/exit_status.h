/* SPDX-License-Identifier: MIT */
/* How a process ended that may not be our child. Analyzer. */
#ifndef HT_EXIT_STATUS_H
#define HT_EXIT_STATUS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct ht_exit_status {
	uint32_t kind; /* enum ht_end_kind: EXIT, SIGNAL or UNKNOWN */
	uint32_t code;
};

/* From the form that wait(2) gives. */
struct ht_exit_status ht_exit_status_decode(int wait_status);

/*
 * Ask for the status of a process that has ended. pidfd may be -1. It is found when the process is an
 * unreaped child of ours, or a zombie that we may look at, or (Linux 6.15) when pidfd was opened
 * before it was reaped. Reaps nothing.
 */
struct ht_exit_status ht_exit_status_of(pid_t pid, int pidfd);

/* pidfd_open(2), close-on-exec; -1 and errno. */
int ht_exit_status_open_pidfd(pid_t pid);

#endif
