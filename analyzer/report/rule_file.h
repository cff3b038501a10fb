/* SPDX-License-Identifier: MIT */
/* Files of rules that users write, a line each. Analyzer. */
#ifndef HT_RULE_FILE_H
#define HT_RULE_FILE_H

#include "analyzer/report/frame_rules.h"

#include <stdbool.h>
#include <stdint.h>

/* What one line says, without its end; it may be changed. False with the reason when it says nothing that is known. */
typedef bool ht_rule_line(void *context, char *text, const char *path, uint32_t n_line,
                          char why[HT_RULE_ERROR_BYTES]);

/* Read path line by line, to its end or the first bad line, which error names by file and number. */
bool ht_rule_file_read(const char *path, ht_rule_line *line, void *context,
                       char error[HT_RULE_ERROR_BYTES]);

#endif
