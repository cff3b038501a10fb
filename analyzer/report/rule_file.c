/* SPDX-License-Identifier: MIT */
/* Files of rules that users write. Analyzer. */
#include "analyzer/report/rule_file.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

bool ht_rule_file_read(const char *path, ht_rule_line *line, void *context,
                       char error[HT_RULE_ERROR_BYTES])
{
	FILE *file = fopen(path, "re");
	char why[HT_RULE_ERROR_BYTES];
	char *text = NULL;
	size_t capacity = 0;
	bool is_good = true;

	if (!file) {
		snprintf(error, HT_RULE_ERROR_BYTES, "%.100s: %s", path, strerror(errno));
		return false;
	}
	for (uint32_t n = 1; is_good && getline(&text, &capacity, file) >= 0; n++) {
		text[strcspn(text, "\r\n")] = '\0';
		is_good = line(context, text, path, n, why);
		if (!is_good)
			snprintf(error, HT_RULE_ERROR_BYTES, "%.70s:%u: %.100s", path, n, why);
	}
	if (is_good && ferror(file)) {
		snprintf(error, HT_RULE_ERROR_BYTES, "%.100s: %s", path, strerror(errno));
		is_good = false;
	}
	free(text);
	fclose(file);
	return is_good;
}
