/* SPDX-License-Identifier: MIT */
/* What all commands that read a trace do first. Analyzer. */
#include "analyzer/cmd/trace_input.h"

#include "analyzer/cmd/cmd.h"
#include "analyzer/export/sum_stream.h"

#include <stdio.h>
#include <time.h>
#include <unistd.h>

#define POLL_NS           20000000L
#define FIRST_PROGRESS_NS 700000000u
#define PROGRESS_NS       200000000u

static bool wait_for_recorder(const char *path)
{
	const struct timespec pause = { .tv_nsec = POLL_NS };
	time_t give_up = time(NULL) + HT_INPUT_WAIT_SECONDS;
	bool has_told = false;

	while (ht_trace_file_is_being_recorded(path)) {
		if (time(NULL) >= give_up)
			return true;
		if (!has_told && isatty(STDERR_FILENO))
			ht_cmd_complain("%s is still being recorded; waiting up to %d s", path,
			                HT_INPUT_WAIT_SECONDS);
		has_told = true;
		nanosleep(&pause, NULL);
	}
	return false;
}

bool ht_trace_input_open(struct ht_trace_input *input, const char *path, bool is_scanning)
{
	struct ht_diag diag;

	*input = (struct ht_trace_input){ .is_being_recorded = wait_for_recorder(path) };
	enum ht_err err = is_scanning ? ht_trace_file_open_scanning(path, &input->file, &diag)
	                              : ht_trace_file_open(path, &input->file, &diag);

	if (!err)
		err = ht_trace_model_load(&input->model, input->file, &diag);
	if (err) {
		if (err == HT_ERR_NOT_A_TRACE && ht_sum_is_sum(path))
			ht_cmd_complain("%s is a summary, not a trace: heaptide report, diff, "
			                "export and merge read it",
			                path);
		else if (err == HT_ERR_NOT_A_TRACE)
			ht_cmd_complain("%s; a trace is what heaptide record writes, or heaptide "
			                "import of what heaptrack wrote",
			                diag.msg);
		else
			ht_cmd_complain("%s", diag.msg);
		ht_trace_file_close(input->file);
		input->file = NULL;
		return false;
	}
	return true;
}

/* When the line is next worth writing, in CLOCK_MONOTONIC ns. */
struct progress {
	uint64_t tell_at_ns;
	bool has_told;
};

static uint64_t now_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

static void tell_progress(void *context, uint64_t n_done, uint64_t n_all)
{
	struct progress *progress = context;
	uint64_t now = now_ns();

	if (now < progress->tell_at_ns)
		return;
	fprintf(stderr, "\rheaptide: %3u %% of %llu events read ",
	        (unsigned)((double)n_done * 100 / (double)(n_all ? n_all : 1)),
	        (unsigned long long)n_all);
	fflush(stderr);
	progress->has_told = true;
	progress->tell_at_ns = now + PROGRESS_NS;
}

void ht_trace_input_replay(struct ht_trace_input *input, const struct ht_replay_options *options,
                           struct ht_results *ret_results)
{
	struct progress progress = { .tell_at_ns = now_ns() + FIRST_PROGRESS_NS };
	struct ht_replay_options telling = *options;

	telling.progress = isatty(STDERR_FILENO) ? tell_progress : NULL;
	telling.progress_context = &progress;
	ht_replay_run(input->file, &input->model, &telling, ret_results);
	if (progress.has_told)
		fputs("\r\033[K", stderr);
}

void ht_trace_input_close(struct ht_trace_input *input)
{
	if (!input || !input->file)
		return;
	ht_trace_model_done(&input->model);
	ht_trace_file_close(input->file);
	input->file = NULL;
}

void ht_trace_input_warn(const struct ht_trace_input *input, const char *path)
{
	size_t n_kept;
	uint64_t n_damages = ht_trace_file_n_damages(input->file);
	const struct ht_diag *damages = ht_trace_file_damages(input->file, &n_kept);

	if (input->is_being_recorded)
		ht_cmd_complain("%s is still being recorded; this is what is there by now", path);
	else if (ht_trace_file_end(input->file) == HT_FILE_END_MISSING)
		ht_cmd_complain("%s has no end: the recorder was killed, or the file was cut",
		                path);
	if (n_damages > 0 && !input->is_being_recorded)
		ht_cmd_complain(
		        "%s is damaged at %llu place%s; the first: %s (see: heaptide verify)", path,
		        (unsigned long long)n_damages, n_damages == 1 ? "" : "s", damages[0].msg);
}
