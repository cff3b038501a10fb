/* SPDX-License-Identifier: MIT */
/* heaptide diff: what became more or less from one version of a program to another. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/output_file.h"
#include "analyzer/cmd/trace_runs.h"
#include "analyzer/report/diff.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_SHOWN 20u
#define SEPARATOR     "--"

static const char usage[] =
        "Usage: heaptide diff [OPTIONS] OLD NEW\n"
        "       heaptide diff [OPTIONS] OLD... -- NEW...\n"
        "\n"
        "What became more or less? Paths of calls are matched by their functions: shifted lines,\n"
        "other addresses, copies of functions that the compiler made and numbers of lambdas are "
        "no\n"
        "difference. Several traces are repeated runs: what is inside their spread is no change.\n"
        "A path that is new and does what one that is gone did has moved; only the rest of it "
        "counts.\n"
        "\n"
        "      --by MEASURE       peak (default), leaked, allocations, temporary or allocated\n"
        "      --tolerance PCT    how much of the old value is no change (0%)\n"
        "  -n, --top N            paths to show (20; 0: all)\n"
        "      --json             for scripts: schema heaptide.diff/1\n"
        "      --markdown FILE    also write tables in Markdown; -: on stdout, instead of text\n"
        "      --mem-limit SIZE   " HT_OPTION_MEM_LIMIT_HELP "\n"
        "  -h, --help\n"
        "\n"
        "Exit status: 0 compared, different or not (heaptide check --baseline tells by its\n"
        "status), 2 wrong usage, a trace that cannot be read or output that could not be "
        "written.\n";

struct options {
	enum ht_measure measure;
	uint64_t tolerance;
	size_t n_shown;
	bool is_json;
	const char *markdown;
};

/* The traces that were named, the old ones first. */
struct operands {
	const char **paths;
	size_t n_old;
	size_t n_new;
};

/* HT_EXIT_OK to go on; anything else ends the command (usage was printed when is_done). */
static int parse(int argc, char **argv, struct options *o, bool *ret_is_done)
{
	enum {
		OPT_BY = 256,
		OPT_TOLERANCE,
		OPT_JSON,
		OPT_MARKDOWN,
		OPT_MEM_LIMIT,
	};
	static const struct option longs[] = {
		{ "by", required_argument, NULL, OPT_BY },
		{ "tolerance", required_argument, NULL, OPT_TOLERANCE },
		{ "top", required_argument, NULL, 'n' },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "markdown", required_argument, NULL, OPT_MARKDOWN },
		{ "mem-limit", required_argument, NULL, OPT_MEM_LIMIT },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	uint64_t n;
	int c;

	*ret_is_done = false;
	while ((c = getopt_long(argc, argv, ":hn:", longs, NULL)) != -1) {
		bool is_good = true;

		switch (c) {
		case OPT_BY: is_good = ht_measure_find(optarg, &o->measure); break;
		case OPT_TOLERANCE: is_good = ht_measure_parse_part(optarg, &o->tolerance); break;
		case 'n':
			is_good = ht_option_u64(optarg, &n);
			if (is_good)
				o->n_shown = n == 0 ? SIZE_MAX : n;
			break;
		case OPT_MEM_LIMIT: is_good = ht_option_mem_limit(optarg); break;
		case OPT_JSON: o->is_json = true; break;
		case OPT_MARKDOWN: o->markdown = optarg; break;
		case 'h':
			fputs(usage, stdout);
			*ret_is_done = true;
			return HT_EXIT_OK;
		default: return ht_option_complain("diff", c, argv);
		}
		if (!is_good)
			return ht_cmd_usage("diff", "\"%s\" is no value for this option", optarg);
	}
	if (o->is_json && o->markdown && strcmp(o->markdown, "-") == 0)
		return ht_cmd_usage("diff", "--json and --markdown - would both be on stdout");
	return HT_EXIT_OK;
}

