/* SPDX-License-Identifier: MIT */
/* heaptide import: a trace of heaptrack as one of heaptide. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/import/heaptrack_import.h"
#include "analyzer/record/trace_output.h"

#include <getopt.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

static const char usage[] = "Usage: heaptide import [OPTIONS] FILE\n"
                            "\n"
                            "Make a trace of what heaptrack 1.3 or later wrote "
                            "(heaptrack.PROGRAM.PID.zst or .gz), for report "
                            "and\n"
                            "all other commands. Allocations, peak and leaks are those of "
                            "heaptrack_print. heaptrack knows less:\n"
                            "times are of 10 ms, all threads are one, a realloc is a free and an "
                            "allocation, and a free names only "
                            "the\n"
                            "size and the stack of its block: the newest such block is taken.\n"
                            "\n"
                            "  -o, --output FILE  the new trace (heaptide.PROGRAM.PID.zst)\n"
                            "  -f, --force        replace it when it is there\n"
                            "  -h, --help\n";

#define INPUT_PREFIX "heaptrack."

/* heaptrack.PROGRAM.PID.gz becomes heaptide.PROGRAM.PID.zst, in the current directory. */
static bool default_output(const char *path, struct ht_strbuf *ret_output)
{
	const char *slash = strrchr(path, '/');
	const char *name = slash ? slash + 1 : path;

	if (strncmp(name, INPUT_PREFIX, strlen(INPUT_PREFIX)) != 0)
		return false;
	name += strlen(INPUT_PREFIX);

	const char *dot = strrchr(name, '.');
	bool is_packed = dot && (strcmp(dot, ".gz") == 0 || strcmp(dot, ".zst") == 0);

	ht_strbuf_add_str(ret_output, "heaptide.");
	ht_strbuf_add(ret_output, name, is_packed ? (size_t)(dot - name) : strlen(name));
	ht_strbuf_add_str(ret_output, ".zst");
	return true;
}

static int import(const char *path, const char *output_path, enum ht_taken taken)
{
	struct ht_trace_output output;
	struct ht_heaptrack_counts counts;
	struct ht_diag diag = { 0 };
	char buf[2][HT_HUMAN_BYTES];
	enum ht_err err;

	if (access(path, R_OK) < 0) {
		perror("heaptide: cannot open the trace of heaptrack");
		return HT_EXIT_FAILED;
	}
	err = ht_trace_output_init(&output, output_path, taken, &diag);
	if (err) {
		ht_cmd_complain("%s", diag.msg);
		return HT_EXIT_FAILED;
	}
	err = ht_heaptrack_import(path, output.fd, &counts, &diag);
	if (err) {
		ht_cmd_complain("%s: %s", path, diag.msg);
		ht_trace_output_discard(&output);
	} else {
		ht_cmd_complain("%s allocations, %s frees",
		                ht_human_count(buf[0], counts.n_allocations),
		                ht_human_count(buf[1], counts.n_frees));
		if (counts.n_unmatched_frees)
			ht_cmd_complain("%s frees of blocks that were never allocated are left out",
			                ht_human_count(buf[0], counts.n_unmatched_frees));
		ht_cmd_complain("next: heaptide report %s", output.path);
	}
	ht_trace_output_done(&output);
	return err ? HT_EXIT_FAILED : HT_EXIT_OK;
}

int ht_cmd_import(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	enum ht_taken taken = HT_TAKEN_REFUSE;
	struct ht_strbuf name = { 0 };
	const char *output = NULL, *path;
	int c, status;

	while ((c = getopt_long(argc, argv, ":o:fh", longs, NULL)) != -1) {
		switch (c) {
		case 'o': output = optarg; break;
		case 'f': taken = HT_TAKEN_REPLACE; break;
		case 'h': fputs(usage, stdout); return ht_cmd_finish_stdout(HT_EXIT_OK);
		default: return ht_option_complain("import", c, argv);
		}
	}
	status = ht_option_path("import", argc, argv, &path);
	if (status)
		return status;
	if (!output && !default_output(path, &name))
		return ht_cmd_usage("import",
		                    "what should the new trace be called? Say so with -o");
	status = import(path, output ? output : ht_strbuf_str(&name), taken);
	ht_strbuf_done(&name);
	return status;
}
