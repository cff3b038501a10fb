/* SPDX-License-Identifier: MIT */
/* heaptide report: peak, rate, leaks and churn of a trace. Analyzer. */
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/process_choice.h"
#include "analyzer/cmd/time_point.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/cmd/trace_symbols.h"
#include "analyzer/cmd/view_options.h"
#include "analyzer/export/sum.h"
#include "analyzer/replay/replay.h"
#include "analyzer/report/report.h"
#include "analyzer/report/report_extras.h"

#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>

#define DEFAULT_TOP    10u
#define DEFAULT_FRAMES 8u
#define MAX_WARNINGS   3u

static const char usage[] =
        "Usage: heaptide report [OPTIONS] TRACE\n"
        "\n"
        "Tell what the memory was for: who held it at its peak, who allocates most often, what was "
        "never\n"
        "freed, what was freed at once, how large blocks are and how long they live.\n"
        "\n"
        "  -n, --top N          places listed in each section (10; 0: all)\n"
        "  -d, --depth N        frames shown of each stack, levels of a tree (8; 0: all)\n"
        "      --from T         only what happened after T: a time like 1.5s, 200ms or 2m, a part\n"
        "                       like 20%, peak, or mark:LABEL (heaptide.h; mark:LABEL#2: the second)\n"
        "      --to T           only what happened up to T, or end; what is live then and was not\n"
        "                       live at the beginning is NEW\n"
        "      --at T           only what was live at T\n"
        "      --process P      only the process with this id, or the image #SERIAL; may be "
        "repeated\n"
        "      --program GLOB   only programs whose path or name matches; may be repeated\n"
        "      --by-process     only the tables of processes and programs, in full\n"
        "      --peak, --leaks, --churn, --rate, --sizes, --lifetimes, --mapped, --threads, "
        "--reallocs,\n"
        "      --frees, --pools, --misuse, --findings\n"
        "                       only these sections of the report; --threads and --reallocs then\n"
        "                       list the places, too\n"
        "      --sites          only all places, by the most that each ever had "
        "live\n" HT_VIEW_OPTIONS_HELP
        "      --short-lived N  short-lived is freed before its thread made N more allocations\n"
        "                       (allocs:64), requested so many more bytes (bytes:1M), or time\n"
        "                       passed (time:1ms)\n"
        "      --width N        columns of the text, from 80 (the terminal's, else 100; 0: no "
        "limit)\n"
        "      --color WHEN     auto, always or never\n"
        "      --demangle HOW   " HT_OPTION_DEMANGLE_HELP "\n"
        "      --jobs N         threads that decode the trace (as many as there are processors)\n"
        "      --mem-limit SIZE " HT_OPTION_MEM_LIMIT_HELP "\n"
        "      --json           everything, for scripts: schema heaptide.report/1\n"
        "  -h, --help\n";

struct options {
	uint64_t n_top;
	uint64_t n_frames;
	uint64_t n_columns;
	bool has_columns;
	bool is_json;
	bool is_of_trace; /* asks what a summary cannot answer */
	enum ht_color_choice color;
	enum ht_demangle_style demangle;
	struct ht_replay_options replay; /* what is short-lived */
	uint64_t n_jobs;
	struct ht_time_point from;
	struct ht_time_point to; /* or at */
	bool has_from;
	bool has_to;
	bool has_at;
	struct ht_process_choice processes;
	bool is_by_process;
	uint32_t sections;
	struct ht_view_options view;
	const char *path;
};

