/* SPDX-License-Identifier: MIT */
/* Parses the options of `record`. Analyzer. */
#include "analyzer/cmd/record_options.h"

#include "analyzer/cmd/cmd.h"
#include "analyzer/record/block_writer.h"

#include <heaptide/env.h>

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* zstd's own range. */
#define MAX_LEVEL 19

struct word {
	const char *text;
	uint32_t value;
};

static const struct word overloads[] = {
	{ "block", HT_OVERLOAD_BLOCK },
	{ "drop", HT_OVERLOAD_DROP },
	{ NULL, 0 },
};

static const struct word unwinds[] = {
	{ "default", HT_UNWIND_DEFAULT }, { "fast", HT_UNWIND_FAST }, { "libunwind", HT_UNWIND_LIBUNWIND },
	{ "verify", HT_UNWIND_VERIFY },   { "none", HT_UNWIND_NONE }, { NULL, 0 },
};

static const struct word follows[] = {
	{ "all", HT_FOLLOW_ALL },   { "exec", HT_FOLLOW_EXEC }, { "fork", HT_FOLLOW_FORK },
	{ "none", HT_FOLLOW_NONE }, { NULL, 0 },
};

static bool parse_word(const char *text, const struct word *words, uint32_t *ret_value)
{
	for (; words->text; words++) {
		if (strcmp(words->text, text) == 0) {
			*ret_value = words->value;
			return true;
		}
	}
	return false;
}

static bool parse_number(const char *text, uint32_t min, uint32_t max, uint32_t *ret_value)
{
	char *end;

	errno = 0;
	unsigned long v = strtoul(text, &end, 10);

	if (errno || end == text || *end || *text == '-' || v < min || v > max)
		return false;
	*ret_value = (uint32_t)v;
	return true;
}

/* "500k", "20M", "1G": powers of 1024, or plain bytes. */
static bool parse_size(const char *text, uint64_t *ret_bytes)
{
	static const char units[] = "kMGT";
	unsigned shift = 0;
	char *end;

	errno = 0;
	unsigned long long v = strtoull(text, &end, 10);
	const char *unit = *end ? strchr(units, *end == 'K' ? 'k' : *end) : NULL;

	if (unit) {
		shift = 10 * (unsigned)(unit - units + 1);
		end++;
	}
	if (errno || *text < '0' || *text > '9' || *end || v > UINT64_MAX >> shift ||
	    v << shift < HT_BLOCK_WRITER_MIN_LIMIT_BYTES)
		return false;
	*ret_bytes = v << shift;
	return true;
}

/* One more pattern, of n_bytes. False when there is no room, or it is empty. */
static bool add_only(struct ht_recorder_config *config, const char *glob, size_t n_bytes)
{
	size_t at = 0;

	while (config->only[at])
		at += strlen(config->only + at) + 1;
	if (!n_bytes || at + n_bytes + 2 > sizeof(config->only))
		return false;
	memcpy(config->only + at, glob, n_bytes);
	memset(config->only + at + n_bytes, 0, sizeof(config->only) - at - n_bytes);
	return true;
}

/* Patterns with ':' between them. */
static bool add_only_list(struct ht_recorder_config *config, const char *list)
{
	bool is_ok = true;

	while (is_ok && *list) {
		size_t n = strcspn(list, ":");

		is_ok = add_only(config, list, n);
		list += n + (list[n] == ':');
	}
	return is_ok;
}

