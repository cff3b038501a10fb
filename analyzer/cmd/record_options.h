/* SPDX-License-Identifier: MIT */
/* What the user asked of `record`, from options and environment. Analyzer. */
#ifndef HT_RECORD_OPTIONS_H
#define HT_RECORD_OPTIONS_H

#include "analyzer/record/recorder.h"

#include <stdbool.h>

#define HT_RECORD_MAX_CHECK_ARGS 64

struct ht_record_options {
	struct ht_recorder_config config;
	const char *output; /* pattern */
	const char *allocator; /* to be put under the program; NULL: none */
	bool is_output_given;
	bool is_forced;
	bool is_quiet;
	bool has_no_names; /* in the trace */
	bool is_help;
	/* Of `check`, when that is wanted in the end: argv[0] and options, with room for the trace behind them. */
	char *check_argv[HT_RECORD_MAX_CHECK_ARGS + 2];
	int check_argc; /* 0: not wanted */
	int first_arg; /* of argv: the program */
};

/*
 * Settings from the environment. False after a complaint about a value that makes no sense; *options
 * has the default then. is_silent: no complaint.
 */
bool ht_record_options_from_env(struct ht_record_options *options, bool is_silent);

/* The same and the command line, which wins. False after a complaint. */
bool ht_record_options_parse(struct ht_record_options *options, int argc, char **argv);

/* Release what parsing allocated. */
void ht_record_options_done(struct ht_record_options *options);

void ht_record_options_print_help(void);

#endif