/* HT_EXIT_OK to go on; anything else ends the command (usage was printed when is_done). */
static int parse(int argc, char **argv, struct options *o, bool *ret_is_done)
{
	enum {
		OPT_JSON = 256,
		OPT_JOBS,
		OPT_MEM_LIMIT,
		OPT_WIDTH,
		OPT_COLOR,
		OPT_SHORT_LIVED, /* from here on nothing that can be asked of a summary */
		OPT_FROM,
		OPT_TO,
		OPT_AT,
		OPT_DEMANGLE,
		OPT_PROCESS,
		OPT_PROGRAM,
		OPT_BY_PROCESS,
		OPT_BY,
		OPT_SORT,
		OPT_FILTER,
		OPT_HIDE,
		OPT_ALLOC_FN,
		OPT_SUPPRESSIONS,
		OPT_SECTION, /* and enum ht_report_section: the last ones */
	};
	static const struct option longs[] = {
		{ "top", required_argument, NULL, 'n' },
		{ "depth", required_argument, NULL, 'd' },
		{ "short-lived", required_argument, NULL, OPT_SHORT_LIVED },
		{ "width", required_argument, NULL, OPT_WIDTH },
		{ "color", required_argument, NULL, OPT_COLOR },
		{ "demangle", required_argument, NULL, OPT_DEMANGLE },
		{ "jobs", required_argument, NULL, OPT_JOBS },
		{ "at", required_argument, NULL, OPT_AT },
		{ "from", required_argument, NULL, OPT_FROM },
		{ "to", required_argument, NULL, OPT_TO },
		{ "process", required_argument, NULL, OPT_PROCESS },
		{ "program", required_argument, NULL, OPT_PROGRAM },
		{ "by-process", no_argument, NULL, OPT_BY_PROCESS },
		{ "by", required_argument, NULL, OPT_BY },
		{ "suppressions", required_argument, NULL, OPT_SUPPRESSIONS },
		{ "sort", required_argument, NULL, OPT_SORT },
		{ "filter", required_argument, NULL, OPT_FILTER },
		{ "hide", required_argument, NULL, OPT_HIDE },
		{ "alloc-fn", required_argument, NULL, OPT_ALLOC_FN },
		{ "peak", no_argument, NULL, OPT_SECTION + HT_SECTION_PEAK },
		{ "leaks", no_argument, NULL, OPT_SECTION + HT_SECTION_LEAKS },
		{ "churn", no_argument, NULL, OPT_SECTION + HT_SECTION_CHURN },
		{ "rate", no_argument, NULL, OPT_SECTION + HT_SECTION_RATE },
		{ "sites", no_argument, NULL, OPT_SECTION + HT_SECTION_SITES },
		{ "sizes", no_argument, NULL, OPT_SECTION + HT_SECTION_SIZES },
		{ "lifetimes", no_argument, NULL, OPT_SECTION + HT_SECTION_LIFETIMES },
		{ "mapped", no_argument, NULL, OPT_SECTION + HT_SECTION_MAPPED },
		{ "threads", no_argument, NULL, OPT_SECTION + HT_SECTION_THREADS },
		{ "reallocs", no_argument, NULL, OPT_SECTION + HT_SECTION_REALLOCS },
		{ "findings", no_argument, NULL, OPT_SECTION + HT_SECTION_FINDINGS },
		{ "frees", no_argument, NULL, OPT_SECTION + HT_SECTION_FREES },
		{ "pools", no_argument, NULL, OPT_SECTION + HT_SECTION_POOLS },
		{ "misuse", no_argument, NULL, OPT_SECTION + HT_SECTION_MISUSE },
		{ "json", no_argument, NULL, OPT_JSON },
		{ "mem-limit", required_argument, NULL, OPT_MEM_LIMIT },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*ret_is_done = false;
	while ((c = getopt_long(argc, argv, ":n:d:h", longs, NULL)) != -1) {
		bool is_good = true;

		o->is_of_trace |= c >= OPT_SHORT_LIVED;
		switch (c) {
		case 'n': is_good = ht_option_u64(optarg, &o->n_top); break;
		case 'd': is_good = ht_option_u64(optarg, &o->n_frames); break;
		case OPT_MEM_LIMIT: is_good = ht_option_mem_limit(optarg); break;
		case OPT_JOBS: is_good = ht_option_u64(optarg, &o->n_jobs) && o->n_jobs > 0; break;
		case OPT_AT:
			is_good = ht_time_point_parse(optarg, &o->to);
			o->has_at = true;
			break;
		case OPT_FROM:
			is_good = ht_time_point_parse(optarg, &o->from) &&
			          o->from.kind != HT_TIME_END;
			o->has_from = true;
			break;
		case OPT_TO:
			is_good = ht_time_point_parse(optarg, &o->to);
			o->has_to = true;
			break;
		case OPT_SHORT_LIVED: is_good = ht_option_short_lived(optarg, &o->replay); break;
		case OPT_WIDTH:
			is_good = ht_option_u64(optarg, &o->n_columns);
			o->has_columns = true;
			break;
		case OPT_COLOR: is_good = ht_option_color(optarg, &o->color); break;
		case OPT_DEMANGLE: is_good = ht_option_demangle(optarg, &o->demangle); break;
		case OPT_JSON: o->is_json = true; break;
		case OPT_BY_PROCESS: o->is_by_process = true; break;
		case OPT_PROCESS:
		case OPT_PROGRAM:
			is_good = ht_process_choice_add(&o->processes, optarg, c == OPT_PROGRAM);
			break;
		case OPT_BY: is_good = ht_view_options_by(&o->view, optarg); break;
		case OPT_SORT: is_good = ht_view_options_sort(&o->view, optarg); break;
		case OPT_FILTER: is_good = ht_view_options_filter(&o->view, optarg); break;
		case OPT_SUPPRESSIONS:
			is_good = ht_view_options_suppressions(&o->view, optarg);
			break;
		case OPT_HIDE:
		case OPT_ALLOC_FN:
			is_good = ht_view_options_frames(
			        &o->view, c == OPT_HIDE ? HT_FRAME_HIDDEN : HT_FRAME_ALLOCATOR,
			        optarg);
			break;
		case 'h':
			fputs(usage, stdout);
			*ret_is_done = true;
			return HT_EXIT_OK;
		default:
			if (c <= OPT_SECTION)
				return ht_option_complain("report", c, argv);
			o->sections |= (uint32_t)(c - OPT_SECTION);
			break;
		}
		if (!is_good && o->view.error[0])
			return ht_cmd_usage("report", "%s", o->view.error);
		if (!is_good)
			return ht_cmd_usage("report", "\"%s\" is no value for this option", optarg);
	}
	if (o->has_at && (o->has_from || o->has_to))
		return ht_cmd_usage("report", "--at is one moment; --from and --to are for others");
	if (o->has_at && (o->sections & ~(uint32_t)(HT_SECTION_LEAKS | HT_SECTION_MAPPED)))
		return ht_cmd_usage("report", "at one moment there are --leaks and --mapped only");
	if (o->is_by_process && o->sections)
		return ht_cmd_usage("report", "--by-process is a report of its own");
	return ht_option_path("report", argc, argv, &o->path);
}

/* The window that was asked for; false, after telling, when it ends before it begins. */
static bool find_window(const struct options *o, struct ht_trace_input *input,
                        struct ht_replay_options *replay)
{
	struct ht_replay_window w = { .is_instant = o->has_at };
	struct ht_moment peak = { 0 };

	/* From 0 is from the beginning: what happened in its very tick is not left out. */
	if ((o->has_from && !ht_time_point_exists(&o->from, input)) ||
	    ((o->has_to || o->has_at) && !ht_time_point_exists(&o->to, input)))
		return false;
	if (o->has_from && (o->from.kind == HT_TIME_PEAK || o->from.kind == HT_TIME_MARK ||
	                    o->from.value > 0)) {
		w.has_from = true;
		w.from.tick = ht_time_point_find(&o->from, input, replay, &peak).tick;
	}
	/* Open at the end: what the processes had when they ended is what was live then. */
	if ((o->has_to || o->has_at) && o->to.kind != HT_TIME_END) {
		w.has_to = true;
		w.to = ht_time_point_find(&o->to, input, replay, &peak);
	}
	if (o->has_at && w.has_to) {
		w.has_from = true;
		w.from = w.to;
	}
	if (w.has_from && w.has_to && w.to.tick < w.from.tick) {
		ht_cmd_complain("--to is before --from");
		return false;
	}
	replay->window = w;
	return true;
}

static unsigned columns_of(uint64_t n_columns)
{
	if (n_columns == 0 || n_columns > UINT_MAX)
		return UINT_MAX;
	return n_columns < HT_TEXT_MIN_COLUMNS ? HT_TEXT_MIN_COLUMNS : (unsigned)n_columns;
}

static void warn_about_symbols(const struct ht_symbolizer *symbolizer)
{
	size_t n = ht_symbolizer_n_warnings(symbolizer);

	for (size_t i = 0; i < n && i < MAX_WARNINGS; i++)
		ht_cmd_complain("%s", ht_symbolizer_warning(symbolizer, i));
	if (n > MAX_WARNINGS)
		ht_cmd_complain("and %zu more such files", n - MAX_WARNINGS);
}

static int report_sum(const struct options *o)
{
	struct ht_diag diag;
	struct ht_sum *sum;

	if (o->is_of_trace)
		return ht_cmd_usage("report",
		                    "%s is a summary, without times, processes and views; these "
		                    "options tell of it: -n, --depth, --width, --color, --json",
		                    o->path);
	if (ht_sum_load(o->path, &sum, &diag)) {
		ht_cmd_complain("%s", diag.msg);
		return HT_EXIT_FAILED;
	}
	if (o->is_json) {
		ht_sum_json(sum, stdout);
	} else {
		struct ht_text_style style = ht_option_style(o->color);

		if (o->has_columns)
			style.n_columns = columns_of(o->n_columns);
		ht_sum_text(sum, o->n_top ? o->n_top : SIZE_MAX,
		            o->n_frames ? o->n_frames : SIZE_MAX, &style, stdout);
	}
	ht_sum_free(sum);
	return ht_cmd_finish_stdout(HT_EXIT_OK);
}

int ht_cmd_report(int argc, char **argv)
{
	struct options o = {
		.n_top = DEFAULT_TOP,
		.n_frames = DEFAULT_FRAMES,
		.replay = { .short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT },
	};
	struct ht_trace_input input;
	struct ht_process_selection selection;
	struct ht_results results;
	bool is_done;
	int status = parse(argc, argv, &o, &is_done);

	if (status != HT_EXIT_OK || is_done) {
		ht_view_options_done(&o.view);
		return ht_cmd_finish_stdout(status);
	}
	if (ht_sum_is_sum(o.path)) {
		status = report_sum(&o);
		ht_view_options_done(&o.view);
		return status;
	}
	if (!ht_trace_input_open(&input, o.path, false)) {
		ht_view_options_done(&o.view);
		return HT_EXIT_FAILED;
	}

	struct ht_replay_options replay = {
		.short_lived_age = o.replay.short_lived_age,
		.short_lived_unit = o.replay.short_lived_unit,
		.n_jobs = o.n_jobs < UINT_MAX ? (unsigned)o.n_jobs : UINT_MAX,
		.selection = o.processes.n_items ? &selection : NULL,
		.is_without_distributions =
		        o.sections && !(o.sections & (HT_SECTION_SIZES | HT_SECTION_LIFETIMES)),
	};

	struct ht_block_choice *blocks = NULL;
	bool is_good = ht_process_choice_find(&o.processes, &input.model.processes, &selection);

	if (is_good)
		replay.blocks = blocks = ht_view_options_blocks(&o.view, &input, replay.n_jobs);
	if (!is_good || !find_window(&o, &input, &replay)) {
		ht_block_choice_free(blocks);
		ht_process_selection_done(&selection);
		ht_trace_input_close(&input);
		ht_view_options_done(&o.view);
		return HT_EXIT_FAILED;
	}
	ht_trace_input_replay(&input, &replay, &results);
	ht_block_choice_free(blocks);

	struct ht_stored_symbols *stored = ht_trace_symbols_load(&input);
	struct ht_symbolizer *symbolizer = ht_symbolizer_new();

	ht_symbolizer_set_stored(symbolizer, stored, false);
	ht_symbolizer_set_demangle(symbolizer, o.demangle);

	struct ht_report_extras extras;

	ht_report_extras_run(input.file, &input.model, &results, replay.selection, symbolizer,
	                     replay.n_jobs, &extras);

	struct ht_report report = {
		.file = input.file,
		.model = &input.model,
		.results = &results,
		.symbolizer = symbolizer,
		.n_top = o.n_top ? o.n_top : SIZE_MAX,
		.n_frames = o.n_frames ? o.n_frames : SIZE_MAX,
		.selection = replay.selection,
		.is_being_recorded = input.is_being_recorded,
		.sections = o.sections,
	};

	ht_report_extras_apply(&extras, &report);
	ht_view_options_apply(&o.view, &report);
	if (o.is_json) {
		ht_report_json(&report, stdout);
	} else {
		struct ht_text_style style = ht_option_style(o.color);

		if (o.has_columns)
			style.n_columns = columns_of(o.n_columns);
		if (o.is_by_process)
			ht_report_processes_text(&report, &style, stdout);
		else
			ht_report_text(&report, &style, stdout);
	}
	status = ht_cmd_finish_stdout(HT_EXIT_OK);
	ht_trace_input_warn(&input, o.path);
	warn_about_symbols(symbolizer);
	ht_view_options_done(&o.view);
	ht_symbolizer_free(symbolizer);
	ht_stored_symbols_free(stored);
	ht_report_extras_done(&extras);
	ht_results_done(&results);
	ht_process_selection_done(&selection);
	ht_trace_input_close(&input);
	return status;
}
