/* SPDX-License-Identifier: MIT */
/* heaptide symbolize: puts names of functions, files and lines into a trace. Analyzer. */
#include "analyzer/base/human.h"
#include "analyzer/base/xalloc.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/options.h"
#include "analyzer/cmd/trace_input.h"
#include "analyzer/cmd/trace_replace.h"
#include "analyzer/cmd/trace_symbols.h"
#include "analyzer/record/trace_rewrite.h"
#include "analyzer/symbols/symbol_block.h"
#include "analyzer/symbols/symbolizer.h"

#include <errno.h>
#include <getopt.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define FIRST_PROGRESS_S 1
#define PROGRESS_STEP    1024u /* addresses between two looks at the clock */

static const char usage[] =
        "Usage: heaptide symbolize [OPTIONS] TRACE\n"
        "\n"
        "Look up the function, file and line of every place in TRACE and store them in it, so that "
        "reports\n"
        "need the recorded programs and libraries no more. `heaptide record` does that at its end; "
        "this is\n"
        "for traces without names, or for files that were found since. A file of another build "
        "than "
        "the\n"
        "recorded one is never used; names that are stored already and cannot be found again "
        "stay.\n"
        "\n"
        "  -o, --output=FILE      write the trace there (default: TRACE itself, replaced at once)\n"
        "  -f, --force            replace FILE when it exists\n"
        "      --sysroot=DIR      look for recorded paths below DIR first\n"
        "      --debug-path=DIRS  look for debug files in DIRS too, with ':' between them\n"
        "      --debuginfod       ask the servers in DEBUGINFOD_URLS for files that are not here\n"
        "  -h, --help\n";

struct symbolize {
	const char *trace_path;
	const char *output; /* NULL: the trace itself */
	bool is_forced;
	struct ht_symbol_search search;

	struct ht_trace_input input;
	struct ht_stored_symbols *stored;
	struct ht_symbolizer *symbolizer;
	struct ht_block_writer *blocks; /* while writing */
	enum ht_err err;
	struct ht_diag *diag;
};

static bool parse(int argc, char **argv, struct symbolize *s, int *ret_status)
{
	enum { OPT_SYSROOT = 256, OPT_DEBUG_PATH, OPT_DEBUGINFOD };
	static const struct option longs[] = {
		{ "output", required_argument, NULL, 'o' },
		{ "force", no_argument, NULL, 'f' },
		{ "sysroot", required_argument, NULL, OPT_SYSROOT },
		{ "debug-path", required_argument, NULL, OPT_DEBUG_PATH },
		{ "debuginfod", no_argument, NULL, OPT_DEBUGINFOD },
		{ "help", no_argument, NULL, 'h' },
		{ NULL, 0, NULL, 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, ":o:fh", longs, NULL)) != -1) {
		switch (c) {
		case 'o': s->output = optarg; break;
		case 'f': s->is_forced = true; break;
		case OPT_SYSROOT: s->search.sysroot = optarg; break;
		case OPT_DEBUG_PATH: s->search.debug_paths = optarg; break;
		case OPT_DEBUGINFOD:
			if (!getenv("DEBUGINFOD_URLS") || !*getenv("DEBUGINFOD_URLS")) {
				*ret_status = ht_cmd_usage("symbolize",
				                           "--debuginfod needs servers in DEBUGINFOD_URLS");
				return false;
			}
			setenv("HEAPTIDE_DEBUGINFOD", "1", 1);
			break;
		case 'h':
			fputs(usage, stdout);
			*ret_status = HT_EXIT_OK;
			return false;
		default: *ret_status = ht_option_complain("symbolize", c, argv); return false;
		}
	}
	*ret_status = ht_option_path("symbolize", argc, argv, &s->trace_path);
	return *ret_status == HT_EXIT_OK;
}

