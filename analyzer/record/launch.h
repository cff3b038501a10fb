/* SPDX-License-Identifier: MIT */
/* Starts the program exactly as the shell would have, but for two environment variables. Analyzer. */
#ifndef HT_LAUNCH_H
#define HT_LAUNCH_H

#include <heaptide/error.h>
#include <signal.h>
#include <sys/types.h>

/*
 * Set what the recorder needs for itself and the program must not inherit: SIGPIPE and SIGXFSZ
 * ignored, SIGCHLD not, the file size limit as high as it may be. What was there before comes back
 * in the program. Once per process, before everything else.
 */
void ht_launch_prepare(void);

struct ht_launch {
	pid_t pid;
	int pidfd; /* -1: not available */
	int go_fd;
	int error_fd;
	sigset_t mask; /* as it was, for the program and for ppoll(2) */
};

/*
 * Fork a child that waits for ht_launch_go(). path is what to execute, argv and envp as for
 * execve(2). SIGINT, SIGQUIT, SIGTERM and SIGHUP are blocked in this process from here on.
 * Errors: HT_ERR_IO.
 */
enum ht_err ht_launch_fork(struct ht_launch *launch, const char *path, char *const argv[],
			   char *const envp[], struct ht_diag *diag) HT_MUST_CHECK;

/* Execute it. HT_ERR_NOT_EXECUTABLE or HT_ERR_NOT_FOUND when that fails; the child is reaped then. */
enum ht_err ht_launch_go(struct ht_launch *launch, struct ht_diag *diag) HT_MUST_CHECK;

/* Instead of ht_launch_go(): the child ends without having executed anything. */
void ht_launch_cancel(struct ht_launch *launch);

/*
 * Let the four signals set *stop wherever launch->mask lets them through; SIGTERM and SIGHUP that
 * were sent to this process are sent on to the program. Those that were ignored stay so. *launch
 * and *stop must stay.
 */
void ht_launch_catch(struct ht_launch *launch, volatile sig_atomic_t *stop);

/* Wait for the program and return its status as wait(2) gives it. */
int ht_launch_reap(struct ht_launch *launch);

#endif
