/* SPDX-License-Identifier: MIT */
/* heaptide verify: is everything in the trace whole, and does it make sense? Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/base/strbuf.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/cmd/trace_symbols.h"
#include "analyzer/replay/checkpoint.h"
#include "analyzer/replay/replay.h"
#include "analyzer/report/json_writer.h"
#include "analyzer/report/report.h"
#include "analyzer/report/text_page.h"

#include <getopt.h>
#include <stdarg.h>
#include <stdlib.h>

static const char usage[] = "Usage: heaptide verify [--json] TRACE\n"
                            "\n"
                            "Check every block and every event of a trace, and tell how the "
                            "recorded programs ended. One line\n"
                            "for everything that is wrong. Exit status: 0 whole and complete, 1 "
                            "damaged or incomplete, 2 not\n"
                            "readable at all.\n"
                            "\n"
                            "      --json  schema heaptide.verify/1\n"
                            "  -h, --help\n";

/* More processes than these are not listed one by one. */
#define MAX_ENDS 8u

/* Everything found, in the order found. */
struct findings {
	struct ht_strbuf *lines;
	size_t n;
	size_t capacity;
};

static __attribute__((format(printf, 2, 3))) void find(struct findings *f, const char *format, ...)
{
	va_list args;

	f->lines = ht_xalloc_grow(f->lines, &f->capacity, f->n + 1, sizeof(*f->lines));
	f->lines[f->n] = (struct ht_strbuf){ 0 };
	va_start(args, format);
	ht_strbuf_vaddf(&f->lines[f->n++], format, args);
	va_end(args);
}

static void find_damages(struct findings *f, const struct ht_trace_file *file)
{
	size_t n_kept;
	const struct ht_diag *damages = ht_trace_file_damages(file, &n_kept);
	uint64_t n = ht_trace_file_n_damages(file);

	for (size_t i = 0; i < n_kept; i++) {
		struct ht_strbuf where = { 0 };

		if (damages[i].off_bytes != UINT64_MAX)
			ht_strbuf_addf(&where, "byte %llu",
			               (unsigned long long)damages[i].off_bytes);
		if (damages[i].block_seq != UINT64_MAX)
			ht_strbuf_addf(&where, "%sblock %llu", where.n_bytes ? ", " : "",
			               (unsigned long long)damages[i].block_seq);
		find(f, "%s%s%s", ht_strbuf_str(&where), where.n_bytes ? ": " : "", damages[i].msg);
		ht_strbuf_done(&where);
	}
	if (n > n_kept)
		find(f, "%llu more damaged places", (unsigned long long)(n - n_kept));
}

static void find_missing_end(struct findings *f, const struct ht_trace_input *input,
                             const struct ht_results *results)
{
	const struct ht_recording *r = &input->model.recording;

	if (input->is_being_recorded)
		find(f, "the trace is still being recorded");
	else if (ht_trace_file_end(input->file) == HT_FILE_END_MISSING)
		find(f, "the end of the trace is missing: the recorder was killed, or the file was "
		        "cut");
	else if (ht_trace_file_end(input->file) == HT_FILE_END_DAMAGED)
		find(f, "the end of the trace is damaged");
	if (!r->is_known)
		find(f, "the START block is missing or damaged");
	if (!r->has_end && !input->is_being_recorded)
		find(f, "the END block is missing or damaged");
	if (r->has_end && r->end != HT_RECORD_COMPLETE)
		find(f, "the recording stopped early: %s",
		     r->end_reason[0]                  ? r->end_reason
		     : r->end == HT_RECORD_INTERRUPTED ? "interrupted"
		     : r->end == HT_RECORD_LIMIT       ? "it reached its size limit"
		                                       : "the file could not grow");
	if (r->has_end && r->n_events != results->totals.n_events)
		find(f, "the trace says that it has %llu events, but %llu are there",
		     (unsigned long long)r->n_events, (unsigned long long)results->totals.n_events);
	if (r->has_end && r->n_processes != input->model.processes.n_processes)
		find(f, "the trace says that it has %llu processes, but %zu are there",
		     (unsigned long long)r->n_processes, input->model.processes.n_processes);
	if (results->totals.n_lost_events)
		find(f, "%llu events were lost while recording",
		     (unsigned long long)results->totals.n_lost_events);
}

static void find_anomalies(struct findings *f, const struct ht_trace_input *input,
                           const struct ht_results *results)
{
	static const char *const texts[HT_N_ANOMALIES] = {
		[HT_ANOMALY_DUPLICATE_ID] = "allocations have the id of a live block",
		[HT_ANOMALY_UNKNOWN_ID] = "frees or reallocs are of blocks that are not live",
		[HT_ANOMALY_AFTER_END] = "runs of events come after the end of their process",
		[HT_ANOMALY_UNKNOWN_STACK] = "events have a stack that is described nowhere",
		[HT_ANOMALY_NO_PROCESS] = "processes are described nowhere",
	};

	for (int i = 0; i < HT_N_ANOMALIES; i++) {
		const struct ht_anomaly *a = &results->anomalies[i];

		if (a->n == 0 || !texts[i])
			continue;
		find(f, "%llu %s; the first: process %u, thread %u, at %llu ns, number %llu",
		     (unsigned long long)a->n, texts[i],
		     input->model.processes.processes[a->process].serial, a->thread_serial,
		     (unsigned long long)ht_tick_clock_ns(&input->model.clock, a->tick),
		     (unsigned long long)a->id);
	}
	if (input->model.stacks.n_missing_nodes)
		find(f, "%llu stacks have an outer part that is described nowhere",
		     (unsigned long long)input->model.stacks.n_missing_nodes);
}

