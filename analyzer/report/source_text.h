/* SPDX-License-Identifier: MIT */
/* Finds source files and hands out their lines. Analyzer. */
#ifndef HT_SOURCE_TEXT_H
#define HT_SOURCE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The lines of a file; without lines when there is no such file. All zero is that. */
struct ht_source_text {
	char *path; /* where it was found; NULL: nowhere */
	char *bytes;
	const char **lines; /* NUL-terminated, without the newline */
	size_t n_lines;
	int64_t changed_s; /* when the file was last written, since 1970 */
};

/*
 * Look for path in directory (NULL: none given; else there with all leading directories taken off one by
 * one), as it is, and below working_directory.
 */
struct ht_source_text ht_source_text_open(const char *path, const char *directory,
                                          const char *working_directory);
void ht_source_text_done(struct ht_source_text *source);

/* Line number `line`, from 1 on; NULL when there is none. */
const char *ht_source_text_line(const struct ht_source_text *source, uint32_t line);

#endif
