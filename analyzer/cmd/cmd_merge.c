/* SPDX-License-Identifier: MIT */
/* heaptide merge: one summary of many recordings. Analyzer. */
#include "analyzer/base/xalloc.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/output_file.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/cmd/trace_symbols.h"
#include "analyzer/export/sum.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
        "Usage: heaptide merge [OPTIONS] -o SUMMARY TRACE|SUMMARY...\n"
        "\n"
        "Sum up recordings, of many hosts and days, in one small file. Places are matched by the\n"
        "names of functions and modules; their numbers add up, and nothing is left out. In which\n"
        "order and groups summaries are merged does not matter: the file is the same, byte for "
        "byte.\n"
        "heaptide report, diff and export read it. It has no times within a recording.\n"
        "\n"
        "  -o, --output FILE  write there\n"
        "      --short-lived N  " HT_OPTION_SHORT_LIVED_HELP "\n"
        "  -h, --help\n";

/* Files that are read at once; more are merged in groups first, which changes nothing. */
#define MAX_AT_ONCE 64u

struct options {
	struct ht_replay_options replay;
	const char *output;
};

/* A file to be merged: one of the user's, or one of ours without a name. */
struct source {
	FILE *file; /* NULL: path is opened when it is its turn */
	const char *path;
};

static int parse(int argc, char **argv, struct options *o, bool *ret_is_done)
{
	enum { OPT_SHORT_LIVED = 256 };
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "short-lived", required_argument, NULL, OPT_SHORT_LIVED },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*ret_is_done = false;
	while ((c = getopt_long(argc, argv, ":o:h", longs, NULL)) != -1) {
		switch (c) {
		case 'o': o->output = optarg; break;
		case OPT_SHORT_LIVED:
			if (!ht_option_short_lived(optarg, &o->replay))
				return ht_cmd_usage("merge", "\"%s\" is no value for this option",
				                    optarg);
			break;
		case 'h':
			fputs(usage, stdout);
			*ret_is_done = true;
			return ht_cmd_finish_stdout(HT_EXIT_OK);
		default: return ht_option_complain("merge", c, argv);
		}
	}
	if (optind == argc)
		return ht_cmd_usage("merge", "which traces or summaries?");
	if (!o->output && isatty(STDOUT_FILENO))
		return ht_cmd_usage("merge",
		                    "a summary is not for a terminal: name a file with -o");
	return HT_EXIT_OK;
}

/* A file without a name, for what is between; NULL after a complaint. */
static FILE *make_temporary(void)
{
	const char *directory = getenv("TMPDIR");
	char path[4096];
	FILE *file = NULL;
	int fd;

	snprintf(path, sizeof(path), "%s/heaptide.XXXXXX",
	         directory && *directory ? directory : "/tmp");
	fd = mkstemp(path);
	if (fd >= 0) {
		unlink(path);
		file = fdopen(fd, "w+");
	}
	if (!file)
		ht_cmd_complain("cannot write %s: %s (TMPDIR says where)", path, strerror(errno));
	return file;
}

/* Done with writing: to be read from its beginning. False after a complaint. */
static bool rewind_temporary(FILE *file)
{
	if (fflush(file) == 0 && !ferror(file) && fseek(file, 0, SEEK_SET) == 0)
		return true;
	ht_cmd_complain("cannot write a temporary file: %s (TMPDIR says where)", strerror(errno));
	return false;
}

/* The sum of one trace; NULL after a complaint. */
static FILE *sum_trace(const char *path, const struct options *o)
{
	struct ht_trace_input input;
	struct ht_results results;
	FILE *file;

	if (!ht_trace_input_open(&input, path, false))
		return NULL;
	file = make_temporary();
	if (!file) {
		ht_trace_input_close(&input);
		return NULL;
	}
	ht_trace_input_replay(&input, &o->replay, &results);

	struct ht_stored_symbols *stored = ht_trace_symbols_load(&input);
	struct ht_symbolizer *symbolizer = ht_symbolizer_new();

	ht_symbolizer_set_stored(symbolizer, stored, false);
	ht_sum_make(input.file, &input.model, &results, symbolizer, file);
	ht_trace_input_warn(&input, path);
	ht_symbolizer_free(symbolizer);
	ht_stored_symbols_free(stored);
	ht_results_done(&results);
	ht_trace_input_close(&input);
	if (rewind_temporary(file))
		return file;
	fclose(file);
	return NULL;
}

/* Merge n sources, which are used up. False after a complaint. */
static bool merge_sources(struct source *sources, size_t n, const struct options *o, FILE *out)
{
	struct ht_sum_input *inputs = ht_xalloc_zeroed(n, sizeof(*inputs));
	struct ht_diag diag;
	bool is_good = true;

	for (size_t i = 0; i < n && is_good; i++) {
		FILE *file = sources[i].file;

		sources[i].file = NULL;
		if (!file && ht_sum_is_sum(sources[i].path)) {
			file = fopen(sources[i].path, "r");
			if (!file)
				ht_cmd_complain("%s: %s", sources[i].path, strerror(errno));
		} else if (!file) {
			file = sum_trace(sources[i].path, o);
		}
		is_good = file;
		if (file && ht_sum_input_open(&inputs[i], file, sources[i].path, &diag)) {
			ht_cmd_complain("%s", diag.msg);
			is_good = false;
		}
	}
	if (is_good && ht_sum_merge(inputs, n, out, &diag)) {
		ht_cmd_complain("%s", diag.msg);
		is_good = false;
	}
	for (size_t i = 0; i < n; i++)
		ht_sum_input_close(&inputs[i]);
	free(inputs);
	return is_good;
}

static bool merge_all(struct source *sources, size_t n, const struct options *o, FILE *out)
{
	size_t first = 0;

	while (n - first > MAX_AT_ONCE) {
		FILE *file = make_temporary();

		if (!file)
			return false;
		if (!merge_sources(&sources[first], MAX_AT_ONCE, o, file) ||
		    !rewind_temporary(file)) {
			fclose(file);
			return false;
		}
		first += MAX_AT_ONCE;
		sources[n++] = (struct source){ file, "a temporary file" };
	}
	return merge_sources(&sources[first], n - first, o, out);
}

int ht_cmd_merge(int argc, char **argv)
{
	struct options o = { .replay = { .short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT,
		                         .has_log_counts = true } };
	struct ht_output_file output;
	bool is_done;
	int status = parse(argc, argv, &o, &is_done);

	if (status != HT_EXIT_OK || is_done)
		return status;

	size_t n = (size_t)(argc - optind);
	/* A group makes one more, and leaves fewer than there were. */
	struct source *sources = ht_xalloc_zeroed(2 * n, sizeof(*sources));

	for (size_t i = 0; i < n; i++) {
		sources[i].path = argv[optind + (int)i];
		if (!ht_output_file_spares(o.output, sources[i].path)) {
			free(sources);
			return HT_EXIT_FAILED;
		}
	}
	if (!ht_output_file_open(&output, o.output, sources[0].path)) {
		free(sources);
		return HT_EXIT_FAILED;
	}
	if (merge_all(sources, n, &o, output.stream)) {
		status = ht_output_file_finish(&output);
	} else {
		ht_output_file_drop(&output);
		status = HT_EXIT_FAILED;
	}
	for (size_t i = 0; i < 2 * n; i++) {
		if (sources[i].file)
			fclose(sources[i].file);
	}
	free(sources);
	return status;
}
