/* SPDX-License-Identifier: MIT */
/*
 * `heaptide _serve REPLY_FD TARGET_PID`: the recorder that a program started with plain LD_PRELOAD
 * calls for. It must not be noticed: a process of its own session, no descriptor of the program's,
 * not a word. Analyzer.
 */
#include "analyzer/cmd/cmd.h"
#include "analyzer/cmd/record_options.h"
#include "analyzer/record/exit_status.h"
#include "analyzer/record/launch.h"
#include "analyzer/record/recorder.h"
#include "analyzer/record/shim_path.h"
#include "analyzer/record/trace_output.h"

#include <heaptide/env.h>

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

/* The program maps the region at once when it has the answer. */
#define ATTACH_NS 10000000000ull

/* As much of the program's command line as goes into the trace. */
#define CMDLINE_BYTES 131072u
#define MAX_ARGS 4096

static volatile sig_atomic_t stop;

static void on_signal(int sig)
{
	(void)sig;
	stop = 1;
}

static void close_range_or_loop(unsigned from, unsigned to)
{
	if (from > to || syscall(SYS_close_range, from, to, 0) == 0)
		return;
	long n = sysconf(_SC_OPEN_MAX);

	for (unsigned fd = from; fd <= to && fd < (unsigned)(n > 0 ? n : 65536); fd++)
		close((int)fd);
}

/* Nothing of the program's stays open, and 0, 1, 2 lead nowhere. Returns where REPLY_FD is now. */
static int isolate_descriptors(int reply_fd)
{
	int fd = fcntl(reply_fd, F_DUPFD_CLOEXEC, 3);
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	if (fd < 0)
		return -1;
	for (int i = 0; i < 3; i++) {
		if (null < 0 || dup2(null, i) < 0)
			close(i);
	}
	close_range_or_loop(3, (unsigned)fd - 1);
	close_range_or_loop((unsigned)fd + 1, ~0u);
	return fd;
}

/* The program blocked everything for us, or had handlers that are gone; start afresh. */
static void isolate_signals(void)
{
	struct sigaction action = { .sa_handler = on_signal };
	sigset_t none;

	for (int sig = 1; sig < NSIG; sig++)
		signal(sig, SIG_DFL);
	/* The program's terminal and session are not our business. */
	signal(SIGHUP, SIG_IGN);
	signal(SIGINT, SIG_IGN);
	signal(SIGQUIT, SIG_IGN);
	ht_launch_prepare();
	sigaction(SIGTERM, &action, NULL);
	sigemptyset(&none);
	sigprocmask(SIG_SETMASK, &none, NULL);
}

static void reply(int fd, const char *prefix, const char *text)
{
	char line[PATH_MAX + 256];
	int n = snprintf(line, sizeof(line), "%s%s\n", prefix, text);

	if (n > 0 && (size_t)n < sizeof(line)) {
		ssize_t written = write(fd, line, (size_t)n);

		(void)written; /* the program does without a recorder then */
	}
	close(fd);
}

/* The arguments of the program, as pointers into buf. */
static int read_command(pid_t pid, char *buf, size_t size, const char **argv, int max_args)
{
	char path[64];
	int argc = 0;

	snprintf(path, sizeof(path), "/proc/%d/cmdline", (int)pid);
	FILE *f = fopen(path, "re");

	if (!f)
		return 0;
	size_t n = fread(buf, 1, size - 1, f);

	fclose(f);
	buf[n] = '\0';
	for (size_t at = 0; at < n && argc < max_args; at += strlen(buf + at) + 1)
		argv[argc++] = buf + at;
	return argc;
}

static void read_program_name(pid_t pid, char name[PATH_MAX])
{
	char path[64];

	snprintf(path, sizeof(path), "/proc/%d/exe", (int)pid);
	ssize_t n = readlink(path, name, PATH_MAX - 1);

	if (n > 0)
		name[n] = '\0';
	else
		strcpy(name, "program");
}

static int serve(int reply_fd, pid_t target)
{
	static char cmdline[CMDLINE_BYTES];
	static const char *argv[MAX_ARGS];
	struct ht_record_options options;
	struct ht_recorder *recorder = NULL;
	struct ht_trace_output output = { .fd = -1 };
	struct ht_recorder_result result;
	struct ht_diag diag = { .msg = "" };
	char program[PATH_MAX];
	char path[PATH_MAX];
	struct ht_recorder_main m = {
		.pid = target,
		.pidfd = ht_exit_status_open_pidfd(target),
		.attach_ns = ATTACH_NS,
		.stop = &stop,
	};

	ht_record_options_from_env(&options, true);
	/* What comes may be what it starts, whenever that is. */
	if (options.config.only[0])
		m.attach_ns = 0;
	read_program_name(target, program);
	int argc = read_command(target, cmdline, sizeof(cmdline), argv, MAX_ARGS);

	if (ht_recorder_new(&options.config, &recorder, &diag) != HT_OK ||
	    ht_trace_output_expand(options.output, target, program, path, &diag) != HT_OK ||
	    ht_trace_output_init(&output, path, HT_TAKEN_NUMBER, &diag) != HT_OK ||
	    ht_recorder_start(recorder, output.fd, argc, argv, &diag) != HT_OK) {
		reply(reply_fd, "!", diag.msg);
		ht_trace_output_discard(&output);
		ht_recorder_free(recorder);
		return 1;
	}

	/* A path that stays right, and no directory held busy. */
	char *absolute = output.is_file ? realpath(output.path, NULL) : NULL;

	if (absolute)
		snprintf(output.path, sizeof(output.path), "%s", absolute);
	free(absolute);
	if (chdir("/") != 0)
		errno = 0;
	reply(reply_fd, "", ht_recorder_region_path(recorder));

	const struct ht_symbol_wait wait = { .stop = &stop };
	struct ht_symbol_helper *names =
		output.is_file && !options.has_no_names ? ht_symbol_helper_new(output.fd) : NULL;
	enum ht_run_result why;

	if (names)
		ht_recorder_set_names(recorder, names, &wait);
	do {
		why = ht_recorder_run(recorder, &m);
	} while (why == HT_RUN_MAIN_ENDED);
	ht_recorder_finish(recorder,
			   why == HT_RUN_INTERRUPTED ? HT_RECORD_INTERRUPTED : HT_RECORD_COMPLETE,
			   &result);
	ht_symbol_helper_free(names);
	if (ht_recorder_n_seen(recorder) == 0)
		ht_trace_output_discard(&output);
	ht_trace_output_done(&output);
	ht_recorder_free(recorder);
	return 0;
}

int ht_cmd_serve(int argc, char **argv)
{
	if (argc != 3)
		return HT_EXIT_FAILED;
	int reply_fd = atoi(argv[1]);
	pid_t target = (pid_t)atoi(argv[2]);

	if (reply_fd < 0 || target <= 0)
		return HT_EXIT_FAILED;
	ht_shim_path_clean_environment();
	unsetenv(HEAPTIDE_ENV_REGION);

	/* The program waits for this process only; the recorder must not be its child. */
	pid_t pid = fork();

	if (pid != 0)
		_exit(pid < 0 ? HT_EXIT_FAILED : 0);
	setsid();
	pid = fork();
	if (pid != 0)
		_exit(pid < 0 ? HT_EXIT_FAILED : 0);
	isolate_signals();
	reply_fd = isolate_descriptors(reply_fd);
	if (reply_fd < 0)
		return HT_EXIT_FAILED;
	return serve(reply_fd, target);
}
