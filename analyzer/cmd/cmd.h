/* SPDX-License-Identifier: MIT */
/* The commands of heaptide: one function each, and the table that names them. Analyzer. */
#ifndef HT_CMD_H
#define HT_CMD_H

#include <stdbool.h>

/* Exit statuses, DESIGN section 6; `record` has its own. */
enum ht_exit {
	HT_EXIT_OK = 0,
	HT_EXIT_DAMAGED = 1, /* verify: the trace is damaged or incomplete */
	HT_EXIT_BROKEN = 1,  /* check: a budget does not hold */
	HT_EXIT_FAILED = 2,  /* wrong usage, unreadable trace, output that could not be written */
	HT_EXIT_UNREADABLE = 3, /* check: a trace that cannot be read, or is not complete */
};

/*
 * A command. argv[0] is the command's name, the rest what the user typed after it; getopt is reset
 * before. Returns the exit status.
 */
typedef int ht_cmd_fn(int argc, char **argv);

int ht_cmd_record(int argc, char **argv);
int ht_cmd_serve(int argc, char **argv); /* internal: started by the shim under plain LD_PRELOAD */
int ht_cmd_report(int argc, char **argv);
int ht_cmd_annotate(int argc, char **argv);
int ht_cmd_index(int argc, char **argv);
int ht_cmd_check(int argc, char **argv);

/*
 * For `record --check`: whether these arguments of `check` can be understood, after a complaint if not; and, when there
 * is a trace, the answer on stderr, as stdout is the program's. Both begin getopt anew.
 */
bool ht_cmd_check_understands(int argc, char **argv);
int ht_cmd_check_recorded(int argc, char **argv);
int ht_cmd_diff(int argc, char **argv);
int ht_cmd_info(int argc, char **argv);
int ht_cmd_verify(int argc, char **argv);
int ht_cmd_dump(int argc, char **argv);
int ht_cmd_symbolize(int argc, char **argv);
int ht_cmd_export(int argc, char **argv);
int ht_cmd_html(int argc, char **argv);
int ht_cmd_tui(int argc, char **argv);
int ht_cmd_import(int argc, char **argv);
int ht_cmd_merge(int argc, char **argv);

struct ht_cmd {
	const char *name;
	const char *summary; /* one line; NULL hides the command */
	ht_cmd_fn *run;
};

/* All commands, in the order of the help, ended by a NULL name. */
extern const struct ht_cmd ht_cmd_table[];

/*
 * "heaptide: " and the message on stderr, one line. Control characters in it are made visible, so
 * file names and traces cannot play tricks on the terminal.
 */
void ht_cmd_complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

/* ht_cmd_complain, a hint at --help, and HT_EXIT_FAILED. */
int ht_cmd_usage(const char *command, const char *format, ...)
        __attribute__((format(printf, 2, 3)));

/*
 * Flush stdout and return exit_status, or HT_EXIT_FAILED with a complaint when something could not
 * be written. A reader that went away (EPIPE) is not worth a complaint: still HT_EXIT_FAILED.
 */
int ht_cmd_finish_stdout(int exit_status);

#endif
