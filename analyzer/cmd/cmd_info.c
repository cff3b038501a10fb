/* SPDX-License-Identifier: MIT */
/* heaptide info: what is in a trace file. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/read/block_prefix.h"
#include "analyzer/replay/replay.h"
#include "analyzer/report/json_writer.h"
#include "analyzer/report/mark_output.h"
#include "analyzer/report/report.h"
#include "analyzer/report/stack_names.h"
#include "analyzer/report/text_page.h"

#include <getopt.h>
#include <stdio.h>
#include <time.h>

#define LABEL_COLUMNS 14u

static const char usage[] =
        "Usage: heaptide info [--coverage] [--json] TRACE\n"
        "\n"
        "Tell what is in a trace file: who recorded what, when and where, which processes and\n"
        "blocks there are, and what the recording says about itself. Events are not read.\n"
        "\n"
        "      --coverage  only what the recording did not see, in full: reads the events, too\n"
        "      --json      schema heaptide.info/1; with --coverage heaptide.coverage/1\n"
        "  -h, --help\n";

static const char *const counter_names[HT_N_COUNTERS] = {
	[HT_COUNTER_UNKNOWN_FREES] = "unknown_frees",
	[HT_COUNTER_NESTED_CALLS] = "nested_calls",
	[HT_COUNTER_LOST_EVENTS] = "lost_events",
	[HT_COUNTER_UNTRACKED_ADDRS] = "untracked_addresses",
	[HT_COUNTER_EARLY_BLOCKS] = "early_blocks",
	[HT_COUNTER_STACKS_COMPARED] = "stacks_compared",
	[HT_COUNTER_STACKS_DIFFERING] = "stacks_differing",
	[HT_COUNTER_WAITS] = "waits",
	[HT_COUNTER_PAUSED_ALLOCS] = "paused_allocations",
	[HT_COUNTER_PAUSED_BYTES] = "paused_bytes",
};

static const char *type_name(int type)
{
	const char *name = ht_block_type_name((unsigned)type);

	return name ? name : "unknown"; /* the model counts these under HT_N_BLOCK_TYPES */
}

static const char *recording_end_text(const struct ht_recording *r)
{
	if (!r->has_end)
		return "unfinished";
	switch (r->end) {
	case HT_RECORD_COMPLETE: return "complete";
	case HT_RECORD_INTERRUPTED: return "interrupted";
	case HT_RECORD_DISK: return "the file could not grow";
	case HT_RECORD_LIMIT: return "the size limit was reached";
	default: return "unknown";
	}
}

static const char *clock_text(const struct ht_recording *r)
{
	return r->clock_kind == HT_CLOCK_TSC         ? "TSC"
	       : r->clock_kind == HT_CLOCK_MONOTONIC ? "CLOCK_MONOTONIC"
	                                             : "unknown";
}

static double bytes_per_event(const struct ht_trace_input *input)
{
	uint64_t n = input->model.n_events;

	return n ? (double)ht_trace_file_n_bytes(input->file) / (double)n : 0;
}

static void label(struct ht_text_page *page, const char *text)
{
	ht_text_put(page, HT_PAINT_DIM, text);
	ht_text_to_column(page, LABEL_COLUMNS);
}

