/* SPDX-License-Identifier: MIT */
/* heaptide export: a trace in the formats of other tools. Analyzer. */
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/output_file.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/cmd/trace_symbols.h"
#include "analyzer/export/export.h"
#include "analyzer/export/sum.h"
#include "analyzer/replay/replay.h"

#include <getopt.h>
#include <stdio.h>
#include <unistd.h>

static const char usage_head[] =
        "Usage: heaptide export FORMAT [OPTIONS] TRACE\n"
        "\n"
        "Write what a trace says in the format of another tool, with the numbers of `report`.\n"
        "\n"
        "Formats:\n";

static const char usage_options[] = "\n"
                                    "  -o, --output FILE  write there, not to stdout\n"
                                    "  -m, --metric NAME  what folded stacks count:";

static int print_help(void)
{
	fputs(usage_head, stdout);
	for (const struct ht_export_format *f = ht_export_formats; f->name; f++)
		printf("  %-10s  %s\n", f->name, f->summary);
	fputs(usage_options, stdout);
	for (const struct ht_metric *m = ht_metrics; m->name; m++)
		printf("%s %s", m == ht_metrics ? "" : ",", m->name);
	fputs("\n      --mem-limit SIZE " HT_OPTION_MEM_LIMIT_HELP
	      "\n      --short-lived N  " HT_OPTION_SHORT_LIVED_HELP
	      "\n      --demangle HOW " HT_OPTION_DEMANGLE_HELP "\n  -h, --help\n", stdout);
	return ht_cmd_finish_stdout(HT_EXIT_OK);
}

struct options {
	const struct ht_export_format *format;
	const struct ht_metric *metric;
	enum ht_demangle_style demangle;
	struct ht_replay_options replay;
	const char *output;
	const char *path;
};

/* HT_EXIT_OK to go on; the operands are the format and the trace. */
static int take_operands(int argc, char **argv, struct options *o)
{
	if (optind == argc)
		return ht_cmd_usage("export", "which format?");
	o->format = ht_export_find(argv[optind]);
	if (!o->format)
		return ht_cmd_usage("export", "there is no format \"%s\"", argv[optind]);
	if (o->metric && !o->format->has_metric)
		return ht_cmd_usage("export", "--metric says nothing to %s, which has all of them",
		                    o->format->name);
	optind++;
	return ht_option_path("export", argc, argv, &o->path);
}

static int parse(int argc, char **argv, struct options *o, bool *ret_is_done)
{
	enum { OPT_DEMANGLE = 256, OPT_SHORT_LIVED, OPT_MEM_LIMIT };
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "metric", required_argument, NULL, 'm' },
		{ "demangle", required_argument, NULL, OPT_DEMANGLE },
		{ "short-lived", required_argument, NULL, OPT_SHORT_LIVED },
		{ "mem-limit", required_argument, NULL, OPT_MEM_LIMIT },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*ret_is_done = false;
	while ((c = getopt_long(argc, argv, ":o:m:h", longs, NULL)) != -1) {
		switch (c) {
		case 'o': o->output = optarg; break;
		case 'm':
			o->metric = ht_metric_find(optarg);
			if (!o->metric)
				return ht_cmd_usage("export", "there is no metric \"%s\"", optarg);
			break;
		case OPT_DEMANGLE:
			if (!ht_option_demangle(optarg, &o->demangle))
				return ht_cmd_usage("export",
				                    "\"%s\" is no value for this option", optarg);
			break;
		case OPT_SHORT_LIVED:
			if (!ht_option_short_lived(optarg, &o->replay))
				return ht_cmd_usage("export", "\"%s\" is no value for this option",
				                    optarg);
			break;
		case OPT_MEM_LIMIT:
			if (!ht_option_mem_limit(optarg))
				return ht_cmd_usage("export", "\"%s\" is no value for this option",
				                    optarg);
			break;
		case 'h': *ret_is_done = true; return print_help();
		default: return ht_option_complain("export", c, argv);
		}
	}
	return take_operands(argc, argv, o);
}

/* The same of a summary. */
static int export_sum(const struct options *o)
{
	struct ht_output_file output;
	struct ht_diag diag;
	struct ht_sum *sum;

	if (!o->format->is_of_places)
		return ht_cmd_usage("export",
		                    "%s: a summary cannot be written as %s, which needs what a "
		                    "trace has; folded, speedscope, csv, jsonl, parquet and pprof "
		                    "can be had",
		                    o->path, o->format->name);
	if (ht_sum_load(o->path, &sum, &diag)) {
		ht_cmd_complain("%s", diag.msg);
		return HT_EXIT_FAILED;
	}
	if (!ht_output_file_open(&output, o->output, o->path)) {
		ht_sum_free(sum);
		return HT_EXIT_FAILED;
	}

	const struct ht_export export = {
		.model = &sum->model,
		.results = &sum->results,
		.metric = o->metric ? o->metric : &ht_metrics[0],
	};

	o->format->write(&export, output.stream);
	ht_sum_free(sum);
	return ht_output_file_finish(&output);
}

int ht_cmd_export(int argc, char **argv)
{
	struct options o = { .replay = { .short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT } };
	struct ht_trace_input input;
	struct ht_output_file output;
	struct ht_results results;
	bool is_done;
	int status = parse(argc, argv, &o, &is_done);

	if (status != HT_EXIT_OK || is_done)
		return status;
	if (o.format->is_binary && !o.output && isatty(STDOUT_FILENO))
		return ht_cmd_usage("export", "%s is not for a terminal: name a file with -o",
		                    o.format->name);
	if (ht_sum_is_sum(o.path))
		return export_sum(&o);
	if (!ht_trace_input_open(&input, o.path, false))
		return HT_EXIT_FAILED;
	if (!ht_output_file_open(&output, o.output, o.path)) {
		ht_trace_input_close(&input);
		return HT_EXIT_FAILED;
	}
	ht_trace_input_replay(&input, &o.replay, &results);

	struct ht_stored_symbols *stored = ht_trace_symbols_load(&input);
	struct ht_symbolizer *symbolizer = ht_symbolizer_new();

	ht_symbolizer_set_stored(symbolizer, stored, false);
	ht_symbolizer_set_demangle(symbolizer, o.demangle);

	const struct ht_export export = {
		.file = input.file,
		.model = &input.model,
		.results = &results,
		.symbolizer = symbolizer,
		.metric = o.metric ? o.metric : &ht_metrics[0],
	};

	o.format->write(&export, output.stream);
	status = ht_output_file_finish(&output);
	ht_trace_input_warn(&input, o.path);
	ht_symbolizer_free(symbolizer);
	ht_stored_symbols_free(stored);
	ht_results_done(&results);
	ht_trace_input_close(&input);
	return status;
}
