/* SPDX-License-Identifier: MIT */
/* heaptide index: checkpoints in a trace, so that parts of it need not be read from its beginning. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/cmd/trace_replace.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>

/* What a report of a window reads in vain, at most: some tenths of a second. */
#define DEFAULT_EVENTS 8000000u

static const char usage[] =
        "Usage: heaptide index [OPTIONS] TRACE\n"
        "\n"
        "Put checkpoints into TRACE: what was live at some moments. `heaptide report --from T` and "
        "`--at T`\n"
        "then read from the last one before T, not from the beginning of the trace. Worth its "
        "while "
        "when\n"
        "several questions are asked about a trace of 100 million events or more.\n"
        "\n"
        "  -e, --every=N      events from one checkpoint to the next (8000000)\n"
        "  -o, --output=FILE  write the trace there (default: TRACE itself, replaced at once)\n"
        "  -f, --force        replace FILE when it exists\n"
        "  -h, --help\n";

struct index {
	const char *trace_path;
	const char *output; /* NULL: the trace itself */
	bool is_forced;
	uint64_t n_every;

	struct ht_trace_input input;
	struct ht_block_writer *blocks; /* while writing */
	uint64_t n_checkpoints;
	enum ht_err err;
	struct ht_diag *diag;
};

static bool parse(int argc, char **argv, struct index *x, int *ret_status)
{
	static const struct option longs[] = {
		{ "every", required_argument, NULL, 'e' },
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'f' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, ":e:o:fh", longs, NULL)) != -1) {
		switch (c) {
		case 'e':
			if (!ht_option_u64(optarg, &x->n_every) || x->n_every == 0) {
				*ret_status = ht_cmd_usage("index", "\"%s\" is no number of events",
				                           optarg);
				return false;
			}
			break;
		case 'o': x->output = optarg; break;
		case 'f': x->is_forced = true; break;
		case 'h':
			fputs(usage, stdout);
			*ret_status = HT_EXIT_OK;
			return false;
		default: *ret_status = ht_option_complain("index", c, argv); return false;
		}
	}
	*ret_status = ht_option_path("index", argc, argv, &x->trace_path);
	return *ret_status == HT_EXIT_OK;
}

static bool put_checkpoint(void *context, const struct ht_replay_checkpoint *checkpoint)
{
	struct index *x = context;
	const struct ht_block_meta meta = {
		.type = HT_BLOCK_CHECKPOINT,
		.n_items = checkpoint->n_live,
		.has_ticks = true,
		.first_tick = checkpoint->tick,
		.last_tick = checkpoint->tick,
	};

	x->err = ht_block_writer_put(x->blocks, &meta, checkpoint->body, checkpoint->n_bytes,
	                             x->diag);
	x->n_checkpoints += x->err == HT_OK;
	return x->err == HT_OK;
}

static enum ht_err add_checkpoints(void *context, struct ht_block_writer *blocks,
                                   struct ht_diag *diag)
{
	struct index *x = context;
	const struct ht_replay_options options = {
		.short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT,
		.checkpoint = put_checkpoint,
		.checkpoint_context = x,
		.events_per_checkpoint = x->n_every,
	};
	struct ht_results results;

	x->blocks = blocks;
	x->diag = diag;
	x->err = HT_OK;
	ht_trace_input_replay(&x->input, &options, &results);
	ht_results_done(&results);
	return x->err;
}

static int make_index(struct index *x)
{
	char n[HT_HUMAN_BYTES];

	if (ht_trace_replace_is_lossy(x->input.file)) {
		ht_cmd_complain("%s is damaged (see: heaptide verify) and was not changed",
		                x->trace_path);
		return HT_EXIT_FAILED;
	}
	char *path = ht_trace_replace_path(x->trace_path, x->output, x->is_forced);
	bool is_written = path && ht_trace_replace(x->trace_path, x->input.file, path,
	                                           HT_BLOCK_CHECKPOINT, add_checkpoints, x);

	free(path);
	if (!is_written)
		return HT_EXIT_FAILED;
	ht_cmd_complain("%s checkpoint%s", ht_human_count(n, x->n_checkpoints),
	                x->n_checkpoints == 1 ? "" : "s");
	return HT_EXIT_OK;
}

int ht_cmd_index(int argc, char **argv)
{
	struct index x = { .n_every = DEFAULT_EVENTS };
	int status;

	if (!parse(argc, argv, &x, &status))
		return ht_cmd_finish_stdout(status);
	if (!ht_trace_input_open(&x.input, x.trace_path, false))
		return HT_EXIT_FAILED;
	if (x.input.is_being_recorded) {
		ht_cmd_complain("%s is still being recorded", x.trace_path);
		status = HT_EXIT_FAILED;
	} else {
		status = make_index(&x);
	}
	ht_trace_input_close(&x.input);
	return status;
}