static void print_recording(struct ht_text_page *page, const struct ht_trace_input *input)
{
	const struct ht_recording *r = &input->model.recording;
	char a[HT_HUMAN_BYTES], b[HT_HUMAN_BYTES], when[64] = "?";
	time_t seconds = (time_t)(r->realtime_ns / 1000000000u);
	struct tm tm;

	if (r->is_known) {
		if (localtime_r(&seconds, &tm))
			strftime(when, sizeof(when), "%Y-%m-%d %H:%M:%S %z", &tm);
		label(page, "command");
		for (uint32_t i = 0; i < r->argc; i++)
			ht_text_putf(page, HT_PAINT_STRONG, "%s%s", i ? " " : "", r->argv[i]);
		ht_text_end_line(page);
		label(page, "directory");
		ht_text_put(page, HT_PAINT_PLAIN, r->working_directory);
		ht_text_end_line(page);
		label(page, "recorded");
		ht_text_putf(page, HT_PAINT_PLAIN, "%s on %s (%s) by heaptide %s, format %llu",
		             when, r->host, r->machine, r->recorder_version,
		             (unsigned long long)r->version);
		ht_text_end_line(page);
		label(page, "clock");
		double tick_us = (double)input->model.clock.slope_ns /
		                 (double)input->model.clock.slope_ticks / 1e3;

		ht_text_putf(page, HT_PAINT_PLAIN, "%s, a tick is %.3f us", clock_text(r), tick_us);
		if (r->tolerance_ticks)
			ht_text_putf(page, HT_PAINT_PLAIN, ", times within %.1f us",
			             (double)r->tolerance_ticks * tick_us);
		ht_text_end_line(page);
	}
	label(page, "recording");
	ht_text_putf(page, HT_PAINT_PLAIN, "%s%s%s%s", recording_end_text(r),
	             input->is_being_recorded ? ", still being recorded" : "",
	             r->end_reason[0] ? ": " : "", r->end_reason);
	ht_text_end_line(page);
	label(page, "events");
	ht_text_putf(page, HT_PAINT_PLAIN, "%s, %.2f bytes of file each",
	             ht_human_count(a, input->model.n_events), bytes_per_event(input));
	ht_text_end_line(page);
	label(page, "stacks");
	ht_text_putf(page, HT_PAINT_PLAIN, "%s nodes, %s distinct frames",
	             ht_human_count(a, input->model.stacks.n_nodes),
	             ht_human_count(b, input->model.stacks.n_frames));
	ht_text_end_line(page);
	if (input->model.misuses.n_misuses) {
		label(page, "misuse");
		ht_text_putf(page, HT_PAINT_PLAIN, "%s frees of what was no block: report --misuse",
		             ht_human_count(a, input->model.misuses.n_misuses));
		ht_text_end_line(page);
	}
	label(page, "modules");
	ht_text_putf(page, HT_PAINT_PLAIN, "%s files, mapped %s times",
	             ht_human_count(a, input->model.modules.n_images),
	             ht_human_count(b, input->model.modules.n_modules));
	ht_text_end_line(page);
}

static void print_processes(struct ht_text_page *page, const struct ht_trace_input *input)
{
	const struct ht_process_list *list = &input->model.processes;
	char ended[HT_ENDED_BYTES], a[HT_HUMAN_BYTES], b[HT_HUMAN_BYTES];

	ht_text_heading(page, "PROCESSES");
	ht_text_end_line(page);
	for (size_t i = 0; i < list->n_processes; i++) {
		const struct ht_process *p = &list->processes[i];

		ht_text_putf(page, HT_PAINT_PLAIN, "pid %u", p->pid);
		ht_text_to_column(page, LABEL_COLUMNS);
		ht_text_putf(page, HT_PAINT_PLAIN, "%s: %s %s, %s", p->exe[0] ? p->exe : "?",
		             p->start_kind == HT_START_FORK ? "forked at" : "started at",
		             ht_human_ns(a, ht_tick_clock_ns(&input->model.clock, p->start_tick)),
		             ht_report_ended(p, ended));
		if (p->has_end)
			ht_text_putf(
			        page, HT_PAINT_PLAIN, " at %s",
			        ht_human_ns(b, ht_tick_clock_ns(&input->model.clock, p->end_tick)));
		if (p->allocator[0])
			ht_text_putf(page, HT_PAINT_PLAIN, "; malloc is that of %s", p->allocator);
		ht_text_end_line(page);
		for (int c = 0; c < HT_N_COUNTERS; c++) {
			if (p->counters[c] == 0)
				continue;
			ht_text_to_column(page, LABEL_COLUMNS);
			ht_text_putf(
			        page, HT_PAINT_DIM, "  %s %s%s", ht_human_count(a, p->counters[c]),
			        counter_names[c] ? counter_names[c] : "stacks cut: ",
			        counter_names[c]
			                ? ""
			                : ht_truncation_text((uint32_t)c - HT_COUNTER_TRUNCATED));
			ht_text_end_line(page);
		}
	}
}

