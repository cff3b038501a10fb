/* SPDX-License-Identifier: MIT */
/* heaptide's main: finds the command and runs it. Analyzer. */
#include "config.h"

#include "analyzer/cmd/cmd.h"

#include <stdio.h>
#include <string.h>
#include <unistd.h>

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

#define MAX_WORD 16u

/* How many letters must be changed, put in or left out to make one of the other; words up to MAX_WORD. */
static size_t distance(const char *a, const char *b)
{
	size_t row[MAX_WORD + 1], n = strlen(b);

	for (size_t k = 0; k <= n; k++)
		row[k] = k;
	for (size_t i = 1; a[i - 1]; i++) {
		size_t diagonal = row[0];

		row[0] = i;
		for (size_t k = 1; k <= n; k++) {
			size_t least = diagonal + (a[i - 1] != b[k - 1]);

			diagonal = row[k];
			if (row[k] + 1 < least)
				least = row[k] + 1;
			if (row[k - 1] + 1 < least)
				least = row[k - 1] + 1;
			row[k] = least;
		}
	}
	return row[n];
}

/* What somebody who wrote this may have meant. */
static int unknown_command(const char *word)
{
	const struct ht_cmd *nearest = NULL;
	size_t least = strlen(word) / 3 + 1; /* make is not meant as merge */

	for (const struct ht_cmd *cmd = ht_cmd_table; cmd->name && strlen(word) <= MAX_WORD;
	     cmd++) {
		size_t n = cmd->summary ? distance(word, cmd->name) : least;

		if (n < least) {
			least = n;
			nearest = cmd;
		}
	}
	if (nearest)
		return ht_cmd_usage(NULL, "unknown command \"%s\": did you mean %s?", word,
		                    nearest->name);
	if (access(word, R_OK) == 0 && access(word, X_OK) != 0)
		return ht_cmd_usage(NULL,
		                    "unknown command \"%s\": to read a trace, heaptide report %s",
		                    word, word);
	return ht_cmd_usage(NULL,
	                    "unknown command \"%s\": to record a program, heaptide record -- %s",
	                    word, word);
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
		return unknown_command(word);
	return cmd->run(argc - 1, argv + 1);
}
