/* SPDX-License-Identifier: MIT */
/* heaptide's main: finds the command and runs it. Analyzer. */
#include "config.h"

#include "analyzer/cmd/cmd.h"

#include <stdio.h>
#include <string.h>

static void print_help(FILE *out)
{
	fputs("heaptide records every allocation of an unmodified program and tells what the "
	      "memory was for.\n"
	      "Start here:\n"
	      "  heaptide record -- PROGRAM ARGS...     run a program, write "
	      "heaptide.PROGRAM.PID.zst\n"
	      "  heaptide report heaptide.PROGRAM.PID.zst\n"
	      "\n"
	      "Commands:\n",
	      out);
	for (const struct ht_cmd *cmd = ht_cmd_table; cmd->name; cmd++) {
		if (cmd->summary)
			fprintf(out, "  %-9s %s\n", cmd->name, cmd->summary);
	}
	fputs("\n"
	      "  heaptide COMMAND --help                the options of a command (--version: which heaptide)\n"
	      "Results go to stdout, messages to stderr. --json gives every result for scripts.\n",
	      out);
}

static const struct ht_cmd *find_command(const char *name)
{
	for (const struct ht_cmd *cmd = ht_cmd_table; cmd->name; cmd++) {
		if (strcmp(cmd->name, name) == 0)
			return cmd;
	}
	return NULL;
}

int main(int argc, char **argv)
{
	if (argc < 2) {
		print_help(stderr);
		return HT_EXIT_FAILED;
	}
	const char *word = argv[1];

	if (strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0 || strcmp(word, "help") == 0) {
		print_help(stdout);
		return ht_cmd_finish_stdout(HT_EXIT_OK);
	}
	if (strcmp(word, "--version") == 0 || strcmp(word, "-V") == 0) {
		puts("heaptide " PACKAGE_VERSION);
		return ht_cmd_finish_stdout(HT_EXIT_OK);
	}
	if (word[0] == '-')
		return ht_cmd_usage(NULL, "unknown option %s", word);

	const struct ht_cmd *cmd = find_command(word);

	if (!cmd)
		return ht_cmd_usage(NULL, "unknown command \"%s\"", word);
	return cmd->run(argc - 1, argv + 1);
}
