/* SPDX-License-Identifier: MIT */
/* The table of commands and what they say on stderr. Analyzer. */
#include "analyzer/cmd/cmd.h"

#include <heaptide/env.h>

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

const struct ht_cmd ht_cmd_table[] = {
	{ "record", "run PROGRAM and record its allocations", ht_cmd_record },
	{ "report", "peak, allocation rate, leaks and churn, with stacks", ht_cmd_report },
	{ "annotate", "source lines with what they allocated, also Python's", ht_cmd_annotate },
	{ "diff", "what became more or less from one run to another", ht_cmd_diff },
	{ "check", "does the program keep to its budgets? For gates in CI", ht_cmd_check },
	{ "html", "the report as a page for the browser, in one file", ht_cmd_html },
	{ "tui", "a trace in the terminal: trees, tables, windows of time", ht_cmd_tui },
	{ "export", "its numbers for other tools: flame graphs, spreadsheets, metrics", ht_cmd_export },
	{ "merge", "sum up recordings of many runs and hosts in one small file", ht_cmd_merge },
	{ "import", "make a trace of what heaptrack wrote", ht_cmd_import },
	{ "info", "what is in the file", ht_cmd_info },
	{ "verify", "check every block and event; 0 good, 1 damaged or incomplete", ht_cmd_verify },
	{ "dump", "every event, in order of time", ht_cmd_dump },
	{ "index", "put checkpoints into a trace: parts of long ones are found at once", ht_cmd_index },
	{ "symbolize", "put the names of functions into a trace, again or for the first time",
	  ht_cmd_symbolize },
	{ HEAPTIDE_SERVE_COMMAND, NULL, ht_cmd_serve },
	{ NULL, NULL, NULL },
};

static __attribute__((format(printf, 1, 0))) void complain(const char *format, va_list args)
{
	char line[1024];

	vsnprintf(line, sizeof(line), format, args);
	for (char *c = line; *c; c++) {
		if ((unsigned char)*c < 32 || *c == 127)
			*c = '?';
	}
	fprintf(stderr, "heaptide: %s\n", line);
}

void ht_cmd_complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	complain(format, args);
	va_end(args);
}

int ht_cmd_usage(const char *command, const char *format, ...)
{
	va_list args;
	char message[512];

	va_start(args, format);
	vsnprintf(message, sizeof(message), format, args);
	va_end(args);
	ht_cmd_complain("%s (see: heaptide%s%s --help)", message, command ? " " : "",
	                command ? command : "");
	return HT_EXIT_FAILED;
}

int ht_cmd_finish_stdout(int exit_status)
{
	errno = 0;
	if (fflush(stdout) == 0 && !ferror(stdout))
		return exit_status;
	if (errno != EPIPE)
		ht_cmd_complain("cannot write the output: %s",
		                errno ? strerror(errno) : "I/O error");
	return HT_EXIT_FAILED;
}
