/* SPDX-License-Identifier: MIT */
/* `heaptide record`: run a program, record it, say how it went. Analyzer. */
#include "analyzer/base/xalloc.h"
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/record_options.h"
#include "analyzer/cmd/record_summary.h"
#include "analyzer/record/allocator.h"
#include "analyzer/record/launch.h"
#include "analyzer/record/program.h"
#include "analyzer/record/recorder.h"
#include "analyzer/record/shim_path.h"
#include "analyzer/record/trace_output.h"

#include <heaptide/env.h>

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

/* As env(1), timeout(1) and nohup(1) have them. */
enum {
	EXIT_OURS = 125,
	EXIT_CANNOT_EXECUTE = 126,
	EXIT_NOT_FOUND = 127,
};

/* Everything that one recording needs; released in reverse order. */
struct recording {
	struct ht_record_options options;
	char allocator[PATH_MAX]; /* empty: none is put under the program */
	char program[PATH_MAX]; /* what is executed */
	char **argv;            /* the program's, options.first_arg on */
	int argc;
	struct ht_shim_path shim;
	struct ht_recorder *recorder;
	struct ht_launch launch;
	bool has_child;
	struct ht_trace_output output;
	struct ht_symbol_helper *names; /* NULL: none, or there is no reading back from the output */
	char **envp;
	char *region_entry;
	char *preload_entry;
};

static volatile sig_atomic_t stop;

static int exit_status_of(enum ht_err err)
{
	switch (err) {
	case HT_ERR_NOT_FOUND: return EXIT_NOT_FOUND;
	case HT_ERR_NOT_EXECUTABLE: return EXIT_CANNOT_EXECUTE;
	default: return EXIT_OURS;
	}
}

static char *make_entry(const char *name, const char *value)
{
	size_t size = strlen(name) + 1 + strlen(value) + 1;
	char *entry = ht_xalloc(size);

	stpcpy(stpcpy(stpcpy(entry, name), "="), value);
	return entry;
}

static bool is_entry_of(const char *entry, const char *name)
{
	size_t n = strlen(name);

	return strncmp(entry, name, n) == 0 && entry[n] == '=';
}

/* LD_PRELOAD: the shim, the allocator that is wanted, and what the user has there. */
static char *make_preload_entry(const struct recording *r)
{
	const char *before = getenv("LD_PRELOAD");
	size_t size = strlen(r->allocator) + 1 + strlen(before ? before : "") + 1;
	char *behind = ht_xalloc(size);

	stpcpy(stpcpy(stpcpy(behind, r->allocator), ":"), before ? before : "");

	char *value = ht_shim_path_preload_value(behind, r->shim.path);
	char *entry = make_entry("LD_PRELOAD", value);

	free(behind);
	free(value);
	return entry;
}

/* The program's environment: ours, with the variables that make it a recorded one. */
static void make_environment(struct recording *r)
{
	bool has_python = r->options.config.has_python;
	size_t n = 0;

	r->preload_entry = make_preload_entry(r);
	r->region_entry = make_entry(HEAPTIDE_ENV_REGION, ht_recorder_region_path(r->recorder));
	while (environ[n])
		n++;
	r->envp = ht_xalloc_zeroed(n + 4, sizeof(*r->envp));
	n = 0;
	for (char **e = environ; *e; e++) {
		if (!is_entry_of(*e, "LD_PRELOAD") && !is_entry_of(*e, HEAPTIDE_ENV_REGION) &&
		    !(has_python && is_entry_of(*e, "PYTHONMALLOC")))
			r->envp[n++] = *e;
	}
	/* Else the interpreter hands out small objects from arenas of its own. */
	if (has_python)
		r->envp[n++] = (char *)"PYTHONMALLOC=malloc";
	r->envp[n++] = r->preload_entry;
	r->envp[n] = r->region_entry;
}

/* Find the program and make everything ready short of running it. 0, or the exit status. */
static int prepare(struct recording *r, char *name)
{
	struct ht_diag diag = { .err = HT_OK };
	enum ht_err err = ht_program_find(name, r->program, &diag);

	if (err != HT_OK) {
		ht_cmd_complain("%s: %s", name, diag.msg);
		return exit_status_of(err);
	}
	err = ht_program_check(r->program, &diag);
	if (err != HT_OK) {
		ht_cmd_complain("%s: %s", name, diag.msg);
		/* The program itself could run: it is we who cannot. */
		return err == HT_ERR_NOT_FOUND ? EXIT_NOT_FOUND : EXIT_OURS;
	}
	if ((r->options.allocator &&
	     ht_allocator_find(r->options.allocator, r->allocator, &diag) != HT_OK) ||
	    ht_shim_path_init(&r->shim, &diag) != HT_OK ||
	    ht_recorder_new(&r->options.config, &r->recorder, &diag) != HT_OK) {
		ht_cmd_complain("%s", diag.msg);
		return EXIT_OURS;
	}
	make_environment(r);
	return 0;
}

