/* SPDX-License-Identifier: MIT */
/* heaptide tui: browse a trace in the terminal. Analyzer. */
#include "config.h"

#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/time_point.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/cmd/trace_symbols.h"
#include "analyzer/cmd/view_options.h"
#include "analyzer/export/export.h"
#include "analyzer/replay/replay.h"
#include "analyzer/report/report_extras.h"
#include "analyzer/tui/tui.h"

#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char usage[] =
        "Usage: heaptide tui [OPTIONS] TRACE\n"
        "\n"
        "Browse a trace in the terminal, over ssh too: trees of calls from main down and from the "
        "allocation up,\n"
        "tables of functions, files, modules and places, the report, all of it for any window of "
        "time. h tells the\n"
        "keys, which are those of uftrace and perf where these have them; q leaves.\n"
        "\n"
        "      --from T         begin with only what happened after T, as in `report`\n"
        "      --to T           and up to T\n"
        "      --source DIR     look for source files below DIR first (o opens $EDITOR at a line)\n"
        "      --short-lived N  " HT_OPTION_SHORT_LIVED_HELP "\n"
        "      --color WHEN     auto, always or never\n"
        "      --demangle HOW   " HT_OPTION_DEMANGLE_HELP "\n"
        "  -h, --help\n";

#ifdef HT_WITH_NCURSES

#define REPORT_TOP    20u
#define REPORT_FRAMES 8u

struct options {
	struct ht_replay_options replay; /* what is short-lived */
	struct ht_time_point from;
	struct ht_time_point to;
	bool has_from;
	bool has_to;
	const char *source;
	enum ht_color_choice color;
	enum ht_demangle_style demangle;
	const char *path;
};

/* What the browser calls back for. */
struct session {
	struct ht_trace_input *input;
	struct ht_symbolizer *symbolizer;
	const struct ht_results *whole;
	struct ht_results part; /* all zero, or of the window */
	struct ht_moment peak;
	struct ht_replay_options replay; /* of the whole */
};

static const struct ht_results *results_of(void *context, const struct ht_tui_window *window)
{
	struct session *s = context;
	const struct ht_tick_clock *clock = &s->input->model.clock;
	struct ht_replay_options replay = s->replay;

	if (!window->is_part)
		return s->whole;
	replay.window.has_from = window->from_ns > 0;
	replay.window.from.tick = ht_tick_clock_tick(clock, window->from_ns);
	/* Up to the end is open: what processes had when they ended counts as it does for the whole. */
	replay.window.has_to = window->to_ns < ht_tick_clock_ns(clock, s->whole->end_tick);
	replay.window.to.tick = ht_tick_clock_tick(clock, window->to_ns);
	ht_results_done(&s->part);
	ht_replay_run(s->input->file, &s->input->model, &replay, &s->part);
	return &s->part;
}

static bool read_time(void *context, const char *text, uint64_t *ret_ns)
{
	struct session *s = context;
	struct ht_time_point point;

	if (!ht_time_point_parse(text, &point) ||
	    (point.kind == HT_TIME_MARK && !ht_mark_list_find(&s->input->model.marks, point.mark)))
		return false;
	*ret_ns =
	        ht_tick_clock_ns(&s->input->model.clock,
	                         ht_time_point_find(&point, s->input, &s->replay, &s->peak).tick);
	return true;
}

static char *report_of(void *context, const struct ht_results *results)
{
	struct session *s = context;
	struct ht_view_options view = { 0 };
	struct ht_text_style style = ht_option_style(HT_COLOR_NEVER);
	struct ht_report_extras extras;
	char *text = NULL;
	size_t n_bytes;
	FILE *memory = open_memstream(&text, &n_bytes);

	if (!memory)
		abort();
	ht_report_extras_run(s->input->file, &s->input->model, results, NULL, s->symbolizer, 0,
	                     &extras);

	struct ht_report report = {
		.file = s->input->file,
		.model = &s->input->model,
		.results = results,
		.symbolizer = s->symbolizer,
		.n_top = REPORT_TOP,
		.n_frames = REPORT_FRAMES,
		.is_being_recorded = s->input->is_being_recorded,
	};

	ht_report_extras_apply(&extras, &report);
	ht_view_options_apply(&view, &report);
	ht_report_text(&report, &style, memory);
	fclose(memory);
	ht_view_options_done(&view);
	ht_report_extras_done(&extras);
	return text;
}