/* Ask for every place in code that the trace knows. */
static void resolve_all(struct symbolize *s)
{
	const struct ht_trace_model *model = &s->input.model;
	size_t *module_of = ht_xalloc_zeroed(model->modules.n_images, sizeof(*module_of));
	time_t tell_at = time(NULL) + FIRST_PROGRESS_S;
	bool is_terminal = isatty(STDERR_FILENO), has_told = false;

	for (size_t i = 0; i < model->modules.n_images; i++)
		module_of[i] = SIZE_MAX;
	for (size_t i = 0; i < model->stacks.n_frames; i++) {
		const struct ht_frame *frame = &model->stacks.frames[i];

		if (frame->image == HT_NO_IMAGE)
			continue;
		if (module_of[frame->image] == SIZE_MAX) {
			const struct ht_image *image = &model->modules.images[frame->image];
			const struct ht_symbol_query query = {
				.module_path = image->path,
				.build_id = image->build_id,
				.build_id_bytes = image->build_id_bytes,
			};

			module_of[frame->image] = ht_symbolizer_module(s->symbolizer, &query);
		}
		ht_symbolizer_prepare(s->symbolizer, module_of[frame->image],
		                      frame->addr - !frame->is_exact);
		if (is_terminal && i % PROGRESS_STEP == 0 && time(NULL) > tell_at) {
			fprintf(stderr, "\rheaptide: %3u %% of the places in code named ",
			        (unsigned)(i * 100 / model->stacks.n_frames));
			fflush(stderr);
			has_told = true;
			tell_at = time(NULL);
		}
	}
	if (has_told)
		fputs("\r\033[K", stderr);
	free(module_of);
}

static bool put_body(void *context, const uint8_t *body, size_t n_bytes, uint64_t n_items)
{
	struct symbolize *s = context;
	const struct ht_block_meta meta = {
		.type = HT_BLOCK_SYMBOLS,
		.n_items = n_items,
		/* The recording is not a moment longer than it was. */
		.has_ticks = true,
		.first_tick = s->input.model.last_tick,
		.last_tick = s->input.model.last_tick,
	};

	s->err = ht_block_writer_put(s->blocks, &meta, body, n_bytes, s->diag);
	return s->err == HT_OK;
}

static enum ht_err add_symbols(void *context, struct ht_block_writer *blocks, struct ht_diag *diag)
{
	struct symbolize *s = context;

	s->blocks = blocks;
	s->diag = diag;
	s->err = HT_OK;

	struct ht_symbol_block *block = ht_symbol_block_new(NULL, put_body, s);
	bool is_saved = ht_symbolizer_save(s->symbolizer, block);

	ht_symbol_block_free(block);
	return is_saved ? HT_OK : s->err;
}

static void tell(const struct symbolize *s)
{
	char named[HT_HUMAN_BYTES], all[HT_HUMAN_BYTES];

	for (size_t i = 0; i < ht_symbolizer_n_warnings(s->symbolizer); i++)
		ht_cmd_complain("%s", ht_symbolizer_warning(s->symbolizer, i));
	ht_cmd_complain("%s of %s places in code have names",
	                ht_human_count(named, ht_symbolizer_n_named(s->symbolizer)),
	                ht_human_count(all, ht_symbolizer_n_answers(s->symbolizer)));
}

static int symbolize(struct symbolize *s)
{
	s->stored = ht_trace_symbols_load(&s->input);
	if (ht_trace_replace_is_lossy(s->input.file)) {
		ht_cmd_complain("%s is damaged (see: heaptide verify) and was not changed",
		                s->trace_path);
		return HT_EXIT_FAILED;
	}

	char *path = ht_trace_replace_path(s->trace_path, s->output, s->is_forced);

	if (!path)
		return HT_EXIT_FAILED;
	s->symbolizer = ht_symbolizer_new();
	ht_symbolizer_set_search(s->symbolizer, &s->search);
	ht_symbolizer_set_stored(s->symbolizer, s->stored, true);
	resolve_all(s);

	bool is_written = ht_trace_replace(s->trace_path, s->input.file, path, HT_BLOCK_SYMBOLS,
	                                   add_symbols, s);

	if (is_written)
		tell(s);
	free(path);
	return is_written ? HT_EXIT_OK : HT_EXIT_FAILED;
}

int ht_cmd_symbolize(int argc, char **argv)
{
	struct symbolize s = { .trace_path = NULL };
	int status;

	if (!parse(argc, argv, &s, &status))
		return ht_cmd_finish_stdout(status);
	if (!ht_trace_input_open(&s.input, s.trace_path, false))
		return HT_EXIT_FAILED;
	if (s.input.is_being_recorded) {
		ht_cmd_complain("%s is still being recorded", s.trace_path);
		status = HT_EXIT_FAILED;
	} else {
		status = symbolize(&s);
	}
	ht_symbolizer_free(s.symbolizer);
	ht_stored_symbols_free(s.stored);
	ht_trace_input_close(&s.input);
	return status;
}