static void find_process_ends(struct findings *f, const struct ht_trace_input *input)
{
	for (size_t i = 0; i < input->model.processes.n_processes; i++) {
		const struct ht_process *p = &input->model.processes.processes[i];

		if (!p->is_described)
			find(f, "process %u has no PROCESS block", p->serial);
		if (!p->has_end && !input->is_being_recorded)
			find(f, "pid %u (%s): its end was not recorded", p->pid,
			     ht_process_name(p));
	}
}

/* Ends that need no mention among many. */
static bool is_usual_end(const struct ht_process *p)
{
	return p->end_kind == HT_END_EXEC || (p->end_kind == HT_END_EXIT && p->end_code == 0);
}

static void print_text(const struct ht_trace_input *input, const struct ht_results *results,
                       const struct findings *f, const char *path)
{
	const struct ht_process_list *list = &input->model.processes;
	struct ht_text_style style = ht_option_style(HT_COLOR_AUTO);
	char n[HT_HUMAN_BYTES], ended[HT_ENDED_BYTES];
	size_t n_silent = 0;

	style.n_columns = UINT32_MAX;
	struct ht_text_page page = ht_text_page_init(stdout, &style);

	for (size_t i = 0; i < list->n_processes; i++) {
		const struct ht_process *p = &list->processes[i];

		/* The first program's whole life, and what others did that is not usual. */
		if (list->n_processes > MAX_ENDS && is_usual_end(p) &&
		    p->pid != list->processes[0].pid) {
			n_silent++;
			continue;
		}
		ht_text_putf(&page, HT_PAINT_PLAIN, "pid %u (%s): %s", p->pid, ht_process_name(p),
		             ht_report_ended(p, ended));
		ht_text_end_line(&page);
	}
	if (n_silent) {
		ht_text_putf(&page, HT_PAINT_PLAIN, "%zu other processes: exit 0 or exec",
		             n_silent);
		ht_text_end_line(&page);
	}
	for (size_t i = 0; i < f->n; i++) {
		ht_text_putf(&page, HT_PAINT_WARNING, "%s: %s", path, ht_strbuf_str(&f->lines[i]));
		ht_text_end_line(&page);
	}
	ht_text_putf(&page, HT_PAINT_STRONG, "%s: %s, %s events", path,
	             f->n ? "damaged or incomplete" : "whole and complete",
	             ht_human_count(n, results->totals.n_events));
	ht_text_end_line(&page);
}

static void print_json(const struct ht_trace_input *input, const struct ht_results *results,
                       const struct findings *f)
{
	struct ht_json_writer json = ht_json_writer_init(stdout);
	char ended[HT_ENDED_BYTES];

	ht_json_begin_object(&json);
	ht_json_put_string(&json, "schema", "heaptide.verify/1");
	ht_json_put_bool(&json, "good", f->n == 0);
	ht_json_put_u64(&json, "events", results->totals.n_events);
	ht_json_key(&json, "processes");
	ht_json_begin_array(&json);
	for (size_t i = 0; i < input->model.processes.n_processes; i++) {
		const struct ht_process *p = &input->model.processes.processes[i];

		ht_json_begin_object(&json);
		ht_json_put_u64(&json, "pid", p->pid);
		ht_json_put_string(&json, "program", ht_process_name(p));
		ht_json_put_string(&json, "ended", ht_report_ended(p, ended));
		ht_json_end_object(&json);
	}
	ht_json_end_array(&json);
	ht_json_key(&json, "findings");
	ht_json_begin_array(&json);
	for (size_t i = 0; i < f->n; i++)
		ht_json_string(&json, ht_strbuf_str(&f->lines[i]));
	ht_json_end_array(&json);
	ht_json_end_object(&json);
	putchar('\n');
}

static int verify(const char *path, bool is_json)
{
	struct ht_trace_input input;
	struct ht_results results;
	struct findings f = { 0 };

	if (!ht_trace_input_open(&input, path, true))
		return HT_EXIT_FAILED;
	const struct ht_replay_options options = { .short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT };

	ht_trace_input_replay(&input, &options, &results);
	ht_stored_symbols_free(ht_trace_symbols_load(&input)); /* notes what is damaged */
	ht_checkpoint_verify(&input.model, input.file);
	find_damages(&f, input.file);
	find_missing_end(&f, &input, &results);
	find_anomalies(&f, &input, &results);
	find_process_ends(&f, &input);
	if (is_json)
		print_json(&input, &results, &f);
	else
		print_text(&input, &results, &f, path);

	int status = f.n ? HT_EXIT_DAMAGED : HT_EXIT_OK;

	for (size_t i = 0; i < f.n; i++)
		ht_strbuf_done(&f.lines[i]);
	free(f.lines);
	ht_results_done(&results);
	ht_trace_input_close(&input);
	return ht_cmd_finish_stdout(status);
}

int ht_cmd_verify(int argc, char **argv)
{
	static const struct option longs[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	bool is_json = false;
	const char *path;
	int c;

	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		switch (c) {
		case 'j': is_json = true; break;
		case 'h': fputs(usage, stdout); return ht_cmd_finish_stdout(HT_EXIT_OK);
		default: return ht_option_complain("verify", c, argv);
		}
	}
	int status = ht_option_path("verify", argc, argv, &path);

	return status ? status : verify(path, is_json);
}