/* HT_EXIT_OK to go on; anything else ends the command (usage was printed when is_done). */
static int parse(int argc, char **argv, struct options *o, bool *ret_is_done)
{
	enum { OPT_FROM = 256, OPT_TO, OPT_SOURCE, OPT_COLOR, OPT_DEMANGLE, OPT_SHORT_LIVED };
	static const struct option longs[] = {
		{ "from", required_argument, NULL, OPT_FROM },
		{ "to", required_argument, NULL, OPT_TO },
		{ "source", required_argument, NULL, OPT_SOURCE },
		{ "short-lived", required_argument, NULL, OPT_SHORT_LIVED },
		{ "color", required_argument, NULL, OPT_COLOR },
		{ "demangle", required_argument, NULL, OPT_DEMANGLE },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	*ret_is_done = false;
	while ((c = getopt_long(argc, argv, ":h", longs, NULL)) != -1) {
		bool is_good = true;

		switch (c) {
		case OPT_FROM:
			is_good = ht_time_point_parse(optarg, &o->from);
			o->has_from = true;
			break;
		case OPT_TO:
			is_good = ht_time_point_parse(optarg, &o->to);
			o->has_to = true;
			break;
		case OPT_SOURCE: o->source = optarg; break;
		case OPT_SHORT_LIVED: is_good = ht_option_short_lived(optarg, &o->replay); break;
		case OPT_COLOR: is_good = ht_option_color(optarg, &o->color); break;
		case OPT_DEMANGLE: is_good = ht_option_demangle(optarg, &o->demangle); break;
		case 'h':
			fputs(usage, stdout);
			*ret_is_done = true;
			return HT_EXIT_OK;
		default: return ht_option_complain("tui", c, argv);
		}
		if (!is_good)
			return ht_cmd_usage("tui", "\"%s\" is no value for this option", optarg);
	}
	return ht_option_path("tui", argc, argv, &o->path);
}

static bool find_window(const struct options *o, struct session *s,
                        struct ht_tui_window *ret_window)
{
	const struct ht_tick_clock *clock = &s->input->model.clock;
	const struct ht_time_point end = { .kind = HT_TIME_END };
	const struct ht_time_point *to = o->has_to ? &o->to : &end;

	if (!o->has_from && !o->has_to)
		return true;
	if ((o->has_from && !ht_time_point_exists(&o->from, s->input)) ||
	    !ht_time_point_exists(to, s->input))
		return false;
	*ret_window = (struct ht_tui_window){
		.is_part = true,
		.from_ns = ht_tick_clock_ns(
		        clock, ht_time_point_find(&o->from, s->input, &s->replay, &s->peak).tick),
		.to_ns = ht_tick_clock_ns(
		        clock, ht_time_point_find(to, s->input, &s->replay, &s->peak).tick),
	};
	if (ret_window->to_ns > ret_window->from_ns)
		return true;
	ht_cmd_complain("--to is before --from");
	return false;
}

int ht_cmd_tui(int argc, char **argv)
{
	struct options o = { .replay = { .short_lived_age = HT_SHORT_LIVED_AGE_DEFAULT } };
	struct ht_trace_input input;
	struct ht_results whole;
	struct ht_tui_window window = { 0 };
	bool is_done;
	int status = parse(argc, argv, &o, &is_done);

	if (status != HT_EXIT_OK || is_done)
		return ht_cmd_finish_stdout(status);
	if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
		return ht_cmd_usage("tui", "this needs a terminal; heaptide report does without");
	if (!ht_trace_input_open(&input, o.path, false))
		return HT_EXIT_FAILED;
	ht_trace_input_replay(&input, &o.replay, &whole);

	struct ht_stored_symbols *stored = ht_trace_symbols_load(&input);
	struct ht_symbolizer *symbolizer = ht_symbolizer_new();
	struct session session = {
		.input = &input,
		.symbolizer = symbolizer,
		.whole = &whole,
		.peak = { whole.sites.peak_tick, whole.peak_event },
		.replay = o.replay,
	};
	const struct ht_text_style style = ht_option_style(o.color);

	ht_symbolizer_set_stored(symbolizer, stored, false);
	ht_symbolizer_set_demangle(symbolizer, o.demangle);
	if (!find_window(&o, &session, &window)) {
		status = HT_EXIT_FAILED;
	} else {
		const struct ht_export named = { .model = &input.model };
		const struct ht_tui_host host = {
			.title = ht_export_title(&named),
			.model = &input.model,
			.whole = &whole,
			.symbolizer = symbolizer,
			.source_directory = o.source,
			.has_color = style.has_color,
			.has_utf8 = style.has_utf8,
			.window = window,
			.results = results_of,
			.time = read_time,
			.report = report_of,
			.context = &session,
		};

		if (!ht_tui_run(&host))
			status = ht_cmd_usage("tui", "this terminal (TERM is %s) is not known",
			                      getenv("TERM") ? getenv("TERM") : "not set");
	}
	ht_trace_input_warn(&input, o.path);
	ht_symbolizer_free(symbolizer);
	ht_stored_symbols_free(stored);
	ht_results_done(&session.part);
	ht_results_done(&whole);
	ht_trace_input_close(&input);
	return status;
}

#else

int ht_cmd_tui(int argc, char **argv)
{
	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage, stdout);
		return ht_cmd_finish_stdout(HT_EXIT_OK);
	}
	ht_cmd_complain(
	        "this heaptide was built without ncurses; heaptide report and heaptide html "
	        "show the same");
	return HT_EXIT_FAILED;
}

#endif
