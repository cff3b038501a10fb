/* SPDX-License-Identifier: MIT */
/* The name and the file of a new trace. Analyzer. */
#ifndef HT_TRACE_OUTPUT_H
#define HT_TRACE_OUTPUT_H

#include <heaptide/error.h>
#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

/* What to do when the name is taken. */
enum ht_taken {
	HT_TAKEN_REFUSE,
	HT_TAKEN_REPLACE, /* the user said so */
	HT_TAKEN_NUMBER,  /* append .1, .2, ... */
};

struct ht_trace_output {
	char path[PATH_MAX];
	int fd;       /* locked with flock(2) for as long as it is open */
	bool is_file; /* not a device or pipe: it can be read again, and removed */
};

/*
 * pattern with %p pid, %e last part of program, %h host name, %t start time in seconds since 1970,
 * %% percent; anything else after a percent sign stays as it is. Slashes that come out of a
 * replacement become '_'. Errors: HT_ERR_LIMIT (the name is too long).
 */
enum ht_err ht_trace_output_expand(const char *pattern, pid_t pid, const char *program,
				   char ret_path[PATH_MAX], struct ht_diag *diag) HT_MUST_CHECK;

/*
 * Make the file at path (expanded). Release with ht_trace_output_done().
 * Errors: HT_ERR_IO; diag->msg names the path.
 */
enum ht_err ht_trace_output_init(struct ht_trace_output *output, const char *path,
				 enum ht_taken taken, struct ht_diag *diag) HT_MUST_CHECK;
void ht_trace_output_done(struct ht_trace_output *output);

/* Remove the file, if ht_trace_output_init() made one: there is nothing in it. */
void ht_trace_output_discard(struct ht_trace_output *output);

#endif
