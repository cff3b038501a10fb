/* SPDX-License-Identifier: MIT */
/* Where a command writes what it makes: a file that is whole or not there, or stdout. Analyzer. */
#ifndef HT_OUTPUT_FILE_H
#define HT_OUTPUT_FILE_H

#include <stdbool.h>
#include <stdio.h>

struct ht_output_file {
	FILE *stream;     /* to write to */
	const char *path; /* NULL: stdout */
	char *temporary;  /* what stream is, until it gets the name path; NULL: path itself */
};

/* False, with a complaint, when path (NULL: stdout) is the same file as input_path. */
bool ht_output_file_spares(const char *path, const char *input_path);

/*
 * Open path (which must live as long), or stdout when it is NULL or "-". A regular file gets its name
 * only at the end, so an old one stays when something fails. False, with a complaint, when it cannot be
 * written, or is the same file as input_path.
 */
bool ht_output_file_open(struct ht_output_file *output, const char *path, const char *input_path);

/* Close it; HT_EXIT_OK, or HT_EXIT_FAILED with a complaint when not everything could be written. */
int ht_output_file_finish(struct ht_output_file *output);

/* Close it without what was written, after a failure that was told. */
void ht_output_file_drop(struct ht_output_file *output);

#endif
