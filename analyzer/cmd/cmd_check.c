/* SPDX-License-Identifier: MIT */
/* heaptide check: whether a program keeps to what it may use, for gates in CI. Analyzer. */
#include "analyzer/base/xalloc.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/output_file.h"
#include "analyzer/cmd/trace_runs.h"
#include "analyzer/report/budget.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>

#define DEFAULT_TOLERANCE 2000u /* thousandths of a percent */
#define MAX_BASELINES     64u

static const char usage[] =
        "Usage: heaptide check [OPTIONS] TRACE...\n"
        "\n"
        "Does the program keep to its budgets? One line each; a budget that does not hold\n"
        "names the path of calls that has most of it. Several traces are repeated runs:\n"
        "limits hold when every run keeps them.\n"
        "\n"
        "      --max-peak BYTES   live bytes at the peak: 512M, 80K (units of 1024)\n"
        "      --max-leaked BYTES bytes still live at the end, but for what the runtime keeps and\n"
        "                         what is suppressed; what grows is counted, and said\n"
        "      --max-allocs N     allocations: 1200, 2M (units of 1000)\n"
        "      --max-temporary N  temporary allocations, or a part of all of them: 10%\n"
        "      --max-allocated BYTES  bytes requested in all\n"
        "      --budgets FILE     limits of parts of the program, of all stacks that have such a\n"
        "                         function, module or file, as report --filter knows them,\n"
        "                         wherever in them: what they have at the peak of the program,\n"
        "                         leaked, allocated; without one: of the whole program. May be\n"
        "                         repeated. One line each:\n"
        "                             fn:parse_config max-allocated 10M max-leaked 0\n"
        "                             module:libfoo.so max-leaked 0   # a comment\n"
        "                             file:cache.c max-peak 64M\n"
        "                             fn~^json_ max-allocs 2M\n"
        "                             max-peak 512M\n"
        "      --suppressions F   leaks with a frame that a line leak:PATTERN of this file is for\n"
        "                         are not counted\n"
        "      --baseline TRACE   peak, leaked, allocations and temporary ones are not above\n"
        "                         those of an older run; may be repeated: then the least of the\n"
        "                         runs is compared with the most of the baselines\n"
        "      --tolerance PCT    how much more than the baseline is no change (2%)\n"
        "      --json             for scripts: schema heaptide.check/1\n"
        "      --github           annotations of GitHub Actions\n"
        "      --junit FILE       also write JUnit XML\n"
        "      --markdown FILE    also write a table in Markdown\n"
        "      --sarif FILE       also write SARIF 2.1.0, for code scanning\n"
        "      --mem-limit SIZE   " HT_OPTION_MEM_LIMIT_HELP "\n"
        "  -h, --help\n"
        "\n"
        "Exit status: 0 all budgets hold, 1 some do not, 2 wrong usage, output that could not\n"
        "be written, or too little memory, 3 a trace that cannot be read, or is not complete.\n";

struct options {
	struct ht_budget_list budgets;
	struct ht_frame_rules suppressions;
	const char *baselines[MAX_BASELINES];
	size_t n_baselines;
	uint64_t tolerance;
	bool is_json;
	bool is_github;
	const char *junit;
	const char *markdown;
	const char *sarif;
	FILE *out;
};

