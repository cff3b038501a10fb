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
        "names the path of calls that has most of it. Several traces are repeated runs.\n"
        "\n"
        "      --max-peak BYTES   live bytes at the peak: 512M, 80K (units of 1024)\n"
        "      --max-leaked BYTES bytes still live at the end\n"
        "      --max-allocs N     allocations: 1200, 2M (units of 1000)\n"
        "      --max-temporary N  temporary allocations, or a part of all of them: 10%\n"
        "                         limits hold when every run keeps them\n"
        "      --baseline TRACE   all four are not above those of an older run; may be\n"
        "                         repeated: then the least of the runs is compared with the\n"
        "                         most of the baselines\n"
        "      --tolerance PCT    how much more than the baseline is no change (2%)\n"
        "      --json             for scripts: schema heaptide.check/1\n"
        "      --github           annotations of GitHub Actions\n"
        "      --junit FILE       also write JUnit XML\n"
        "      --markdown FILE    also write a table in Markdown\n"
        "      --sarif FILE       also write SARIF 2.1.0, for code scanning\n"
        "  -h, --help\n"
        "\n"
        "Exit status: 0 all budgets hold, 1 some do not, 2 wrong usage or output that could not\n"
        "be written, 3 a trace that cannot be read, or is not complete.\n";

struct options {
	struct ht_budget_limit limits[HT_N_BUDGET_MEASURES];
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

/* "512M": a number with a unit of a power of kilo. */
static bool parse_number(const char *text, uint64_t kilo, uint64_t *ret_value)
{
	char digits[32];
	size_t n = strspn(text, "0123456789");
	uint64_t value;

	if (n == 0 || n >= sizeof(digits))
		return false;
	memcpy(digits, text, n);
	digits[n] = '\0';
	if (!ht_option_u64(digits, &value))
		return false;
	text += n;
	if (*text) {
		static const char units[] = "KMGT";
		const char *unit = strchr(units, *text == 'k' ? 'K' : *text);

		if (!unit || text[1])
			return false;
		for (const char *u = units; u <= unit; u++) {
			if (__builtin_mul_overflow(value, kilo, &value))
				return false;
		}
	}
	*ret_value = value;
	return true;
}

static bool parse_limit(const char *text, enum ht_measure metric, struct ht_budget_limit *ret_limit)
{
	struct ht_budget_limit limit = { .is_set = true };
	bool is_bytes = ht_measure_is_bytes(metric);

	if (metric == HT_MEASURE_TEMPORARY && strchr(text, '%')) {
		limit.is_part = true;
		if (!ht_option_pct(text, &limit.value))
			return false;
	} else if (!parse_number(text, is_bytes ? 1024 : 1000, &limit.value)) {
		return false;
	}
	*ret_limit = limit;
	return true;
}

/* HT_EXIT_OK to go on; anything else ends the command (usage was printed when is_done). */
static int parse(int argc, char **argv, struct options *o, bool *ret_is_done)
{
	enum {
		OPT_LIMIT = 256,
		OPT_BASELINE = OPT_LIMIT + HT_N_BUDGET_MEASURES,
		OPT_TOLERANCE,
		OPT_JSON,
		OPT_GITHUB,
		OPT_JUNIT,
		OPT_MARKDOWN,
		OPT_SARIF,
	};
	static const struct option longs[] = {
		{ "max-peak", required_argument, NULL, OPT_LIMIT + HT_MEASURE_PEAK },
		{ "max-leaked", required_argument, NULL, OPT_LIMIT + HT_MEASURE_LEAKED },
		{ "max-allocs", required_argument, NULL, OPT_LIMIT + HT_MEASURE_ALLOCATIONS },
		{ "max-temporary", required_argument, NULL, OPT_LIMIT + HT_MEASURE_TEMPORARY },
		{ "baseline", required_argument, NULL, OPT_BASELINE },
		{ "tolerance", required_argument, NULL, OPT_TOLERANCE },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "github", no_argument, NULL, OPT_GITHUB },
		{ "junit", required_argument, NULL, OPT_JUNIT },
		{ "markdown", required_argument, NULL, OPT_MARKDOWN },
		{ "sarif", required_argument, NULL, OPT_SARIF },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool has_limit = false;
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
		case OPT_TOLERANCE: is_good = ht_option_pct(optarg, &o->tolerance); break;
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
			is_good = parse_limit(optarg, (enum ht_measure)(c - OPT_LIMIT),
			                      &o->limits[c - OPT_LIMIT]);
			has_limit = true;
		}
		if (!is_good)
			return ht_cmd_usage("check", "\"%s\" is no value for this option", optarg);
	}
	if (!has_limit && o->n_baselines == 0)
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
	struct ht_budget_verdict verdicts[HT_BUDGET_MAX_VERDICTS];
	size_t n = ht_budget_judge(question, verdicts);
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
	return ht_cmd_finish_stdout(status);
}

/* Options are in argv[1] to argv[optind - 1], traces behind them. */
static int check(int argc, char **argv, const struct options *options)
{
	struct options o = *options;
	int status;

	size_t n_runs = (size_t)(argc - optind);
	size_t n = n_runs + o.n_baselines;
	const char **paths = ht_xalloc_zeroed(n, sizeof(*paths));
	struct ht_trace_runs runs = { 0 };

	for (size_t i = 0; i < n; i++)
		paths[i] = i < n_runs ? argv[(size_t)optind + i] : o.baselines[i - n_runs];

	const char *refused = ht_trace_runs_load(&runs, paths, n, true);

	if (refused) {
		ht_cmd_complain("%s cannot be checked", refused);
		status = HT_EXIT_UNREADABLE;
	} else {
		struct ht_budget_question question = {
			.runs = runs.named,
			.n_runs = n_runs,
			.baselines = runs.named + n_runs,
			.n_baselines = o.n_baselines,
			.tolerance = o.tolerance,
		};

		memcpy(question.limits, o.limits, sizeof(question.limits));
		status = answer(&o, &question);
	}
	ht_trace_runs_done(&runs);
	free(paths);
	return status;
}

int ht_cmd_check(int argc, char **argv)
{
	struct options o = { .tolerance = DEFAULT_TOLERANCE, .out = stdout };
	bool is_done;
	int status = parse(argc, argv, &o, &is_done);

	if (status != HT_EXIT_OK || is_done)
		return ht_cmd_finish_stdout(status);
	return check(argc, argv, &o);
}

bool ht_cmd_check_understands(int argc, char **argv)
{
	struct options o = { 0 };
	bool is_done;

	optind = 0; /* getopt begins anew */
	return parse(argc, argv, &o, &is_done) == HT_EXIT_OK;
}

int ht_cmd_check_recorded(int argc, char **argv)
{
	struct options o = { .tolerance = DEFAULT_TOLERANCE, .out = stderr };
	bool is_done;

	optind = 0;

	int status = parse(argc, argv, &o, &is_done);

	return status == HT_EXIT_OK ? check(argc, argv, &o) : status;
}