/* Fork, make the trace file (its name may have the process id in it), let the program go. */
static int start(struct recording *r)
{
	const struct ht_record_options *o = &r->options;
	struct ht_diag diag = { .err = HT_OK };
	char path[PATH_MAX];
	enum ht_taken taken = o->is_forced         ? HT_TAKEN_REPLACE
			      : o->is_output_given ? HT_TAKEN_REFUSE
						   : HT_TAKEN_NUMBER;

	if (ht_launch_fork(&r->launch, r->program, r->argv, r->envp, &diag) != HT_OK) {
		ht_cmd_complain("%s", diag.msg);
		return EXIT_OURS;
	}
	r->has_child = true;
	bool is_open =
		ht_trace_output_expand(o->output, r->launch.pid, r->argv[0], path, &diag) == HT_OK &&
		ht_trace_output_init(&r->output, path, taken, &diag) == HT_OK;

	if (!is_open)
		ht_cmd_complain("%s", diag.msg);
	else if (ht_recorder_start(r->recorder, r->output.fd, r->argc, (const char *const *)r->argv,
				   &diag) != HT_OK)
		ht_cmd_complain("cannot write %s: %s", r->output.path, diag.msg);
	if (diag.err != HT_OK) {
		ht_launch_cancel(&r->launch);
		r->has_child = false;
		ht_trace_output_discard(&r->output);
		return EXIT_OURS;
	}
	ht_launch_catch(&r->launch, &stop);

	enum ht_err err = ht_launch_go(&r->launch, &diag);

	if (err != HT_OK) {
		ht_cmd_complain("%s: %s", r->argv[0], diag.msg);
		r->has_child = false;
		ht_trace_output_discard(&r->output);
		return exit_status_of(err);
	}
	return 0;
}

static void notify_names(void)
{
	ht_cmd_complain("looking up the names of functions (Ctrl-C leaves them out)");
}

/* Once the program runs: it does not wait for this. */
static void start_names(struct recording *r)
{
	const struct ht_symbol_wait wait = {
		.stop = &stop,
		.mask = &r->launch.mask,
		.notify = r->options.is_quiet || !isatty(STDERR_FILENO) ? NULL : notify_names,
	};

	if (r->options.has_no_names || !r->output.is_file)
		return;
	r->names = ht_symbol_helper_new(r->output.fd);
	if (r->names)
		ht_recorder_set_names(r->recorder, r->names, &wait);
}

/* Sleep until the program is gone, when nothing can be written any more. */
static void wait_for_program(struct recording *r)
{
	siginfo_t info;

	while (waitid(P_PID, (id_t)r->launch.pid, &info, WEXITED | WNOWAIT) != 0 && errno == EINTR)
		;
}

/* Record to the end. Returns the program's wait status. */
static int record(struct recording *r, struct ht_recorder_result *ret_result,
		  bool *ret_is_interrupted)
{
	struct ht_recorder_main m = {
		.pid = r->launch.pid,
		.pidfd = r->launch.pidfd,
		.stop = &stop,
		.is_stopped_by_main_only = true,
		.wait_mask = &r->launch.mask,
	};

	start_names(r);
	enum ht_run_result why = ht_recorder_run(r->recorder, &m);

	if (why == HT_RUN_MAIN_ENDED) {
		if (!r->options.is_quiet)
			ht_cmd_complain("%s ended; still recording what it started (Ctrl-C ends the "
					"recording)", r->argv[0]);
		why = ht_recorder_run(r->recorder, &m);
	}
	*ret_is_interrupted = why == HT_RUN_INTERRUPTED;
	ht_recorder_finish(r->recorder,
			   why == HT_RUN_INTERRUPTED ? HT_RECORD_INTERRUPTED : HT_RECORD_COMPLETE,
			   ret_result);
	if (why == HT_RUN_FAILED) {
		ht_record_summary_print_failure(ret_result, r->output.path);
		wait_for_program(r);
	}
	r->has_child = false;
	return ht_launch_reap(&r->launch);
}

static int finish(struct recording *r, int wait_status, const struct ht_recorder_result *result,
		  bool is_interrupted)
{
	struct ht_record_summary summary = {
		.program = r->argv[0],
		.wait_status = wait_status,
		.trace_path = r->output.path,
		.is_readable = r->output.is_file,
		.was_interrupted = is_interrupted,
		.result = result,
	};

	if (result->n_processes == 0 && result->diag.err == HT_OK) {
		ht_record_summary_print_nothing(r->argv[0], r->program, wait_status,
						result->n_unwanted);
		ht_trace_output_discard(&r->output);
	} else if (!r->options.is_quiet) {
		ht_record_summary_print(&summary);
	}
	return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

/* Once the trace is whole. */
static int check(struct recording *r)
{
	struct ht_record_options *o = &r->options;

	if (!r->output.is_file) {
		ht_cmd_complain("--check: %s is no file that can be read again", r->output.path);
		return HT_EXIT_UNREADABLE;
	}
	/* As long as it is open here it is one that is being recorded. */
	ht_trace_output_done(&r->output);
	o->check_argv[o->check_argc] = r->output.path;
	return ht_cmd_check_recorded(o->check_argc + 1, o->check_argv);
}

int ht_cmd_record(int argc, char **argv)
{
	struct recording r = { .output = { .fd = -1 } };
	struct ht_recorder_result result;
	bool is_interrupted = false;

	if (!ht_record_options_parse(&r.options, argc, argv)) {
		ht_record_options_done(&r.options);
		return EXIT_OURS;
	}
	if (r.options.is_help) {
		ht_record_options_print_help();
		return ht_cmd_finish_stdout(HT_EXIT_OK);
	}
	/* For the summary, without reading the trace again. */
	r.options.config.is_live_counted = !r.options.is_quiet;
	r.argv = argv + r.options.first_arg;
	r.argc = argc - r.options.first_arg;
	ht_launch_prepare();

	int status = prepare(&r, r.argv[0]);

	if (status == 0)
		status = start(&r);
	if (status == 0) {
		int wait_status = record(&r, &result, &is_interrupted);

		status = finish(&r, wait_status, &result, is_interrupted);
	}
	ht_symbol_helper_free(r.names);
	r.names = NULL;
	if (status == 0 && r.options.check_argc)
		status = check(&r);
	ht_record_options_done(&r.options);
	ht_trace_output_done(&r.output);
	ht_recorder_free(r.recorder);
	ht_shim_path_done(&r.shim);
	free(r.envp);
	free(r.region_entry);
	free(r.preload_entry);
	return status;
}