/* HT_EXIT_OK to go on; anything else ends the command (usage was printed when is_done). */
static int parse(int argc, char **argv, struct options *o, bool *ret_is_done)
{
	enum {
		OPT_LIMIT = 256,
		OPT_BASELINE = OPT_LIMIT + HT_N_MEASURES,
		OPT_BUDGETS,
		OPT_SUPPRESSIONS,
		OPT_TOLERANCE,
		OPT_JSON,
		OPT_GITHUB,
		OPT_JUNIT,
		OPT_MARKDOWN,
		OPT_SARIF,
		OPT_MEM_LIMIT,
	};
	static const struct option longs[] = {
		{ "max-peak", required_argument, NULL, OPT_LIMIT + HT_MEASURE_PEAK },
		{ "max-leaked", required_argument, NULL, OPT_LIMIT + HT_MEASURE_LEAKED },
		{ "max-allocs", required_argument, NULL, OPT_LIMIT + HT_MEASURE_ALLOCATIONS },
		{ "max-temporary", required_argument, NULL, OPT_LIMIT + HT_MEASURE_TEMPORARY },
		{ "max-allocated", required_argument, NULL, OPT_LIMIT + HT_MEASURE_ALLOCATED },
		{ "budgets", required_argument, NULL, OPT_BUDGETS },
		{ "suppressions", required_argument, NULL, OPT_SUPPRESSIONS },
		{ "baseline", required_argument, NULL, OPT_BASELINE },
		{ "tolerance", required_argument, NULL, OPT_TOLERANCE },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "github", no_argument, NULL, OPT_GITHUB },
		{ "junit", required_argument, NULL, OPT_JUNIT },
		{ "markdown", required_argument, NULL, OPT_MARKDOWN },
		{ "sarif", required_argument, NULL, OPT_SARIF },
		{ "mem-limit", required_argument, NULL, OPT_MEM_LIMIT },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	char error[HT_RULE_ERROR_BYTES];
	bool has_file = false;
	int c;

	*ret_is_done = false;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		bool is_good = true;

		switch (c) {
		case OPT_BASELINE:
			if (o->n_baselines == MAX_BASELINES)
				return ht_cmd_usage("check", "more than %u baselines",
				                    MAX_BASELINES);
			o->baselines[o->n_baselines++] = optarg;
			break;
		case OPT_BUDGETS:
			if (!ht_budget_list_read(&o->budgets, optarg, error))
				return ht_cmd_usage("check", "%s", error);
			has_file = true;
			break;
		case OPT_SUPPRESSIONS:
			if (!ht_frame_rules_read_suppressions(&o->suppressions, optarg, error))
				return ht_cmd_usage("check", "%s", error);
			break;
		case OPT_TOLERANCE: is_good = ht_measure_parse_part(optarg, &o->tolerance); break;
		case OPT_MEM_LIMIT: is_good = ht_option_mem_limit(optarg); break;
		case OPT_JSON: o->is_json = true; break;
		case OPT_GITHUB: o->is_github = true; break;
		case OPT_JUNIT: o->junit = optarg; break;
		case OPT_MARKDOWN: o->markdown = optarg; break;
		case OPT_SARIF: o->sarif = optarg; break;
		case 'h':
			fputs(usage, stdout);
			*ret_is_done = true;
			return HT_EXIT_OK;
		default:
			if (c < OPT_LIMIT || c >= OPT_BASELINE)
				return ht_option_complain("check", c, argv);
			is_good = ht_budget_list_add(&o->budgets, (enum ht_measure)(c - OPT_LIMIT),
			                             optarg);
		}
		if (!is_good)
			return ht_cmd_usage("check", "\"%s\" is no value for this option", optarg);
	}
	if (o->budgets.n_limits == 0 && has_file)
		return ht_cmd_usage("check", "nothing to check: the file of budgets has none");
	if (o->budgets.n_limits == 0 && o->n_baselines == 0)
		return ht_cmd_usage("check", "nothing to check: give a limit or a baseline");
	if (o->is_json && o->is_github)
		return ht_cmd_usage("check", "--json and --github would both be on stdout");
	if (optind == argc)
		return ht_cmd_usage("check", "which trace? Name a file that heaptide record wrote");
	return HT_EXIT_OK;
}

