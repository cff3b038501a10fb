/* SPDX-License-Identifier: MIT */
/* heaptide annotate: source lines with their allocations beside them. Analyzer. */
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/cmd/trace_symbols.h"
#include "analyzer/report/annotate.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <unistd.h>

#define DEFAULT_TOP     20u
#define DEFAULT_CONTEXT 2u
#define MIN_COLUMNS     120u

static const char usage[] =
        "Usage: heaptide annotate [OPTIONS] TRACE [FILE|FUNCTION]\n"
        "\n"
        "Show source lines with what they allocated beside them: of C, C++, Rust, and of Python "
        "when\n"
        "it was recorded with --python. FILE may lack leading directories, FUNCTION namespaces, "
        "classes\n"
        "and parameters. Without either: the files that the trace knows lines of.\n"
        "\n"
        "A line counts what was allocated while it was being executed, in functions it called "
        "too.\n"
        "\n"
        "      --own            only what a line allocated itself: in functions without known "
        "lines\n"
        "      --source DIR     look for source files below DIR first\n"
        "  -C, --context N      lines shown around those that allocate (2)\n"
        "  -n, --top N          files listed (20; 0: all)\n"
        "      --demangle HOW   " HT_OPTION_DEMANGLE_HELP "\n"
        "      --short-lived N  " HT_OPTION_SHORT_LIVED_HELP "\n"
        "      --mem-limit SIZE " HT_OPTION_MEM_LIMIT_HELP "\n"
        "      --color WHEN     auto, always or never\n"
        "      --json           for scripts: schema heaptide.annotate/1, with own and total "
        "numbers\n"
        "  -h, --help\n";

struct options {
	struct ht_annotate annotate;
	enum ht_color_choice color;
	struct ht_replay_options replay;
	enum ht_demangle_style demangle;
	bool is_json;
	const char *path;
};

/* HT_EXIT_OK to go on; anything else ends the command (usage was printed when is_done). */
static int parse(int argc, char **argv, struct options *o, bool *ret_is_done)
{
	enum { OPT_OWN = 256, OPT_SOURCE, OPT_COLOR, OPT_DEMANGLE, OPT_JSON, OPT_SHORT_LIVED, OPT_MEM_LIMIT };
	static const struct option longs[] = {
		{ "own", no_argument, NULL, OPT_OWN },
		{ "source", required_argument, NULL, OPT_SOURCE },
		{ "context", required_argument, NULL, 'C' },
		{ "top", required_argument, NULL, 'n' },
		{ "color", required_argument, NULL, OPT_COLOR },
		{ "demangle", required_argument, NULL, OPT_DEMANGLE },
		{ "short-lived", required_argument, NULL, OPT_SHORT_LIVED },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "mem-limit", required_argument, NULL, OPT_MEM_LIMIT },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t n_top = DEFAULT_TOP, n_context = DEFAULT_CONTEXT;
	int c;

	*ret_is_done = false;
	while ((c = getopt_long(argc, argv, ":C:n:h", longs, NULL)) != -1) {
		bool is_good = true;

		switch (c) {
		case OPT_OWN: o->annotate.is_own = true; break;
		case OPT_SOURCE: o->annotate.directory = optarg; break;
		case 'C': is_good = ht_option_u64(optarg, &n_context); break;
		case 'n': is_good = ht_option_u64(optarg, &n_top); break;
		case OPT_COLOR: is_good = ht_option_color(optarg, &o->color); break;
		case OPT_DEMANGLE: is_good = ht_option_demangle(optarg, &o->demangle); break;
		case OPT_SHORT_LIVED: is_good = ht_option_short_lived(optarg, &o->replay); break;
		case OPT_MEM_LIMIT: is_good = ht_option_mem_limit(optarg); break;
		case OPT_JSON: o->is_json = true; break;
		case 'h':
			fputs(usage, stdout);
			*ret_is_done = true;
			return HT_EXIT_OK;
		default: return ht_option_complain("annotate", c, argv);
		}
		if (!is_good)
			return ht_cmd_usage("annotate", "\"%s\" is no value for this option",
			                    optarg);
	}
	o->annotate.n_top = n_top ? n_top : SIZE_MAX;
	o->annotate.n_context = n_context < UINT32_MAX ? (uint32_t)n_context : UINT32_MAX;
	if (argc - optind == 2)
		o->annotate.wanted = argv[--argc];
	return ht_option_path("annotate", argc, argv, &o->path);
}

int ht_cmd_annotate(int argc, char **argv)
{
	struct options o = { .replay = { .short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT } };
	struct ht_line_table table = { 0 };
	struct ht_trace_input input;
	struct ht_results results;
	bool is_done, is_found;
	int status = parse(argc, argv, &o, &is_done);

	if (status != HT_EXIT_OK || is_done)
		return ht_cmd_finish_stdout(status);
	if (!ht_trace_input_open(&input, o.path, false))
		return HT_EXIT_FAILED;

	ht_trace_input_replay(&input, &o.replay, &results);

	struct ht_stored_symbols *stored = ht_trace_symbols_load(&input);
	struct ht_symbolizer *symbolizer = ht_symbolizer_new();

	ht_symbolizer_set_stored(symbolizer, stored, false);
	ht_symbolizer_set_demangle(symbolizer, o.demangle);
	ht_line_table_fill(&table, &input.model, symbolizer, &results.sites);
	o.annotate.model = &input.model;
	o.annotate.table = &table;
	if (o.is_json) {
		is_found = ht_annotate_json(&o.annotate, stdout);
	} else {
		struct ht_text_style style = ht_option_style(o.color);

		/* Source is what people came for: it is cut on terminals only, and not at the numbers. */
		if (!isatty(STDOUT_FILENO))
			style.n_columns = UINT_MAX;
		else if (style.n_columns < MIN_COLUMNS)
			style.n_columns = MIN_COLUMNS;
		is_found = ht_annotate_text(&o.annotate, &style, stdout);
	}
	if (!is_found && o.annotate.wanted)
		ht_cmd_complain(
		        "%s: no file and no function of this name has known lines in the trace",
		        o.annotate.wanted);
	else if (!is_found)
		ht_cmd_complain("%s: no line of any file is known (built without -g?)", o.path);
	status = ht_cmd_finish_stdout(is_found ? HT_EXIT_OK : HT_EXIT_FAILED);
	ht_trace_input_warn(&input, o.path);
	ht_line_table_done(&table);
	ht_symbolizer_free(symbolizer);
	ht_stored_symbols_free(stored);
	ht_results_done(&results);
	ht_trace_input_close(&input);
	return status;
}
