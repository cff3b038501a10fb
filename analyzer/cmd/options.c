/* SPDX-License-Identifier: MIT */
/* Pieces of command lines that several commands share. Analyzer. */
#include "analyzer/cmd/options.h"

#include "analyzer/base/memory_limit.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/time_point.h"
#include "analyzer/report/measure.h"

#include <errno.h>
#include <getopt.h>
#include <langinfo.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#define DEFAULT_COLUMNS 100u

bool ht_option_mem_limit(const char *text)
{
	uint64_t n_bytes;

	if (!ht_measure_parse_number(text, 1024, &n_bytes))
		return false;
	ht_memory_limit_set(n_bytes);
	return true;
}

bool ht_option_u64(const char *text, uint64_t *ret_value)
{
	char *end;

	if (text[0] < '0' || text[0] > '9')
		return false;
	errno = 0;
	unsigned long long value = strtoull(text, &end, 10);

	if (errno || *end)
		return false;
	*ret_value = value;
	return true;
}

/* Which of names text is; -1 for none. */
static int find_word(const char *text, const char *const *names, int n_names)
{
	for (int i = 0; i < n_names; i++) {
		if (strcmp(text, names[i]) == 0)
			return i;
	}
	return -1;
}

bool ht_option_short_lived(const char *text, struct ht_replay_options *options)
{
	static const char *const names[] = {
		[HT_SHORT_LIVED_ALLOCATIONS] = "allocs:",
		[HT_SHORT_LIVED_NS] = "time:",
		[HT_SHORT_LIVED_BYTES] = "bytes:",
	};
	unsigned unit = HT_SHORT_LIVED_ALLOCATIONS;
	struct ht_time_point point;
	uint64_t age;

	for (unsigned i = 0; i < sizeof(names) / sizeof(*names); i++) {
		size_t n = strlen(names[i]);

		if (strncmp(text, names[i], n) == 0) {
			unit = i;
			text += n;
			break;
		}
	}
	if (unit == HT_SHORT_LIVED_NS) {
		if (!ht_time_point_parse(text, &point) || point.kind != HT_TIME_NS)
			return false;
		age = point.value;
	} else if (!ht_measure_parse_number(text, unit == HT_SHORT_LIVED_BYTES ? 1024 : 1000,
	                                    &age)) {
		return false;
	}
	options->short_lived_unit = (enum ht_short_lived_unit)unit;
	options->short_lived_age = age;
	return true;
}

bool ht_option_color(const char *text, enum ht_color_choice *ret_choice)
{
	static const char *const names[] = { "auto", "always", "never" };
	int i = find_word(text, names, 3);

	if (i >= 0)
		*ret_choice = (enum ht_color_choice)i;
	return i >= 0;
}

bool ht_option_demangle(const char *text, enum ht_demangle_style *ret_style)
{
	static const char *const names[] = { "full", "simple", "no" };
	int i = find_word(text, names, 3);

	if (i >= 0)
		*ret_style = (enum ht_demangle_style)i;
	return i >= 0;
}

struct ht_text_style ht_option_style(enum ht_color_choice color)
{
	struct ht_text_style style = { .n_columns = DEFAULT_COLUMNS };
	const char *no_color = getenv("NO_COLOR");
	const char *term = getenv("TERM");
	struct winsize size;
	bool is_terminal = isatty(STDOUT_FILENO);

	if (is_terminal && ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
		style.n_columns =
		        size.ws_col < HT_TEXT_MIN_COLUMNS ? HT_TEXT_MIN_COLUMNS : size.ws_col;
	style.has_color = color == HT_COLOR_ALWAYS ||
	                  (color == HT_COLOR_AUTO && is_terminal && !(no_color && *no_color) &&
	                   term && strcmp(term, "dumb") != 0);
	setlocale(LC_CTYPE, "");
	style.has_utf8 = strcmp(nl_langinfo(CODESET), "UTF-8") == 0;
	return style;
}

int ht_option_complain(const char *command, int c, char **argv)
{
	const char *word = argv[optind - 1];

	if (c == ':')
		return ht_cmd_usage(command, "option %s needs a value", word);
	if (optopt > 0 && optopt < 128 && strncmp(word, "--", 2) != 0)
		return ht_cmd_usage(command, "unknown option -%c", optopt);
	return ht_cmd_usage(command, "unknown option %s", word);
}

int ht_option_path(const char *command, int argc, char **argv, const char **ret_path)
{
	if (optind == argc)
		return ht_cmd_usage(command, "which trace? Name a file that heaptide record wrote");
	if (optind + 1 < argc)
		return ht_cmd_usage(command, "one trace at a time, please: \"%s\" is one too many",
		                    argv[optind + 1]);
	*ret_path = argv[optind];
	return HT_EXIT_OK;
}