static void print_marks(struct ht_text_page *page, const struct ht_trace_input *input)
{
	if (!input->model.marks.n_marks)
		return;
	ht_text_heading(page, "MARKS");
	ht_text_marks(page, &input->model, SIZE_MAX);
}

static void print_blocks(struct ht_text_page *page, const struct ht_trace_input *input)
{
	char text[HT_HUMAN_BYTES];

	ht_text_heading(page, "BLOCKS");
	ht_text_put_right(page, HT_PAINT_DIM, "number", LABEL_COLUMNS + 8);
	ht_text_put_right(page, HT_PAINT_DIM, "bytes", LABEL_COLUMNS + 24);
	ht_text_end_line(page);
	for (int t = 0; t <= HT_N_BLOCK_TYPES; t++) {
		if (input->model.n_blocks[t] == 0)
			continue;
		ht_text_put(page, HT_PAINT_PLAIN, type_name(t));
		ht_text_put_right(page, HT_PAINT_PLAIN,
		                  ht_human_count(text, input->model.n_blocks[t]),
		                  LABEL_COLUMNS + 8);
		ht_text_put_right(page, HT_PAINT_PLAIN,
		                  ht_human_count(text, input->model.block_bytes[t]),
		                  LABEL_COLUMNS + 24);
		ht_text_end_line(page);
	}
	ht_text_put(page, HT_PAINT_DIM, "whole file");
	ht_text_put_right(page, HT_PAINT_PLAIN,
	                  ht_human_count(text, ht_trace_file_n_bytes(input->file)),
	                  LABEL_COLUMNS + 24);
	ht_text_end_line(page);
}

static void print_json_process(struct ht_json_writer *json, const struct ht_trace_input *input,
                               const struct ht_process *p)
{
	char ended[HT_ENDED_BYTES];

	ht_json_begin_object(json);
	ht_json_put_u64(json, "serial", p->serial);
	ht_json_put_u64(json, "pid", p->pid);
	ht_json_put_u64(json, "ppid", p->ppid);
	ht_json_put_string(json, "path", p->exe[0] ? p->exe : NULL);
	ht_json_put_string(json, "allocator", p->allocator[0] ? p->allocator : NULL);
	ht_json_put_string(json, "started", p->start_kind == HT_START_FORK ? "fork" : "exec");
	ht_json_put_u64(json, "start_ns", ht_tick_clock_ns(&input->model.clock, p->start_tick));
	ht_json_put_string(json, "ended", ht_report_ended(p, ended));
	ht_json_key(json, "end_ns");
	if (p->has_end)
		ht_json_u64(json, ht_tick_clock_ns(&input->model.clock, p->end_tick));
	else
		ht_json_null(json);
	ht_json_key(json, "command");
	ht_json_begin_array(json);
	for (uint32_t i = 0; i < p->argc; i++)
		ht_json_string(json, p->argv[i]);
	ht_json_end_array(json);
	ht_json_key(json, "counters");
	ht_json_begin_object(json);
	for (int c = 0; c < HT_N_COUNTERS; c++) {
		if (counter_names[c])
			ht_json_put_u64(json, counter_names[c], p->counters[c]);
	}
	ht_json_key(json, "truncated_stacks");
	ht_json_begin_object(json);
	for (uint32_t t = 1; t < HT_N_TRUNC; t++) {
		if (p->counters[HT_COUNTER_TRUNCATED + t])
			ht_json_put_u64(json, ht_truncation_text(t),
			                p->counters[HT_COUNTER_TRUNCATED + t]);
	}
	ht_json_end_object(json);
	ht_json_end_object(json);
	ht_json_end_object(json);
}

