/* SPDX-License-Identifier: MIT */
/* Pieces of command lines that several commands share. Analyzer. */
#ifndef HT_OPTIONS_H
#define HT_OPTIONS_H

#include "analyzer/replay/replay.h"
#include "analyzer/report/report.h"
#include "analyzer/symbols/demangle.h"

#include <stdbool.h>
#include <stdint.h>

/* A whole decimal number. False, and *ret_value untouched, when text is none. */
bool ht_option_u64(const char *text, uint64_t *ret_value);

/* Set the limit of memory that --mem-limit asks for, "512M". */
#define HT_OPTION_MEM_LIMIT_HELP "stop rather than use more memory than this: 512M, 2G"
bool ht_option_mem_limit(const char *text);

/* "allocs:64" or "64", "time:1ms", "bytes:1M": from which age on blocks are not short-lived. False when text is none. */
bool ht_option_short_lived(const char *text, struct ht_replay_options *options);
#define HT_OPTION_SHORT_LIVED_HELP "freed before N more: allocs:64, time:1ms, bytes:1M"

enum ht_color_choice {
	HT_COLOR_AUTO = 0, /* on a terminal, unless NO_COLOR is set */
	HT_COLOR_ALWAYS,
	HT_COLOR_NEVER,
};

/* "auto", "always", "never". */
bool ht_option_color(const char *text, enum ht_color_choice *ret_choice);

/* "full", "simple", "no". */
bool ht_option_demangle(const char *text, enum ht_demangle_style *ret_style);
#define HT_OPTION_DEMANGLE_HELP "full: with arguments; simple: without; no: as linkers write them"

/* How text on stdout should look. */
struct ht_text_style ht_option_style(enum ht_color_choice color);

/* Complain about what getopt_long (with ':' first in the options) just returned; HT_EXIT_FAILED. */
int ht_option_complain(const char *command, int c, char **argv);

/* The one operand that is left is a trace; else complain. HT_EXIT_OK or HT_EXIT_FAILED. */
int ht_option_path(const char *command, int argc, char **argv, const char **ret_path);

#endif
