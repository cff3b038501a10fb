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

static const char usage[] = "Usage: heaptide html [OPTIONS] TRACE\n"
                            "\n"
                            "Write the report as one HTML file that needs no network: live bytes "
                            "and allocations over time, flame\n"
                            "graphs, tables of places and functions, histograms. Selecting a span "
                            "of time makes the other views\n"
                            "follow. Open it with any browser.\n"
                            "\n"
                            "  -o, --output FILE  write there, not to stdout\n"
                            "      --demangle HOW " HT_OPTION_DEMANGLE_HELP "\n"
                            "  -h, --help\n";

int ht_cmd_html(int argc, char **argv)
{
	enum { OPT_DEMANGLE = 256 };
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "demangle", required_argument, NULL, OPT_DEMANGLE },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	const struct ht_replay_options replay = { .short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT };
	enum ht_demangle_style demangle = HT_DEMANGLE_FULL;
	const char *output_path = NULL, *path;
	struct ht_trace_input input;
	struct ht_output_file output;
	struct ht_results results;
	int c, status;

	while ((c = getopt_long(argc, argv, ":o:h", longs, NULL)) != -1) {
		switch (c) {
		case 'o': output_path = optarg; break;
		case OPT_DEMANGLE:
			if (!ht_option_demangle(optarg, &demangle))
				return ht_cmd_usage("html", "\"%s\" is no value for this option",
				                    optarg);
			break;
		case 'h': fputs(usage, stdout); return ht_cmd_finish_stdout(HT_EXIT_OK);
		default: return ht_option_complain("html", c, argv);
		}
	}
	status = ht_option_path("html", argc, argv, &path);
	if (status)
		return status;
	if (!output_path && isatty(STDOUT_FILENO))
		return ht_cmd_usage("html", "a page is not for a terminal: name a file with -o");
	if (!ht_trace_input_open(&input, path, false))
		return HT_EXIT_FAILED;
	if (!ht_output_file_open(&output, output_path, path)) {
		ht_trace_input_close(&input);
		return HT_EXIT_FAILED;
	}
	ht_trace_input_replay(&input, &replay, &results);

	struct ht_stored_symbols *stored = ht_trace_symbols_load(&input);
	struct ht_symbolizer *symbolizer = ht_symbolizer_new();

	ht_symbolizer_set_stored(symbolizer, stored, false);
	ht_symbolizer_set_demangle(symbolizer, demangle);

	const struct ht_export export = {
		.file = input.file,
		.model = &input.model,
		.results = &results,
		.symbolizer = symbolizer,
		.metric = &ht_metrics[0],
	};

	ht_export_html(&export, output.stream);
	status = ht_output_file_finish(&output);
	ht_trace_input_warn(&input, path);
	ht_symbolizer_free(symbolizer);
	ht_stored_symbols_free(stored);
	ht_results_done(&results);
	ht_trace_input_close(&input);
	return status;
}