bool ht_record_options_from_env(struct ht_record_options *o, bool is_silent)
{
	const struct {
		const char *name;
		const struct word *words;
		uint32_t *value;
	} settings[] = {
		{ HEAPTIDE_ENV_UNWIND, unwinds, &o->config.unwind },
		{ HEAPTIDE_ENV_OVERLOAD, overloads, &o->config.overload },
		{ HEAPTIDE_ENV_FOLLOW, follows, &o->config.follow },
	};
	bool is_ok = true;

	*o = (struct ht_record_options){
		.config = ht_recorder_default_config,
		.output = HEAPTIDE_DEFAULT_OUTPUT,
	};
	for (size_t i = 0; i < sizeof(settings) / sizeof(settings[0]); i++) {
		const char *text = getenv(settings[i].name);

		if (!text || !*text || parse_word(text, settings[i].words, settings[i].value))
			continue;
		if (!is_silent)
			ht_cmd_complain("%s: unknown value \"%s\"", settings[i].name, text);
		is_ok = false;
	}

	const char *max_size = getenv(HEAPTIDE_ENV_MAX_SIZE);

	if (max_size && *max_size && !parse_size(max_size, &o->config.max_bytes)) {
		if (!is_silent)
			ht_cmd_complain(HEAPTIDE_ENV_MAX_SIZE ": bad value \"%s\"", max_size);
		is_ok = false;
	}

	const char *only = getenv(HEAPTIDE_ENV_ONLY);

	if (only && !add_only_list(&o->config, only)) {
		if (!is_silent)
			ht_cmd_complain(HEAPTIDE_ENV_ONLY ": bad value \"%s\"", only);
		is_ok = false;
	}

	const char *exact_time = getenv(HEAPTIDE_ENV_EXACT_TIME);

	if (exact_time && strcmp(exact_time, "1") == 0)
		o->config.tolerance_ticks = 0;

	const char *mmap = getenv(HEAPTIDE_ENV_MMAP);

	o->config.has_mappings = mmap && strcmp(mmap, "1") == 0;

	const char *free_stacks = getenv(HEAPTIDE_ENV_FREE_STACKS);

	o->config.has_free_stacks = free_stacks && strcmp(free_stacks, "1") == 0;

	const char *output = getenv(HEAPTIDE_ENV_OUTPUT);
	const char *log = getenv(HEAPTIDE_ENV_LOG);

	if (output && *output) {
		o->output = output;
		o->is_output_given = true;
	}
	o->config.log_level = log && strcmp(log, "1") == 0;
	return is_ok;
}

void ht_record_options_print_help(void)
{
	fputs("Usage: heaptide record [OPTIONS] [--] PROGRAM [ARGS...]\n"
	      "\n"
	      "Run PROGRAM and record every allocation that it and the processes it starts make.\n"
	      "\n"
	      "  -o, --output=FILE      the trace; %p is the process id, %e the program, %h the host,\n"
	      "                         %t the start time (default " HEAPTIDE_DEFAULT_OUTPUT ")\n"
	      "  -f, --force            replace FILE when it exists\n"
	      "      --follow=WHAT      of the processes that PROGRAM starts record\n"
	      "                           all   the programs they execute and their forks (default)\n"
	      "                           exec  programs, but nothing of a fork until it executes one\n"
	      "                           fork  forks of PROGRAM, until they execute another program\n"
	      "                           none  nothing: PROGRAM until it executes another program\n"
	      "      --only=GLOB        record only programs whose path or name, or the name they were\n"
	      "                         called by, matches; others, PROGRAM too, run as if untraced, and\n"
	      "                         what they start is looked at again. May be repeated\n"
	      "      --allocator=NAME   put jemalloc, tcmalloc, mimalloc or the allocator in the library\n"
	      "                         at the path NAME under PROGRAM and all that it starts\n"
	      "      --unwind=HOW       stacks by fast, libunwind, verify (both, compared) or none\n"
	      "      --max-frames=N     record at most N frames of a stack (default 512)\n"
	      "      --overload=POLICY  when the recorder cannot keep up: block (the program waits,\n"
	      "                         the trace is complete) or drop (events are lost and counted)\n"
	      "      --level=N          zstd level of the trace, 1 to 19 (default 9), while the recorder\n"
	      "                         falls behind at most 3\n"
	      "      --exact-time       keep the time of each event as the clock says it (about 1 us);\n"
	      "                         without it times are within about 13 us, and exact where\n"
	      "                         threads take turns; their order is exact in any case\n"
	      "      --max-size=SIZE    end the recording, not the program, when the trace is this long\n"
	      "                         (64k or more; k, M, G); the trace says so and can be read\n"
	      "      --no-symbols       leave out the names of functions; they can be added with\n"
	      "                         `heaptide symbolize` as long as the programs are there\n"
	      "      --python           stacks get the functions and lines of CPython 3.8 to 3.13, and\n"
	      "                         PYTHONMALLOC=malloc lets heaptide see every Python object\n"
	      "      --mmap             also what mmap, mremap, brk and sbrk map, and munmap gives back:\n"
	      "                         the report says who mapped how much\n"
	      "      --free-stacks      also who frees: the report says which places free what which\n"
	      "                         others allocated; a free then costs as much as an allocation\n"
	      "      --check            and then heaptide check, with --max-peak, --max-leaked, --max-allocs,\n"
	      "                         --max-temporary, --max-allocated, --budgets, --suppressions,\n"
	      "                         --baseline, --tolerance, --github, --junit, --markdown, --sarif,\n"
	      "                         which may stand here; its lines go to stderr, and its exit\n"
	      "                         status counts when PROGRAM's is 0\n"
	      "  -q, --quiet            no summary at the end\n"
	      "\n"
	      "The exit status is PROGRAM's, 128+N when signal N ended it; 125 when heaptide itself\n"
	      "failed, 126 when PROGRAM cannot be executed, 127 when it is not found.\n"
	      "\n"
	      "An existing FILE is kept: without -f a name that was given is refused, and the default\n"
	      "name gets .1, .2 and so on appended. Environment: HEAPTIDE_OUTPUT, HEAPTIDE_FOLLOW,\n"
	      "HEAPTIDE_ONLY (several with ':' between them), HEAPTIDE_UNWIND, HEAPTIDE_OVERLOAD and\n"
	      "HEAPTIDE_MAX_SIZE stand for the options of the same names, which win;\n"
	      "HEAPTIDE_EXACT_TIME=1 for --exact-time, HEAPTIDE_MMAP=1 for --mmap,\n"
	      "HEAPTIDE_FREE_STACKS=1 for --free-stacks.\n",
	      stdout);
}