/* Into a file, when one is named. False after a complaint. */
static bool write_file(const char *path, const struct ht_budget_question *q,
                       ht_budget_write_fn *write, const struct ht_budget_verdict *verdicts,
                       size_t n)
{
	struct ht_output_file output;
	const char *trace;

	if (!path)
		return true;
	/* The one that opening the output is told about; it complains. */
	trace = ht_trace_runs_find(path, q->runs, q->n_runs);
	if (!trace)
		trace = ht_trace_runs_find(path, q->baselines, q->n_baselines);
	if (!ht_output_file_open(&output, path, trace ? trace : q->runs[0].path))
		return false;
	write(verdicts, n, output.stream);
	return ht_output_file_finish(&output) == HT_EXIT_OK;
}

static int answer(const struct options *o, const struct ht_budget_question *question)
{
	size_t n;
	struct ht_budget_verdict *verdicts = ht_budget_judge(question, &n);
	int status = HT_EXIT_OK;

	if (o->is_json)
		ht_budget_json(verdicts, n, o->out);
	else if (o->is_github)
		ht_budget_github(verdicts, n, o->out);
	else
		ht_budget_text(verdicts, n, o->out);
	for (size_t i = 0; i < n; i++) {
		if (!verdicts[i].holds)
			status = HT_EXIT_BROKEN;
	}
	if (!write_file(o->junit, question, ht_budget_junit, verdicts, n) ||
	    !write_file(o->markdown, question, ht_budget_markdown, verdicts, n) ||
	    !write_file(o->sarif, question, ht_budget_sarif, verdicts, n))
		status = HT_EXIT_FAILED;
	for (size_t i = 0; i < n; i++)
		ht_budget_verdict_done(&verdicts[i]);
	free(verdicts);
	return ht_cmd_finish_stdout(status);
}

/* Options are in argv[1] to argv[optind - 1], traces behind them. */
static int check(int argc, char **argv, const struct options *o)
{
	size_t n_runs = (size_t)(argc - optind);
	size_t n = n_runs + o->n_baselines;
	const char **paths = ht_xalloc_zeroed(n, sizeof(*paths));
	struct ht_trace_runs runs = { 0 };

	for (size_t i = 0; i < n; i++)
		paths[i] = i < n_runs ? argv[(size_t)optind + i] : o->baselines[i - n_runs];

	int status;
	const char *refused = ht_trace_runs_load(&runs, paths, n, true, false);

	if (refused) {
		ht_cmd_complain("%s cannot be checked", refused);
		status = HT_EXIT_UNREADABLE;
	} else {
		struct ht_budget_question question = {
			.runs = runs.named,
			.n_runs = n_runs,
			.baselines = runs.named + n_runs,
			.n_baselines = o->n_baselines,
			.tolerance = o->tolerance,
			.budgets = &o->budgets,
		};

		ht_trace_runs_class_leaks(&runs, &o->suppressions);
		status = answer(o, &question);
	}
	ht_trace_runs_done(&runs);
	free(paths);
	return status;
}

static void options_done(struct options *o)
{
	ht_budget_list_done(&o->budgets);
	ht_frame_rules_done(&o->suppressions);
}

int ht_cmd_check(int argc, char **argv)
{
	struct options o = { .tolerance = DEFAULT_TOLERANCE, .out = stdout };
	bool is_done;
	int status = parse(argc, argv, &o, &is_done);

	if (status != HT_EXIT_OK || is_done)
		status = ht_cmd_finish_stdout(status);
	else
		status = check(argc, argv, &o);
	options_done(&o);
	return status;
}

bool ht_cmd_check_understands(int argc, char **argv)
{
	struct options o = { 0 };
	bool is_done;

	optind = 0; /* getopt begins anew */

	bool is_good = parse(argc, argv, &o, &is_done) == HT_EXIT_OK;

	options_done(&o);
	return is_good;
}

int ht_cmd_check_recorded(int argc, char **argv)
{
	struct options o = { .tolerance = DEFAULT_TOLERANCE, .out = stderr };
	bool is_done;

	optind = 0;

	int status = parse(argc, argv, &o, &is_done);

	if (status == HT_EXIT_OK)
		status = check(argc, argv, &o);
	options_done(&o);
	return status;
}
