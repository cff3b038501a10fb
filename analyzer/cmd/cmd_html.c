/* SPDX-License-Identifier: MIT */
/* heaptide html: the report as one page for the browser. Analyzer. */
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/output_file.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/cmd/trace_symbols.h"
#include "analyzer/export/export.h"
#include "analyzer/replay/replay.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static const char usage[] =
        "Usage: heaptide html [OPTIONS] [OLD] TRACE\n"
        "\n"
        "Write the report as one HTML file that needs no network: live bytes "
        "and allocations over time, flame\n"
        "graphs, tables of places and functions, histograms. Selecting a span "
        "of time makes the other views\n"
        "follow. Open it with any browser. With an OLD trace, the flame graph is coloured by what "
        "became more and less\n"
        "since, function by function.\n"
        "\n"
        "  -o, --output FILE  write there, not to stdout\n"
        "      --with-source  put in the lines of source that stacks go through, and those around "
        "them: at most\n"
        "                     1 MiB, of the files that allocate most\n"
        "      --source DIR   look for source files there first (with --with-source)\n"
        "      --short-lived N " HT_OPTION_SHORT_LIVED_HELP "\n"
        "      --demangle HOW " HT_OPTION_DEMANGLE_HELP "\n"
        "      --mem-limit S  " HT_OPTION_MEM_LIMIT_HELP "\n"
        "  -h, --help\n";

/* A trace with all that its part of the page needs. */
struct run {
	const char *path;
	struct ht_trace_input input;
	struct ht_results results;
	struct ht_stored_symbols *stored;
	struct ht_symbolizer *symbolizer;
	struct ht_export export;
};

/* What every run of a page is shown with. */
struct page_options {
	struct ht_replay_options replay; /* what is short-lived */
	enum ht_demangle_style demangle;
	bool has_source;
	const char *source_directory;
};

static bool open_run(struct run *run, const char *path, const struct page_options *options)
{
	*run = (struct run){ .path = path };
	if (!ht_trace_input_open(&run->input, path, false))
		return false;
	ht_trace_input_replay(&run->input, &options->replay, &run->results);
	run->stored = ht_trace_symbols_load(&run->input);
	run->symbolizer = ht_symbolizer_new();
	ht_symbolizer_set_stored(run->symbolizer, run->stored, false);
	ht_symbolizer_set_demangle(run->symbolizer, options->demangle);
	run->export = (struct ht_export){
		.file = run->input.file,
		.model = &run->input.model,
		.results = &run->results,
		.symbolizer = run->symbolizer,
		.metric = &ht_metrics[0],
		.has_source = options->has_source,
		.source_directory = options->source_directory,
	};
	return true;
}

static void close_run(struct run *run)
{
	ht_trace_input_warn(&run->input, run->path);
	ht_symbolizer_free(run->symbolizer);
	ht_stored_symbols_free(run->stored);
	ht_results_done(&run->results);
	ht_trace_input_close(&run->input);
}

/* Write the page about the n_paths traces, the newest last. */
static int write_page(char *const *paths, int n_paths, const char *output_path,
                      const struct page_options *options)
{
	struct run runs[2];
	struct ht_output_file output;
	int n_runs = 0, status = HT_EXIT_FAILED;

	for (; n_runs < n_paths; n_runs++) {
		if (!open_run(&runs[n_runs], paths[n_runs], options))
			goto out;
	}
	if (!ht_output_file_spares(output_path, paths[0]) ||
	    !ht_output_file_open(&output, output_path, paths[n_paths - 1]))
		goto out;
	ht_export_html(&runs[n_paths - 1].export, n_paths > 1 ? &runs[0].export : NULL,
	               output.stream);
	status = ht_output_file_finish(&output);
out:
	while (n_runs > 0)
		close_run(&runs[--n_runs]);
	return status;
}

int ht_cmd_html(int argc, char **argv)
{
	enum { OPT_DEMANGLE = 256, OPT_WITH_SOURCE, OPT_SOURCE, OPT_SHORT_LIVED, OPT_MEM_LIMIT };
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "demangle", required_argument, NULL, OPT_DEMANGLE },
		{ "short-lived", required_argument, NULL, OPT_SHORT_LIVED },
		{ "with-source", no_argument, NULL, OPT_WITH_SOURCE },
		{ "source", required_argument, NULL, OPT_SOURCE },
		{ "mem-limit", required_argument, NULL, OPT_MEM_LIMIT },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct page_options options = {
		.replay = { .short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT },
		.demangle = HT_DEMANGLE_FULL,
	};
	const char *output_path = NULL, *path;
	int c, status;

	while ((c = getopt_long(argc, argv, ":o:h", longs, NULL)) != -1) {
		bool is_good = true;

		switch (c) {
		case 'o': output_path = optarg; break;
		case OPT_DEMANGLE: is_good = ht_option_demangle(optarg, &options.demangle); break;
		case OPT_SHORT_LIVED:
			is_good = ht_option_short_lived(optarg, &options.replay);
			break;
		case OPT_MEM_LIMIT: is_good = ht_option_mem_limit(optarg); break;
		case OPT_WITH_SOURCE: options.has_source = true; break;
		case OPT_SOURCE: options.source_directory = optarg; break;
		case 'h': fputs(usage, stdout); return ht_cmd_finish_stdout(HT_EXIT_OK);
		default: return ht_option_complain("html", c, argv);
		}
		if (!is_good)
			return ht_cmd_usage("html", "\"%s\" is no value for this option", optarg);
	}
	if (argc - optind != 2) {
		status = ht_option_path("html", argc, argv, &path);
		if (status)
			return status;
	}
	if (!output_path && isatty(STDOUT_FILENO))
		return ht_cmd_usage("html", "a page is not for a terminal: name a file with -o");
	return write_page(argv + optind, argc - optind, output_path, &options);
}