static void print_json(const struct ht_trace_input *input)
{
	const struct ht_recording *r = &input->model.recording;
	struct ht_json_writer json = ht_json_writer_init(stdout);

	ht_json_begin_object(&json);
	ht_json_put_string(&json, "schema", "heaptide.info/1");
	ht_json_put_u64(&json, "format", r->version);
	ht_json_put_string(&json, "recorder", r->is_known ? r->recorder_version : NULL);
	ht_json_put_string(&json, "host", r->is_known ? r->host : NULL);
	ht_json_put_string(&json, "machine", r->is_known ? r->machine : NULL);
	ht_json_put_string(&json, "directory", r->is_known ? r->working_directory : NULL);
	ht_json_put_u64(&json, "realtime_ns", r->realtime_ns);
	ht_json_put_string(&json, "clock", clock_text(r));
	ht_json_put_u64(&json, "times_within_ns",
	                ht_tick_clock_span_ns(&input->model.clock, r->tolerance_ticks));
	ht_json_key(&json, "command");
	ht_json_begin_array(&json);
	for (uint32_t i = 0; i < r->argc; i++)
		ht_json_string(&json, r->argv[i]);
	ht_json_end_array(&json);
	ht_json_put_string(&json, "recording", recording_end_text(r));
	ht_json_put_bool(&json, "being_recorded", input->is_being_recorded);
	ht_json_put_u64(&json, "file_bytes", ht_trace_file_n_bytes(input->file));
	ht_json_put_u64(&json, "events", input->model.n_events);
	ht_json_put_double(&json, "bytes_per_event", bytes_per_event(input));
	ht_json_put_u64(&json, "nodes", input->model.stacks.n_nodes);
	ht_json_put_u64(&json, "frames", input->model.stacks.n_frames);
	ht_json_marks(&json, &input->model);
	ht_json_put_u64(&json, "misuses", input->model.misuses.n_misuses);
	ht_json_put_u64(&json, "files", input->model.modules.n_images);
	ht_json_put_u64(&json, "damaged_places", ht_trace_file_n_damages(input->file));
	ht_json_key(&json, "blocks");
	ht_json_begin_object(&json);
	for (int t = 1; t <= HT_N_BLOCK_TYPES; t++) {
		if (input->model.n_blocks[t] == 0)
			continue;
		ht_json_key(&json, type_name(t));
		ht_json_begin_object(&json);
		ht_json_put_u64(&json, "number", input->model.n_blocks[t]);
		ht_json_put_u64(&json, "bytes", input->model.block_bytes[t]);
		ht_json_end_object(&json);
	}
	ht_json_end_object(&json);
	ht_json_key(&json, "processes");
	ht_json_begin_array(&json);
	for (size_t i = 0; i < input->model.processes.n_processes; i++)
		print_json_process(&json, input, &input->model.processes.processes[i]);
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	putchar('\n');
}

static void print_text(const struct ht_trace_input *input)
{
	struct ht_text_style style = ht_option_style(HT_COLOR_AUTO);

	style.n_columns = UINT32_MAX;
	struct ht_text_page page = ht_text_page_init(stdout, &style);

	print_recording(&page, input);
	print_processes(&page, input);
	print_marks(&page, input);
	print_blocks(&page, input);
}

static void print_coverage(struct ht_trace_input *input, bool is_json)
{
	const struct ht_replay_options replay = { .short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT };
	struct ht_results results;

	ht_trace_input_replay(input, &replay, &results);

	const struct ht_report report = {
		.file = input->file,
		.model = &input->model,
		.results = &results,
		.is_being_recorded = input->is_being_recorded,
	};
	const struct ht_text_style style = ht_option_style(HT_COLOR_AUTO);

	if (is_json)
		ht_report_coverage_json(&report, stdout);
	else
		ht_report_coverage_text(&report, &style, stdout);
	ht_results_done(&results);
}

int ht_cmd_info(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "coverage", no_argument, NULL, 'c' },
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	struct ht_trace_input input;
	bool is_json = false, is_coverage = false;
	const char *path;
	int c;

	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		switch (c) {
		case 'c': is_coverage = true; break;
		case 'j': is_json = true; break;
		case 'h': fputs(usage, stdout); return ht_cmd_finish_stdout(HT_EXIT_OK);
		default: return ht_option_complain("info", c, argv);
		}
	}
	int status = ht_option_path("info", argc, argv, &path);

	if (status)
		return status;
	if (!ht_trace_input_open(&input, path, false))
		return HT_EXIT_FAILED;
	if (is_coverage)
		print_coverage(&input, is_json);
	else if (is_json)
		print_json(&input);
	else
		print_text(&input);
	status = ht_cmd_finish_stdout(HT_EXIT_OK);
	ht_trace_input_warn(&input, path);
	ht_trace_input_close(&input);
	return status;
}