/* How many words stand behind the first separator, before getopt moves it; 0 without one. */
static size_t count_behind_separator(int argc, char **argv)
{
	for (int i = 1; i < argc; i++) {
		if (strcmp(argv[i], SEPARATOR) == 0)
			return (size_t)(argc - i - 1);
	}
	return 0;
}

/* What is left of the command line. False after a complaint. */
static bool find_operands(int argc, char **argv, size_t n_behind, struct operands *operands)
{
	size_t n = 0;

	operands->paths = ht_xalloc_zeroed((size_t)argc + 1, sizeof(*operands->paths));
	for (int i = optind; i < argc; i++) {
		if (strcmp(argv[i], SEPARATOR) != 0)
			operands->paths[n++] = argv[i];
	}
	operands->n_new = n_behind > 0 && n_behind < n ? n_behind : 1;
	operands->n_old = n > 0 ? n - operands->n_new : 0;
	if (n > 2 && (n_behind == 0 || n_behind >= n)) {
		(void)ht_cmd_usage("diff", "which ones are new? Write -- before them");
		return false;
	}
	if (n < 2) {
		(void)ht_cmd_usage("diff", "two traces are compared, an old and a new one");
		return false;
	}
	return true;
}

static int answer(const struct options *o, const struct ht_diff_question *question)
{
	size_t n_runs = question->n_old + question->n_new;
	bool is_markdown_only = o->markdown && strcmp(o->markdown, "-") == 0;
	int status = HT_EXIT_OK;
	struct ht_diff diff;

	ht_diff_make(question, &diff);
	if (o->is_json)
		ht_diff_json(&diff, o->n_shown, stdout);
	else if (!is_markdown_only)
		ht_diff_text(&diff, o->n_shown, stdout);
	if (is_markdown_only) {
		ht_diff_markdown(&diff, o->n_shown, stdout);
	} else if (o->markdown) {
		const char *trace = ht_trace_runs_find(o->markdown, question->runs, n_runs);
		struct ht_output_file output;

		if (ht_output_file_open(&output, o->markdown,
		                        trace ? trace : question->runs[0].path)) {
			ht_diff_markdown(&diff, o->n_shown, output.stream);
			status = ht_output_file_finish(&output);
		} else {
			status = HT_EXIT_FAILED;
		}
	}
	ht_diff_done(&diff);
	return status;
}

/* Sums over different numbers of recordings differ by that alone. */
static void warn_of_sums(const struct ht_trace_runs *runs)
{
	uint64_t first = ht_trace_runs_n_summed(runs, 0);

	for (size_t i = 1; i < runs->n_runs; i++) {
		uint64_t n = ht_trace_runs_n_summed(runs, i);

		if (n == first)
			continue;
		ht_cmd_complain("%s is of %llu recording%s, %s of %llu: these are sums, not means",
		                runs->named[0].path, (unsigned long long)first, ht_plural(first),
		                runs->named[i].path, (unsigned long long)n);
		return;
	}
}

int ht_cmd_diff(int argc, char **argv)
{
	struct options o = { .n_shown = DEFAULT_SHOWN };
	size_t n_behind = count_behind_separator(argc, argv);
	struct operands operands = { 0 };
	struct ht_trace_runs runs = { 0 };
	bool is_done;
	int status = parse(argc, argv, &o, &is_done);

	if (status != HT_EXIT_OK || is_done)
		return ht_cmd_finish_stdout(status);
	if (!find_operands(argc, argv, n_behind, &operands)) {
		status = HT_EXIT_FAILED;
	} else if (ht_trace_runs_load(&runs, operands.paths, operands.n_old + operands.n_new,
	                              false, true)) {
		status = HT_EXIT_FAILED;
	} else {
		struct ht_diff_question question = {
			.runs = runs.named,
			.n_old = operands.n_old,
			.n_new = operands.n_new,
			.measure = o.measure,
			.tolerance = o.tolerance,
		};

		warn_of_sums(&runs);
		status = answer(&o, &question);
	}
	ht_trace_runs_done(&runs);
	free(operands.paths);
	return ht_cmd_finish_stdout(status);
}