/* An option of `check`, handed on as it is. */
static bool add_check(struct ht_record_options *o, const char *name, char *value)
{
	static char command[] = "check";
	char *option = NULL;

	if (o->check_argc == 0)
		o->check_argv[o->check_argc++] = command;
	if (strcmp(name, command) == 0)
		return true;
	if (o->check_argc >= HT_RECORD_MAX_CHECK_ARGS ||
	    asprintf(&option, value ? "--%s=%s" : "--%s", name, value) < 0)
		return false;
	o->check_argv[o->check_argc++] = option;
	return true;
}

void ht_record_options_done(struct ht_record_options *o)
{
	for (int i = 1; i < o->check_argc; i++)
		free(o->check_argv[i]);
	o->check_argc = 0;
}

bool ht_record_options_parse(struct ht_record_options *o, int argc, char **argv)
{
	enum { OPT_UNWIND = 256, OPT_OVERLOAD, OPT_MAX_FRAMES, OPT_LEVEL, OPT_MAX_SIZE, OPT_NO_SYMBOLS, OPT_PYTHON,
	       OPT_FOLLOW, OPT_ONLY, OPT_EXACT_TIME, OPT_ALLOCATOR, OPT_MMAP, OPT_FREE_STACKS,
	       OPT_CHECK };
	static const struct option long_options[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'f' },
		{ "quiet", no_argument, NULL, 'q' },
		{ "help", no_argument, NULL, 'h' },
		{ "unwind", required_argument, NULL, OPT_UNWIND },
		{ "allocator", required_argument, NULL, OPT_ALLOCATOR },
		{ "overload", required_argument, NULL, OPT_OVERLOAD },
		{ "max-frames", required_argument, NULL, OPT_MAX_FRAMES },
		{ "level", required_argument, NULL, OPT_LEVEL },
		{ "max-size", required_argument, NULL, OPT_MAX_SIZE },
		{ "no-symbols", no_argument, NULL, OPT_NO_SYMBOLS },
		{ "exact-time", no_argument, NULL, OPT_EXACT_TIME },
		{ "python", no_argument, NULL, OPT_PYTHON },
		{ "mmap", no_argument, NULL, OPT_MMAP },
		{ "free-stacks", no_argument, NULL, OPT_FREE_STACKS },
		{ "follow", required_argument, NULL, OPT_FOLLOW },
		{ "only", required_argument, NULL, OPT_ONLY },
		{ "check", no_argument, NULL, OPT_CHECK },
		{ "max-peak", required_argument, NULL, OPT_CHECK },
		{ "max-leaked", required_argument, NULL, OPT_CHECK },
		{ "max-allocs", required_argument, NULL, OPT_CHECK },
		{ "max-temporary", required_argument, NULL, OPT_CHECK },
		{ "max-allocated", required_argument, NULL, OPT_CHECK },
		{ "budgets", required_argument, NULL, OPT_CHECK },
		{ "suppressions", required_argument, NULL, OPT_CHECK },
		{ "baseline", required_argument, NULL, OPT_CHECK },
		{ "tolerance", required_argument, NULL, OPT_CHECK },
		{ "github", no_argument, NULL, OPT_CHECK },
		{ "junit", required_argument, NULL, OPT_CHECK },
		{ "markdown", required_argument, NULL, OPT_CHECK },
		{ "sarif", required_argument, NULL, OPT_CHECK },
		{ NULL, 0, NULL, 0 },
	};
	uint32_t level = (uint32_t)ht_recorder_default_config.level;
	bool is_only_given = false;
	int c, i_long;

	if (!ht_record_options_from_env(o, false))
		return false;
	opterr = 0;
	/* "+": the first word that is no option is the program; the rest is the program's. */
	while ((c = getopt_long(argc, argv, "+:o:fqh", long_options, &i_long)) != -1) {
		bool is_ok = true;

		switch (c) {
		case 'o':
			o->output = optarg;
			o->is_output_given = true;
			is_ok = *optarg != '\0';
			break;
		case 'f': o->is_forced = true; break;
		case 'q': o->is_quiet = true; break;
		case 'h': o->is_help = true; return true;
		case OPT_UNWIND: is_ok = parse_word(optarg, unwinds, &o->config.unwind); break;
		case OPT_ALLOCATOR:
			o->allocator = optarg;
			is_ok = *optarg != '\0';
			break;
		case OPT_OVERLOAD: is_ok = parse_word(optarg, overloads, &o->config.overload); break;
		case OPT_MAX_FRAMES: is_ok = parse_number(optarg, 1, 65535, &o->config.max_frames); break;
		case OPT_LEVEL: is_ok = parse_number(optarg, 1, MAX_LEVEL, &level); break;
		case OPT_MAX_SIZE: is_ok = parse_size(optarg, &o->config.max_bytes); break;
		case OPT_NO_SYMBOLS: o->has_no_names = true; break;
		case OPT_EXACT_TIME: o->config.tolerance_ticks = 0; break;
		case OPT_MMAP: o->config.has_mappings = true; break;
		case OPT_FREE_STACKS: o->config.has_free_stacks = true; break;
		case OPT_PYTHON: o->config.has_python = true; break;
		case OPT_FOLLOW: is_ok = parse_word(optarg, follows, &o->config.follow); break;
		case OPT_ONLY:
			if (!is_only_given)
				memset(o->config.only, 0, sizeof(o->config.only));
			is_only_given = true;
			is_ok = add_only(&o->config, optarg, strlen(optarg));
			break;
		case OPT_CHECK: is_ok = add_check(o, long_options[i_long].name, optarg); break;
		case ':':
			ht_cmd_usage("record", "%s needs a value", argv[optind - 1]);
			return false;
		default:
			/* optopt is set for a letter that is no option and for a value too many. */
			if (optopt && strncmp(argv[optind - 1], "--", 2) == 0)
				ht_cmd_usage("record", "%s takes no value", argv[optind - 1]);
			else if (optopt)
				ht_cmd_usage("record", "unknown option -%c", optopt);
			else
				ht_cmd_usage("record", "unknown option %s", argv[optind - 1]);
			return false;
		}
		if (!is_ok) {
			ht_cmd_usage("record", "bad value \"%s\"%s%s", optarg,
				     strncmp(argv[optind - 1], "--", 2) == 0 ? " in " : "",
				     strncmp(argv[optind - 1], "--", 2) == 0 ? argv[optind - 1] : "");
			return false;
		}
	}
	o->config.level = (int)level;
	o->first_arg = optind;
	if (optind >= argc) {
		ht_cmd_usage("record", "which program?");
		return false;
	}
	if (o->check_argc) {
		static char trace[] = "TRACE";

		o->check_argv[o->check_argc] = trace;
		return ht_cmd_check_understands(o->check_argc + 1, o->check_argv);
	}
	return true;
}
